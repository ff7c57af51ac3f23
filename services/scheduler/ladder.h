/*
 * ladder - what becomes of a job whose run has ended: pure, the time is a parameter.
 *
 * An attempt counts when the job completed, failed, or was lost with its worker; a deferred or superseded one does not
 * count.
 */
#pragma once
#include "service/service.h"
#include "service/task.h"

struct ladder {
    int64_t ms[TASK_RETRIES_MAX];
    size_t count; /* 0: the task's own */
};

/* "5,20,60": replaces the ladders of all tasks; "" gives count 0. */
enum status ladder_from(const char *text, struct ladder *out, struct error *error);

/* Wait before the retry that follows run number `attempt` (1 = the first); a provider's own wait only stretches it. */
int64_t ladder_wait_ms(const struct ladder *instead, const struct task *task, int attempt, int64_t retry_after_ms);

/* How a run ended, and where its job stood. */
struct ending {
    Pb__JobOutcome outcome;
    const char *name; /* of the attempt's outcome: "completed", "retry", ... */
    int attempts;     /* counted before this run */
    int attempts_max;
    int64_t retry_after_ms;
    moment run_at;    /* defer: until */
    int64_t delay_ms; /* coalesce: when the other job is gone */
    bool other_live;  /* coalesce: the newer job is queued, processing or failed */
    bool laned;
};

/* Where the job stands now. */
struct standing {
    Pb__JobStatus status;
    int stage; /* of jobs.waiting; unused when completed */
    int attempts;
    moment run_at;
    bool keeps_place;    /* its place in its lanes is what it was */
    const char *outcome; /* what the attempt is recorded as */
};

struct standing ladder_judge(const struct ladder *instead, const struct task *task, const struct ending *ending,
                             moment now);

enum { STAGE_WAITS, STAGE_LANE_1, STAGE_LANE_2, STAGE_READY, STAGE_PROCESSING, STAGE_DEAD };

/* A deferral into the past would come back at once, for ever. */
enum { DEFER_MS_MIN = 100, RETRY_AFTER_MS_MAX = DAY_MS };
