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
};

enum status context_read(struct batch *batch, struct context_task *tasks, size_t count, struct error *error);
