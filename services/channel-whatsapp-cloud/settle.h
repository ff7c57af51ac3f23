/*
 * settle - tells the store what became of messages, many in one request, and ends their jobs accordingly.
 *
 * The claim is this handling's only: when the store can't be reached even after trying again, the message is left to
 * the sweep, which makes it unknown.
 */
#pragma once
#include "plan.h"
#include "service/service.h"

struct settling {
    struct item *item;
    const char *message_id, *claim;
    struct plan plan;
};

void settle_all(struct batch *batch, struct settling *list, size_t count);
