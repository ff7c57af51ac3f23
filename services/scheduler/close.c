#include "close.h"

#include "base/text.h"
#include "counts.h"
#include "relay.h"
#include "wire/pbjson.h"

static struct metric dlq_total = {
    .name = "parley_dlq_total", .help = "Jobs that went to the dead letters.", .kind = METRIC_COUNTER, .label = "task"
};

/* A row whose task has left the table is finished by the usual rules. */
static const struct task task_gone = { .name = "", .attempts_max = 1, .run_ms_max = MINUTE_MS };

void run_read(struct arena *arena, const struct rows *rows, size_t row, struct run *run)
{
    const struct task *task = task_find(rows_text(rows, row, 2));
    *run = (struct run){
        .job_id = arena_text(arena, rows_text(rows, row, 0)),
        .company_id = arena_text(arena, rows_text(rows, row, 1)),
        .task = task ? task : &task_gone,
        .attempts = (int)rows_int(rows, row, 3),
        .attempts_max = (int)rows_int(rows, row, 4),
        .dispatch = rows_int(rows, row, 5),
        .lanes = { rows_int(rows, row, 6), rows_int(rows, row, 7) },
        .lane_limited = { rows_bool(rows, row, 8), rows_bool(rows, row, 9) },
    };
}

static bool is_completed(const struct run *run)
{
    return run->standing.status == PB__JOB_STATUS__JOB_STATUS_COMPLETED;
}

int64_t run_moves_lane(const struct run *run, size_t lane)
{
    bool back_in_line = lane == 0 && !is_completed(run) && run->standing.stage == STAGE_LANE_1;
    return run->lane_limited[lane] || back_in_line ? run->lanes[lane] : 0;
}

static const struct statement close_sql = {
    "runs_close",
    "WITH f AS MATERIALIZED ("
    "  SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[], $5::bool[], $6::smallint[], $7::text[], $8::text[],"
    "   $9::text[], $10::json[]) WITH ORDINALITY"
    "   AS f (id, status, stage, run_at, keeps_place, attempts, outcome, error, code, result, n)),"
    " run AS ("
    "  DELETE FROM jobs.processing AS u USING f WHERE u.id = ANY ($1) AND u.id = f.id"
    "  RETURNING u.id, u.company_id, u.task, u.priority, f.status, f.stage, f.run_at, u.lane_1, u.lane_2, f.attempts, u.attempts_max, u.dispatch,"
    "   u.dispatched_at, u.replayed, u.created_at, f.outcome, f.error, f.code, u.error AS error_before, u.code AS code_before, f.result,"
    "   CASE WHEN f.keeps_place THEN u.place_at ELSE f.run_at + f.n * interval '1 microsecond' END AS place_at),"
    " back AS ("
    "  INSERT INTO jobs.waiting (id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch,"
    "   error, code, replayed, created_at, updated_at)"
    "  SELECT id, company_id, task, priority, status, stage, run_at, place_at, lane_1, lane_2, attempts, attempts_max, dispatch,"
    "   coalesce(error, error_before), coalesce(code, code_before), replayed, created_at, $11::timestamptz FROM run WHERE status <> 'completed'),"
    " closed AS ("
    "  INSERT INTO jobs.completed (job_id, company_id, attempts, finished_at, result)"
    "  SELECT id, company_id, attempts, $11, result FROM run WHERE status = 'completed'),"
    " logged AS ("
    "  INSERT INTO jobs.job_attempts (job_id, dispatch, attempt, started_at, finished_at, outcome, error, code)"
    "  SELECT r.id, r.dispatch, CASE WHEN r.outcome IN ('deferred', 'coalesced') THEN r.attempts + 1 ELSE r.attempts END,"
    "   r.dispatched_at, $11, r.outcome, r.error, r.code"
    "  FROM run AS r),"
    " told AS (" EVENT_INSERT(
        "job.dead_lettered", "$11",
        ", 'attempt', b.attempts, 'code', b.code, 'error', b.error") "  FROM run AS b CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = b.id LIMIT 1) AS j"
                                                                     "  WHERE b.status = 'dlq'),"
                                                                     " delta AS (SELECT company_id, task, " COUNT_MOVE(
                                                                         "'processing'",
                                                                         "status") ", 0 AS total FROM run)," COUNT_DELTA
                                                                                   " SELECT 1",
};

