#include "settings.h"

struct scheduler_settings scheduler_settings = { .keep_days = 30, .dispatch_batch = 500 };

const struct setting SCHEDULER_SETTINGS[] = {
    { "JOB_LADDER_MS", .text = &scheduler_settings.ladder_text, .fallback = "",
      .help = "waits before retries, ms with commas between, for every task; empty: each task's own" },
    { "JOB_RUN_MS_MAX", .number = &scheduler_settings.run_ms_max, .fallback = "0", .min = 0, .max = DAY_MS,
      .help = "a run that is not back by then counts as failed; 0: each task's own" },
    { "JOBS_KEEP_DAYS", .number = &scheduler_settings.keep_days, .fallback = "30", .min = 1, .max = 3650,
      .help = "how long finished jobs are kept; counters outlive them" },
    { "DISPATCH_BATCH", .number = &scheduler_settings.dispatch_batch, .fallback = "500", .min = 1, .max = 5000,
      .help = "most jobs of a task that go to workers in one transaction" },
    { 0 },
};
