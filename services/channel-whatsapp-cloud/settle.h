/*
 * settle - tells the store what became of messages, many in one request, and ends their jobs accordingly.
 *
 * The claim is this handling's only, so what is known under it is kept until the store has taken it: nobody else can
 * ever tell. Only what the store does not take for UNKNOWN_HOLD_MS is left to the sweep, which made it unknown long
 * before.
 */
#pragma once
#include "plan.h"
#include "service/service.h"

/* A store that is away is asked again after this. */
enum { AWAY_WAIT_MS = 2000 };

/* One handling of one message; the item's state. */
struct settling {
    struct item *item;
    const char *message_id, *claim;
    bool asked;        /* a request to the gate may have been taken that was not answered */
    moment ask_until;  /* for so long the gate is asked for its answer */
    struct plan plan;  /* without an outcome until there is one; in the item's arena */
    moment at;         /* when that was */
    moment keep_until; /* what the store has not taken by then is let go */
};

/* Has come to its outcome. */
void settling_ends(struct settling *settling, struct plan plan, int64_t keep_ms);

/* Each item gets its answer, or comes to resume again when the store can't take its outcome now. */
void settle_all(struct batch *batch, struct settling *const *list, size_t count);
