/*
 * answer - what follows from a model's answer: its shape, its actions, whether it is safe, the commit.
 *
 * What is taken leaves with the batch's one commit; what may not leave is ended in answer_take, before anything is
 * stored.
 */
#pragma once
#include "turn.h"

struct answered {
    struct item *item;
    const Pb__TurnCommitRequest *commit;
};

/* Made by the caller with room for its items. */
struct answers {
    struct answered *list;
    size_t count;
};

/* Of a model, a refusal too: what may leave is committed with all others of the batch. */
void answer_take(struct batch *batch, struct item *item, const struct llm_reply *reply, struct answers *answers);
/* The provider's moderation has answered about a draft, or its call was in vain: then the turn is opened again. */
void answer_moderated(struct batch *batch, struct item *item, struct answers *answers, struct items *again);

/* Commits and ends the items, but for those whose turn must be opened again; `again` has room for all. */
void answers_commit(struct batch *batch, const struct answers *answers, struct items *again);
