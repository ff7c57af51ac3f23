/*
 * close - writes what runs came to: rows, attempts, counts and the events owed, in one statement.
 */
#pragma once
#include "change.h"

/* A run that has ended. Filled from its row (hold), judged, then written. */
struct run {
    const char *job_id, *company_id;
    const struct task *task;
    int attempts, attempts_max;
    int64_t dispatch;
    int64_t lanes[LANES_MAX];
    bool lane_limited[LANES_MAX]; /* has a limit of jobs in flight */
    struct standing standing;
    const char *error, *code; /* NULL: none */
    const char *result;       /* JSON or NULL */
};

/* From a row of (id, company_id, task, attempts, attempts_max, dispatch, lane_1, lane_2, limited_1, limited_2). */
#define RUN_COLUMNS                                                                                                    \
    "u.id, u.company_id, u.task, u.attempts, u.attempts_max, u.dispatch, u.lane_1, u.lane_2,"                          \
    " EXISTS (SELECT FROM jobs.lanes AS l WHERE l.id = u.lane_1 AND l.in_flight_max > 0),"                             \
    " EXISTS (SELECT FROM jobs.lanes AS l WHERE l.id = u.lane_2 AND l.in_flight_max > 0)"
void run_read(struct arena *arena, const struct rows *rows, size_t row, struct run *run);

/* The lane changes by its end: somebody may go, or it is back in line. The lane's id, or 0. */
int64_t run_moves_lane(const struct run *run, size_t lane);

/* With the next statement that is run. In the order of their ids or not; the rows and, where lanes move, the lane locks
 * are held. */
void runs_close(struct change *change, const struct run *runs, size_t count);
