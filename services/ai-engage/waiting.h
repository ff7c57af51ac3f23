/*
 * waiting - the model calls under way, by conversation, so that a nudge ends only those that are in vain.
 *
 * Each thread of the route has its own. An entry is in the table from the call's start until the call came back.
 */
#pragma once
#include <stdint.h>

#include "base/moment.h"

struct waiting {
    struct waiting *next, **at;
    const char *conversation_id;
    const char *label;        /* of the call: its claim */
    int64_t covered_position; /* the newest inbound that the prompt holds */
    moment answer_by_at;      /* after it newer inbounds wait for the next turn */
};

void waiting_add(struct waiting *entry);
void waiting_remove(struct waiting *entry); /* harmless when it isn't in */

/* The entries that a nudge makes vain, one after the other: start with NULL; NULL after the last. */
struct waiting *waiting_vain(struct waiting *after, const char *conversation_id, const char *cause, int64_t position,
                             moment now);
