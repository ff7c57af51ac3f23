/*
 * moment - points in time: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
 *
 * The one clock of the house. A service asks moment_now() once per batch and passes the answer on; SQL gets it as a
 * parameter, never now().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

typedef int64_t moment; /* ms since the epoch, UTC */

/* 9999-12-31T23:59:59.999Z: as far as RFC 3339 goes. */
#define MOMENT_MAX INT64_C(253402300799999)

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * 60 * 1000,
    DAY_MS = 24 * 60 * 60 * 1000,
    MOMENT_BYTES = 25
};

moment moment_now(void);           /* wall clock; the one that tests set */
int64_t moment_monotonic_us(void); /* for intervals and latencies only; arbitrary zero */
void moment_freeze(moment at);     /* tests: moment_now answers this until moment_thaw */
void moment_thaw(void);

/* RFC 3339 UTC with ms: 2026-11-20T09:38:00.123Z. The buffer has MOMENT_BYTES. Returns it. */
char *moment_text(moment at, char out[MOMENT_BYTES]);
/* RFC 3339 with any offset and 0-9 digits of fraction, or REJECT. */
enum status moment_from_text(const char *text, moment *out, struct error *error);
