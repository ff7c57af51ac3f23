/*
 * event - writing the event log, in the transaction of what happened.
 *
 * event_note collects; event_flush queues all as one statement, before the commit. Payload members are in
 * docs/events.md.
 */
#pragma once
#include "service/service.h"

struct event_note {
    const char *type; /* "message.received" */
    const char *company_id;
    const char *lead_id;     /* NULL: none */
    const char *entity_type; /* NULL: "lead" */
    const char *entity_id;   /* NULL: lead_id */
    const char *payload;     /* JSON object */
    const char *actor;       /* customer, ai, operator:<name>, system */
    const char *correlation_id;
    moment occurred_at; /* 0: now */
};

struct event_list {
    struct batch *batch;
    struct event_note *notes;
    size_t count, capacity;
};
void event_note(struct event_list *list, struct event_note note);
void event_flush(struct event_list *list);

/* Of the calling thread's transaction: it begins anew; it was committed, and whoever publishes is woken if it wrote
 * events. */
void event_begin(void);
void event_committed(void);
/* Who is woken; once, at start. */
void event_publisher(void (*wake)(void));
