/*
 * capacity - how many jobs of each task the workers say they can hold.
 *
 * Heard on library threads, read by routes and duties: the one table of this process that threads share, behind its own
 * lock. What was heard longer than CAPACITY_AGE_MS_MAX ago counts no more: no worker, no dispatch.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/moment.h"

enum {
    CAPACITY_AGE_MS_MAX = 3000,
    CAPACITY_WORKERS_MAX = 4096,
    CAPACITY_JOBS_MAX = 100000,
    CAPACITY_NAME_BYTES_MAX = 96
};

/* True when the task can now hold more than was known before. */
bool capacity_hear(const char *task, const char *worker_id, int64_t jobs, moment now);
/* Free and held, of all workers heard of lately. */
int64_t capacity_of(const char *task, moment now);
void capacity_forget(void); /* tests */
