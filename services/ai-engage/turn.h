/*
 * turn - what one handling of an ai.engage job keeps while the model thinks: only what the commit needs.
 */
#pragma once
#include "guard.h"
#include "llm/offer.h"
#include "question.h"
#include "service/model_call.h"
#include "sight.h"
#include "waiting.h"

struct turn {
    struct waiting waiting;
    const char *claim;
    const char *turn_id;
    struct model_asking asking;
    const char *prompt_json;
    Pb__TurnCommitRequest commit; /* filled by and by; its texts are the item's or the batch's */
    struct llm_offer offer;       /* what the model may do beside its text */
    struct question question;     /* its vector, where a provider makes it */
    struct sight sight;           /* what it sees, where that comes from a bucket */
    struct guard guard;           /* what may leave */
    int opens;                    /* how often this handling asked for the turn */
};

struct items {
    struct item **list;
    size_t count;
};

/* The turn's own part of a commit: position, knowledge used, prompt version. Copies what outlives the batch. */
void turn_keep(struct item *item, struct turn *turn, const Pb__TurnOpened *opened, const char *model,
               const char *prompt_json);
/* The request of a commit with the model's answer. safety: the verdict on its text; NULL: there is none. */
const Pb__TurnCommitRequest *turn_commit(struct arena *arena, struct turn *turn, const struct llm_reply *reply,
                                         const char *text, const char *safety);
