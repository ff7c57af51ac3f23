/*
 * task - the table of job kinds: priority, class, ladder, time limit. A new kind of work is one row here.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TASK_RETRIES_MAX = 12, PRIORITY_LIVE_MIN = 90 };

struct task {
    const char *name;                    /* "ai.engage" */
    int priority;                        /* when the caller names none */
    int priority_min, priority_max;      /* its class: P1 90-100 (somebody waits), P2 0-89; both inclusive */
    int attempts_max;                    /* first run and retries: 6 */
    int64_t ladder_ms[TASK_RETRIES_MAX]; /* wait before each retry: 5 s, 20 s, 60 s, 180 s, 600 s */
    int64_t run_ms_max;                  /* a run that is not back by then counts as failed; 60 s by default */
};

const struct task *task_find(const char *name); /* NULL: no such kind */
extern const struct task TASKS[];               /* ends with name NULL */
