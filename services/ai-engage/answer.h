/*
 * answer - what follows from a model's answer: its shape, its actions, the commit.
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

/* The answer may leave: it is committed with all others of the batch. */
void answer_take(struct batch *batch, struct item *item, const struct llm_reply *reply, struct answers *answers);

/* Commits and ends the items, but for those whose turn must be opened again; `again` has room for all. */
void answers_commit(struct batch *batch, const struct answers *answers, struct items *again);
