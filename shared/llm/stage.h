/*
 * stage - what a stage's policy (ai_config) tells the model: goal, tone, what to learn, when to move on. Pure.
 */
#pragma once
#include "base/text.h"
#include "wire/pb.h"

/* Appends a section; nothing where the stage has no policy. Members that are not known are told as they are. */
void stage_tell(struct buffer *text, const Pb__TurnContext *context);
