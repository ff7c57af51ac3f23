/*
 * settings - what the operator may set for the scheduler.
 */
#pragma once
#include "base/setting.h"
#include "ladder.h"

struct scheduler_settings {
    const char *ladder_text;
    struct ladder ladder; /* read from the text at start; count 0: each task's own */
    int64_t run_ms_max;   /* 0: each task's own */
    int64_t keep_days;
    int64_t dispatch_batch;
};
extern struct scheduler_settings scheduler_settings;
extern const struct setting SCHEDULER_SETTINGS[];
