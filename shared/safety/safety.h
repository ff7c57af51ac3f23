/*
 * safety - whether a text that a model wrote may reach a customer. Pure: no network, no state.
 *
 * One function for every such text, whatever caused it: safety_check. It holds the text against the prompt it was
 * written from (what the company wrote, what was said) and against the company's policy. A verdict never quotes the
 * text: it can be stored and logged where the text must not be.
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "llm/llm.h"

/* A company's rules; zeroed: the defaults. */
struct safety_policy {
    const char *const *off;       /* names of checks that are not made; NULL-terminated, or NULL */
    const char *const *allowed;   /* domains, addresses, numbers that may always be told */
    const char *const *forbidden; /* phrases that are never said */
    const char *moderation;       /* "openai": also asked; "" or NULL: nobody */
    double toxicity_max;          /* a moderation's score above it is unsafe; 0: as the provider flags */
};
/* Of the member `safety` of a company's ai_policy; what is not understood is as if it were absent. json: NULL, or the
 * whole ai_policy. */
void safety_policy_read(struct arena *arena, const char *json, struct safety_policy *out);

/* What is wrong with an ai_policy that is to be stored; NULL: nothing. */
const char *safety_policy_wrong(struct arena *arena, const char *json);

struct safety_material {
    const struct llm_message *messages; /* the prompt: system, then the talk */
    size_t count;
    const struct safety_policy *policy;
    bool repeats; /* it may say what the last two replies said */
};

struct safety_verdict {
    bool safe;
    const char *check;  /* unless safe: the first check that failed, of safety_checks */
    const char *json;   /* {"safe":..,"checks":[..],"failed":[..]} */
    const char *advice; /* unless safe: what the next attempt must not do, for the model */
};
void safety_check(struct arena *arena, const struct safety_material *material, const char *text,
                  struct safety_verdict *out);

/* A verdict with what the model's provider says of its own text beside it; ratings: a JSON object, or NULL. */
const char *safety_rated(struct arena *arena, const char *verdict_json, const char *ratings);
/* The verdict of the provider's moderation on top of a safe one. toxicity: its highest score, 0 to 1. */
void safety_moderated(struct arena *arena, bool flagged, double toxicity, struct safety_verdict *verdict);
/* The provider itself refused to answer, so there is no text. */
void safety_refused(struct arena *arena, struct safety_verdict *out);

/* The prompt as it was stored (llm_prompt_json); false: it isn't one. */
bool safety_prompt_read(struct arena *arena, const char *json, struct llm_prompt *out);
