/*
 * question - the vector of what is owed, where the company has its questions embedded by a provider.
 *
 * The first opening of a turn names the model; the provider is asked once, and the turn is opened again with what it
 * said. When it does not answer, words alone find the passages: an answer never waits for a better search.
 */
#pragma once
#include "llm/embed.h"
#include "service/spent.h"

struct question {      /* zeroed: nothing was asked */
    const char *model; /* that is or was asked; in the item's arena */
    bool under_way, over;
    struct embedding *vector; /* NULL: none came */
    int tokens;               /* that it took, where its provider says so */
};

bool question_wants_vector(const struct question *question, const Pb__TurnContext *context);
/* Parks the item; false: there is nobody to ask. label as in item_call. */
bool question_call(struct batch *batch, struct item *item, struct question *question, const Pb__TurnContext *context,
                   const char *label);
/* In resume: whether it was this call that is over. */
bool question_told(struct batch *batch, struct item *item, struct question *question);
/* In resume, after question_told: what it cost, if it was answered. */
void question_spend(struct batch *batch, const struct item *item, const struct question *question,
                    const char *conversation_id, const char *lead_id, struct spent *spent);
void question_add(const struct question *question, Pb__TurnOpenRequest *request);
