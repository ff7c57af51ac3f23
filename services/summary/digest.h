/*
 * digest - what a model is asked for, and what it says to that: a lead's summary, or what is to be remembered of a
 * conversation's earlier part. Pure.
 *
 * A model's text is a stranger's: what is not as it was asked for is mended where that is certain (too many sentences,
 * too long a list) and malformed otherwise.
 */
#pragma once
#include "llm/transcript.h"

enum {
    SENTENCES_MIN = 3,
    SENTENCES_MAX = 5,
    KEY_POINTS_MAX = 7,
    MEMORY_CHARACTERS_MAX = 1500,
};

/* The task of a step. */
struct llm_task digest_task(struct arena *arena, Pb__SummaryStep step, const Pb__TurnContext *context);

/* For model_told: leaves a good answer as it is, makes another LLM_RETRY, "malformed". */
void digest_read(struct arena *arena, const void *step, struct llm_reply *reply);

/* Of a text that digest_read took. */
Pb__SummaryDigest *digest_of(struct arena *arena, const char *text);
const char *digest_memory(struct arena *arena, const char *text);

/* The first `count` sentences. */
const char *digest_sentences(struct arena *arena, const char *text, size_t count);
size_t digest_sentence_count(struct arena *arena, const char *text);
