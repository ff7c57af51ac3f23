/*
 * moderation - asking a provider's moderation about a text; the same idea as llm.h: compose a request, judge an answer.
 * Pure.
 *
 * OpenAI's only: Gemini moderates what it writes by itself (a reply it blocks is LLM_REFUSED), Anthropic offers none.
 */
#pragma once
#include "llm/llm.h"

struct moderation {
    enum llm_end end; /* ANSWERED, or what to do */
    bool flagged;
    double score;       /* the highest of all categories, 0 to 1 */
    const char *reason; /* unless ANSWERED, as in llm_reply */
    const char *error;  /* one sentence without personal data */
    int64_t retry_after_ms;
};

bool moderation_known(const char *provider);
extern const char MODERATION_MODEL[];
void moderation_compose(struct arena *arena, const struct llm_endpoint *endpoint, const char *text,
                        struct llm_http *out);
void moderation_judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct moderation *out);