static const char *status_word(Pb__JobStatus status)
{
    return pbjson_enum_word(&pb__job_status__descriptor, (int)status);
}

/* The columns of close_sql. */
struct columns {
    const char **ids, **statuses, **outcomes, **errors, **codes, **results;
    int64_t *stages, *attempts;
    moment *run_ats;
    bool *keeps;
};

static void columns_new(struct arena *arena, struct columns *columns, size_t count)
{
    columns->ids = ARENA_ARRAY(arena, const char *, count);
    columns->statuses = ARENA_ARRAY(arena, const char *, count);
    columns->outcomes = ARENA_ARRAY(arena, const char *, count);
    columns->errors = ARENA_ARRAY(arena, const char *, count);
    columns->codes = ARENA_ARRAY(arena, const char *, count);
    columns->results = ARENA_ARRAY(arena, const char *, count);
    columns->stages = ARENA_ARRAY(arena, int64_t, count);
    columns->attempts = ARENA_ARRAY(arena, int64_t, count);
    columns->run_ats = ARENA_ARRAY(arena, moment, count);
    columns->keeps = ARENA_ARRAY(arena, bool, count);
}

static void columns_set(struct columns *columns, size_t i, const struct run *run)
{
    columns->ids[i] = run->job_id;
    columns->statuses[i] = status_word(run->standing.status);
    columns->outcomes[i] = run->standing.outcome;
    columns->errors[i] = run->error;
    columns->codes[i] = run->code;
    columns->results[i] = is_completed(run) ? run->result : NULL;
    columns->stages[i] = run->standing.stage;
    columns->attempts[i] = run->standing.attempts;
    columns->run_ats[i] = run->standing.run_at;
    columns->keeps[i] = run->standing.keeps_place;
}

static struct params *close_params(struct change *change, const struct columns *columns, size_t count)
{
    struct params *params = params_new(change->arena);
    params_texts(params, columns->ids, count);
    params_texts(params, columns->statuses, count);
    params_ints(params, columns->stages, count);
    params_moments(params, columns->run_ats, count);
    params_bools(params, columns->keeps, count);
    params_ints(params, columns->attempts, count);
    params_texts(params, columns->outcomes, count);
    params_texts(params, columns->errors, count);
    params_texts(params, columns->codes, count);
    params_texts(params, columns->results, count);
    params_moment(params, change->now);
    return params;
}

/* A worker is free again; lanes may move; a retry's time will come. */
static void touch_ended(struct change *change, const struct run *run)
{
    change_touch_task(change, run->task->name, 1);
    for (size_t k = 0; k < LANES_MAX; k++)
        change_touch_lane(change, run_moves_lane(run, k));
    if (is_completed(run))
        return;
    if (run->standing.stage == STAGE_WAITS)
        change_wake(change, run->standing.run_at);
    if (run->standing.stage != STAGE_DEAD)
        return;
    metric_add(&dlq_total, run->task->name, 1);
    change->events_owed = true;
}

void runs_close(struct change *change, const struct run *runs, size_t count)
{
    if (count == 0)
        return;
    struct columns columns;
    columns_new(change->arena, &columns, count);
    for (size_t i = 0; i < count; i++)
        columns_set(&columns, i, &runs[i]);
    db_queue(change->db, change->arena, &close_sql, close_params(change, &columns, count), NULL);
    for (size_t i = 0; i < count; i++)
        touch_ended(change, &runs[i]);
}
