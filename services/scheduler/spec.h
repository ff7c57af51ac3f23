/*
 * spec - a JobSpec that has been checked: what enqueue writes.
 *
 * Everything a stranger could get wrong is refused here, for that item alone; past this point only the database can say
 * no.
 */
#pragma once
#include "service/client.h"
#include "service/task.h"
#include "wire/pb.h"

enum {
    PARAMS_BYTES_MAX = 64 * 1024,
    LANES_MAX = 2,
    LANE_NAME_BYTES_MAX = 255,
    LANE_MS_MAX = DAY_MS,
    LANE_IN_FLIGHT_MAX = 10000,
    SKIPPED_BYTES_MAX = 255,
    TRACEPARENT_BYTES_MAX = 128,
};

struct lane_spec {
    const char *name;
    int32_t interval_ms, jitter_ms, in_flight_max;
    int64_t id; /* of the lane's row, by company and name: jobs.lane_id in SQL */
};

struct spec {
    const char *id; /* the caller's or fresh */
    const char *company_id;
    const struct task *task;
    const char *key;    /* NULL: none */
    const char *params; /* one JSON object */
    int priority;
    moment run_at;                     /* never before now */
    struct lane_spec lanes[LANES_MAX]; /* those with a pace or a limit */
    size_t lane_count;
    int attempts_max;
    const char *correlation_id, *traceparent; /* NULL: none */
    const char *skipped;                      /* NULL: there is work to do */
};

/* REJECT with unknown_task, bad_value, too_long, malformed_json. The caller lends company and trace where the spec has
 * none. */
enum status spec_from(struct arena *arena, const Pb__JobSpec *job, const struct caller *caller, moment now,
                      struct spec *out, struct error *error);
