/*
 * conversation - a person takes a conversation over, or gives it back to the AI. Both are idempotent.
 */
#pragma once
#include "service/service.h"

void conversation_take(struct batch *batch);
void conversation_give_back(struct batch *batch);
