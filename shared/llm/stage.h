/*
 * stage - what a stage's policy (ai_config) tells the model: goal, tone, what to learn, when to move on. Pure.
 */
#pragma once
#include "base/text.h"
#include "wire/pb.h"

/* What is wrong with a policy that is to be stored; NULL: nothing. Members that are not known are the company's own. */
const char *stage_policy_wrong(struct arena *arena, const char *json);

/* Appends a section; nothing where the stage has no policy. Members that are not known are told as they are. */
void stage_tell(struct buffer *text, const Pb__TurnContext *context);
