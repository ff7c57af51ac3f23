/*
 * guard - the safety step between a model's answer and its commit: what may be read passes; of what may not the model
 * is asked for another draft, once; then a person takes over.
 *
 * No text leaves this process but through here, and of a refused one nothing does but its verdict.
 */
#pragma once
#include "service/spent.h"

enum { GUARD_REFUSALS_MAX = 4 }; /* of one handling that are told */

struct guard {          /* zeroed */
    const char *policy; /* the company's ai_policy; NULL: none */
    Pb__SafetyRefusal *refusals[GUARD_REFUSALS_MAX];
    size_t refusal_count;
    bool corrected;                       /* the model was asked for another draft */
    int prompt_tokens, completion_tokens; /* of the refused drafts */

    /* while the moderation thinks about a draft */
    bool moderating;
    const char *text, *verdict;
    struct llm_reply reply;
};

enum guard_says {
    GUARD_PASSES,
    GUARD_WAITS,     /* the item is parked, or has failed */
    GUARD_HANDS_OVER /* a person is needed: no text leaves */
};
/* Of an answer, its text as it would leave; `verdict` is set when it passes. */
enum guard_says guard_examine(struct batch *batch, struct item *item, const struct llm_reply *reply, const char *text,
                              const char **verdict);
/* In resume, of an item that waited for the moderation: the same; the draft is in the guard. again: the call was ended
 * by us. */
enum guard_says guard_moderated(struct batch *batch, struct item *item, const char **verdict, bool *again);
/* In resume, before: the moderation that was asked, counted. */
void guard_spend(struct batch *batch, const struct item *item, const char *lead_id, struct spent *spent);
/* The provider refused to write anything. */
void guard_refused(struct batch *batch, struct item *item, const struct llm_reply *reply);

/* Into the commit: the refused drafts, and what they have cost. */
void guard_tell(const struct guard *guard, Pb__TurnCommitRequest *commit);
