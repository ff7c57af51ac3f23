/*
 * receipt_work - one application of a list of receipts, between its steps: found and locked, taken effect in memory,
 * written.
 */
#pragma once
#include "receipt.h"

/* A message that receipts speak of, locked, as it will be written. */
struct spoken_of {
    const char *id, *company_id, *lead_id, *conversation_id, *channel, *external_id, *status, *status_before,
        *contact_id, *correlation_id;
    const char *error_class, *error_code, *error;
    moment sent_at;
    const char *suppressed_recipient, *unreachable_recipient; /* NULL: not that; "": the conversation's contact */
    moment at;
    bool changed;
};

/* One application of a list of receipts. */
struct applying {
    struct event_list *events;
    struct receipt_task *tasks;
    size_t count;
    struct spoken_of **by_task; /* NULL: parked */
    struct spoken_of *messages;
    size_t message_count;
    struct map *given_ids; /* the provider's ids handed out in this batch, by account */
};

/* receipt_write.c. People before messages: the fixed order of locks. */
enum status receipt_write_people(struct applying *applying, struct error *error);
void receipt_write_messages(struct applying *applying);
/* What speaks of no known message is kept for it. */
void receipt_park(struct applying *applying);
