/*
 * receipt - what providers say of messages we sent. A status is only ever raised.
 */
#pragma once
#include "core/event.h"
#include "service/service.h"

void receipt_apply(struct batch *batch);

/* One receipt of a list that is applied in order inside the caller's transaction. */
struct receipt_task {
    const Pb__Receipt *receipt;
    const char *account_id, *company_id; /* found here */
    Pb__ReceiptApplied *applied;         /* set unless refused */
    enum status status;                  /* REJECT: no such account */
};
enum status receipt_apply_all(struct event_list *events, struct receipt_task *tasks, size_t count, struct error *error);
