/*
 * context - what a turn is told: what is owed, what was said before, who the person is, how the company wants to be
 * answered, what it knows.
 *
 * Read under the conversation's lock, for many turns at once. Everything is bounded, so that a reply always fits.
 */
#pragma once
#include "hold.h"

struct context_task {
    const struct held_conversation *conversation;
    Pb__TurnContext *context; /* set by context_read; NULL: the lead's stage or company is gone */
    bool documents;           /* the company has some: there may be passages */
};

/* All but the passages. */
enum status context_read(struct batch *batch, struct context_task *tasks, size_t count, struct error *error);
/*
 * What the company knows about what is owed: after the transaction, for it takes its time and needs no lock. Each
 * context of another conversation.
 */
enum status context_add_passages(struct batch *batch, Pb__TurnContext *const *contexts, size_t count,
                                 struct error *error);
