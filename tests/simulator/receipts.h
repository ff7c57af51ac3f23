/*
 * receipts - the statuses that follow an accepted send: sent, delivered, read, or failed.
 *
 * Statuses that fall due together leave in one POST. While many POSTs are under way the rest wait and leave in
 * fuller ones, so a slow or dead gateway is met by few big posts, never by a storm.
 */
#ifndef SIMULATOR_RECEIPTS_H
#define SIMULATOR_RECEIPTS_H

#include "faults.h"
#include "loop.h"
#include "records.h"
#include "webhook.h"

#include <stdint.h>

enum { RECEIPTS_WAITING_MAX = 200000 };

struct receipts {
    struct loop *loop;
    struct faults *faults;
    struct records *records;
    struct webhook *webhook;
    struct status *oldest; /* due and not yet posted */
    struct status *newest;
    size_t due;
    size_t scheduled; /* their moment is still to come */
    size_t posts;     /* under way */
    size_t posted;    /* statuses in them */
    struct timer flush;
};

/* What a status tells about its message. */
struct receipt_message {
    const char *id;
    const char *phone_id;
    const char *to;      /* digits; NULL when only the user id is known */
    const char *user_id; /* NULL: none */
    const char *callback;
    bool is_template;
    int64_t fail_code; /* FIELD_NONE: it reaches the phone */
};

void receipts_open(struct receipts *receipts);

/* `after_ms`: when the send is over, from which the plan's delays count. */
void receipts_schedule(struct receipts *receipts, const struct receipt_message *message, int64_t after_ms);

/* How many statuses have not reached the gateway yet. */
size_t receipts_waiting(const struct receipts *receipts);

#endif
