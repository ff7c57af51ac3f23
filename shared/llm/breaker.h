/*
 * breaker - whether a provider is worth a call: closed until it fails again and again, then open for a while, then one
 * call tries it (half open). Pure; time is the caller's.
 *
 * It only ever chooses between models: a company with no other model is asked as if there were no breaker. So every
 * call that was admitted must be told as well, as failed, as worked or as forgotten.
 */
#pragma once
#include <stdbool.h>

#include "base/moment.h"

enum {
    BREAKER_FAILURES = 5,   /* in a row, that open it */
    BREAKER_WAIT_MS = 2000, /* of the first time; doubles with every probe that fails */
    BREAKER_WAIT_MS_MAX = 60 * 1000,
    BREAKER_PROBE_MS_MAX = 60 * 1000, /* a probe of which nothing is heard for so long is given up */
};

struct breaker {     /* zeroed: closed */
    int failures;    /* in a row */
    int64_t wait_ms; /* how long it was opened for last; 0: closed */
    moment open_until;
    moment probe_until; /* 0: none is under way */
};

/* Whether a call may go there; when half open, the one that is admitted is the probe. */
bool breaker_admit(struct breaker *breaker, moment now);
/* As breaker_admit, but nothing changes. */
bool breaker_admits(const struct breaker *breaker, moment now);

void breaker_worked(struct breaker *breaker);
/* retry_after_ms: the provider's own; at_once: waiting for four more would be pointless (it wants other money or
 * another key, or told when to come back). */
void breaker_failed(struct breaker *breaker, moment now, int64_t retry_after_ms, bool at_once);
/* The call was ended by us: it says nothing. */
void breaker_forget(struct breaker *breaker);
