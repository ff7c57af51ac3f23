/*
 * hub - everybody who listens to the event stream: one thread writes to all of them, a slow one holds up nobody.
 *
 * A company that somebody listens to has a head, the number up to which its events were told. A listener who stands at
 * the head is given what comes after it; one who stands behind (he resumes, or does not read) is given pages of his own
 * until he is there. Nothing is kept for him here but what is on its way: the log has it all.
 *
 * The one rule: a listener's number moves together with what is queued for him, under the lock. So he misses none and
 * gets none twice.
 */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "stream/filter.h"

struct listener;

enum status hub_open(struct error *error);
void hub_close(void); /* what is on its way is still written as far as the peers take it */

/* Who begins to listen. RETRY too_many_streams: there are as many as may be. */
enum status hub_admit(const char *company_id, const char *key_id, const struct filter *filter, struct listener **out,
                      struct error *error);
void hub_dismiss(struct listener *listener); /* admitted, and never taken */
/* From which event on, and where the company's head is if nobody listens to it yet. */
void hub_begin(struct listener *listener, int64_t number, int64_t settled_number);
void hub_take(void *listener, int fd); /* struct web_response's */

/* -- what the feed does */

struct frame {
    const char *lead_id, *type;
    const char *text; /* as it goes out */
    size_t bytes;
};

/* A question to the log: a company's events after its head, or one listener's up to it. */
struct hub_want {
    const char *company_id;
    uint64_t listener; /* 0: the company's head */
    int64_t after, upto;
    struct filter filter; /* of a listener */
};

void hub_due(const char *company_id);                            /* something is new there; NULL: look everywhere */
size_t hub_heads(struct arena *arena, struct hub_want **out);    /* companies where something may be new */
size_t hub_laggards(struct arena *arena, struct hub_want **out); /* listeners behind their head, some of them */
/* The answer to one of them: everything up to `through`. again: look there once more. */
void hub_tell(const struct hub_want *want, const struct frame *frames, size_t count, int64_t through, bool again);
/* What is in no log: to all who listen now. */
void hub_pass(const char *company_id, const struct frame *frame);
