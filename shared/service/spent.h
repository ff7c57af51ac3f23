/*
 * spent - calls of models that led to no commit and were paid for all the same: told to the store, once per batch.
 *
 * Best effort: what a store that is away isn't told of is not counted.
 */
#pragma once
#include "service/model_call.h"

/* Made by the caller with room for its items. */
struct spent {
    struct call *calls;
    size_t count;
};

/* Adds what the reply says it cost; nothing where it says nothing. */
void spent_add(struct batch *batch, const struct item *item, const struct model_asking *asking,
               const struct llm_reply *reply, const char *conversation_id, const char *lead_id, struct spent *spent);
void spent_tell(struct batch *batch, const struct spent *spent);
