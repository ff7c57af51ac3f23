/*
 * embed - text as a direction in space: texts that mean alike point alike. Pure: no network, no state.
 *
 * A model is named "<provider>:<model>"; vectors of different models are never compared. All have the same number of
 * dimensions and one byte each, whatever the provider gives. `local` needs nothing and is computed here; the others are
 * asked by embed_compose and embed_judge.
 */
#pragma once
#include "llm/llm.h"

enum { EMBED_DIMENSIONS = 512, EMBED_TEXTS_MAX = 16 /* of one call */ };

struct embedding {
    int8_t value[EMBED_DIMENSIONS]; /* only the direction counts; all zero: nothing to compare */
};

/* "local", "openai", "gemini", or such a name with a model of one's own behind a colon -> the whole name; NULL: no such
 * provider, or no name that can be. */
const char *embed_model(struct arena *arena, const char *name);
bool embed_is_local(const char *model);
const struct llm_provider *embed_provider(const char *model); /* whose endpoint is asked; NULL: local, unknown */

void embed_local(struct arena *arena, const char *text, struct embedding *out);

/* -1 to 1; 0 where one of them is all zero. */
double embed_cosine(const struct embedding *a, const struct embedding *b);
/* Nearest of what a chunk that has nothing to do with the question comes to, by the model; above it one may count. */
double embed_cosine_min(const char *model);

/* Texts of one call, at most EMBED_TEXTS_MAX, none empty. question: they are asked, not stored. */
void embed_compose(struct arena *arena, const struct llm_endpoint *endpoint, const char *model,
                   const char *const *texts, size_t count, bool question, struct llm_http *out);
/* As its provider calls it. */
const char *embed_model_name(const char *model);
/* *out has one embedding per text when end is ANSWERED; prompt_tokens where the provider tells them. */
void embed_judge(struct arena *arena, const char *model, size_t count, long http_status, const char *body, size_t bytes,
                 struct embedding *out, struct llm_reply *reply);
/* Any number of dimensions, brought to ours. */
void embed_fit(const double *values, size_t count, struct embedding *out);
