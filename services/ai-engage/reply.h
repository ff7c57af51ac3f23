/*
 * reply - a model's text as it may leave: trimmed, without the mark of a colleague, no longer than the channel takes.
 * Pure.
 */
#pragma once
#include "base/arena.h"
#include "llm/llm.h"

/* A text that is too long, or was cut by the model's token limit, ends with its last whole sentence where there is one
 * in its second half. "" when nothing is left. */
const char *reply_shape(struct arena *arena, const struct llm_reply *reply, size_t characters_max);
