/*
 * spent - calls of models that led to no commit and were paid for all the same, and those that an answer took besides
 * (embeddings, moderations): told to the store, once per batch.
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

/* Adds what the reply says it cost; nothing where it says nothing, unless the call was cut off: what a provider did
 * with the request it never tells, so it is counted as a call, without tokens. */
void spent_add(struct batch *batch, const struct item *item, const struct model_asking *asking,
               const struct llm_reply *reply, const char *conversation_id, const char *lead_id, struct spent *spent);
/* An answered call that is no model's answer: an embedding, a moderation. Texts outlive the batch's calls.
 * conversation_id NULL: of none. */
void spent_besides(struct batch *batch, const struct item *item, const char *provider, const char *model, int tokens,
                   const char *conversation_id, const char *lead_id, struct spent *spent);
void spent_tell(struct batch *batch, const struct spent *spent);
