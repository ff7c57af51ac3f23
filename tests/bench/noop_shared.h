/*
 * noop_shared - what the worker of the no-op benchmark tells its driver, in memory both have mapped.
 *
 * Times are CLOCK_MONOTONIC, one clock for all processes.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

enum { NOOP_SAMPLES_MAX = 10000 };

struct noop_shared {
    _Atomic int64_t handled;            /* jobs since the driver set it to 0 */
    _Atomic int64_t first_us, last_us;  /* handler calls; first_us 0: none yet */
    int64_t waits_us[NOOP_SAMPLES_MAX]; /* of jobs that say when they were enqueued: until their handler started */
    _Atomic int64_t wait_count;
};
