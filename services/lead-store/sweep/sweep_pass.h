/*
 * sweep_pass - the single passes of the sweep. Each is bounded; a cursor in memory carries on where the last one ended.
 */
#pragma once
#include "core/event.h"

struct sweep_cursor {
    moment at;
    const char *id; /* "" : from the start */
    char id_bytes[40];
};
void sweep_cursor_params(const struct sweep_cursor *cursor, struct params *params);
/* After a page: at its last row, or back to the start if the page was not full. */
void sweep_cursor_move(struct sweep_cursor *cursor, const struct rows *rows, size_t page, const char *at_column,
                       const char *id_column);

/* sweep_jobs.c: what should have a live job. */
enum status sweep_owed(struct batch *batch, struct error *error);
enum status sweep_queued(struct batch *batch, struct error *error);
/* sweep_send.c: what left and was not heard of. */
enum status sweep_sending(struct batch *batch, struct error *error);
enum status sweep_unknown(struct batch *batch, struct error *error);
/* sweep_overdue.c: who waited too long. */
enum status sweep_overdue(struct batch *batch, struct error *error);
/* sweep_person.c: who waited too long for a person. */
enum status sweep_person(struct batch *batch, struct error *error);
/* sweep_receipts.c */
enum status sweep_parked(struct batch *batch, struct error *error);
/* sweep_old.c */
enum status sweep_old(struct batch *batch, struct error *error);

/* A conversation whose customer waits for the AI, since then, in vain. */
struct abandoned {
    const char *conversation_id, *correlation_id, *reason;
    moment since;
};
/* In a transaction of its own: they become a person's, and the customers are told, unless they were answered since. */
enum status sweep_hand_over(struct batch *batch, const struct abandoned *list, size_t count, struct error *error);

/* A message that a person must look at, whoever owns its conversation; said once per trouble, which began at `since`.
 */
struct flag {
    const char *conversation_id, *message_id, *reason;
    moment since;
};
/* Inside a transaction. */
enum status sweep_flag(struct event_list *events, const struct flag *flags, size_t count, struct error *error);

/* One transaction of its own; wakes the relay. */
typedef enum status sweep_work(struct event_list *events, void *context, struct error *error);
enum status sweep_transaction(struct batch *batch, sweep_work *work, void *context, struct error *error);
