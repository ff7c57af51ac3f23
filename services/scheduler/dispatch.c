#include "dispatch.h"

#include <string.h>

#include "base/text.h"
#include "capacity.h"
#include "counts.h"
#include "lane.h"

/* Beyond a task's run_ms_max: the way to the worker, a worker's death noticed by the stream (ack wait), and the way back. */
enum { RUN_SLACK_MS = 20000, PRIORITY_MAX = 100 };

/* Another scheduler holds what is needed: look again when it is likely to be done. */
enum { LOCKED_WAIT_MS = 2 };

static struct metric dispatched_total = { .name = "parley_dispatched_total",
                                          .help = "Jobs handed to workers.",
                                          .kind = METRIC_COUNTER,
                                          .label = "task" };
static struct metric lateness_seconds = { .name = "parley_dispatch_lateness_seconds",
                                          .help = "From the time a job was due to its dispatch.",
                                          .kind = METRIC_HISTOGRAM,
                                          .label = "task" };

int64_t dispatch_low_share(int64_t picks, int64_t jobs)
{
    return (picks + jobs) / LOW_SHARE - picks / LOW_SHARE;
}

int64_t dispatch_run_ms(const struct task *task)
{
    int64_t instead = scheduler_settings.run_ms_max;
    return instead ? instead : task->run_ms_max + RUN_SLACK_MS;
}

static const struct statement hold_sql = {
    "dispatch_hold",
    "SELECT picks, (SELECT count(*) FROM jobs.unfinished WHERE stage = 4 AND task = $1) AS processing"
    " FROM jobs.tasks WHERE name = $1 FOR NO KEY UPDATE SKIP LOCKED",
};

/*
 * level: the priority to serve. company: who has ready jobs there, in turn from the one after the last served, one index probe each. candidate: everybody's first,
 * then everybody's second, ... A laned job needs its company's lane lock; if that is not free the job is left for the next look. No row: nothing is ready; one row
 * without an id: something is, and could not be taken.
 */
static const struct statement pick_sql = {
    "dispatch_pick",
    "WITH RECURSIVE room AS MATERIALIZED ("
    "  SELECT least($4::bigint, $5::bigint - (SELECT count(*) FROM jobs.unfinished WHERE stage = 4 AND task = $1)) AS jobs),"
    " level AS MATERIALIZED ("
    "  SELECT priority, coalesce((SELECT t.company_id FROM jobs.turns AS t WHERE t.task = $1 AND t.priority = u.priority),"
    "    'ffffffff-ffff-ffff-ffff-ffffffffffff') AS last"
    "  FROM jobs.unfinished AS u WHERE u.stage = 3 AND u.task = $1 AND u.priority BETWEEN $2::smallint AND $3::smallint"
    "   AND (SELECT jobs FROM room) > 0 ORDER BY u.priority DESC LIMIT 1),"
    " company (company_id, lap, n) AS ("
    "  SELECT level.last, 0, 0 FROM level"
    "  UNION ALL"
    "  SELECT s.company_id, s.lap, c.n + 1 FROM company AS c CROSS JOIN level CROSS JOIN LATERAL (SELECT * FROM ("
    "    (SELECT u.company_id, c.lap FROM jobs.unfinished AS u WHERE u.stage = 3 AND u.task = $1 AND u.priority = level.priority"
    "      AND u.company_id > c.company_id AND (c.lap = 0 OR u.company_id <= level.last) ORDER BY u.company_id LIMIT 1)"
    "    UNION ALL"
    "    (SELECT u.company_id, 1 FROM jobs.unfinished AS u WHERE c.lap = 0 AND u.stage = 3 AND u.task = $1"
    "      AND u.priority = level.priority AND u.company_id <= level.last ORDER BY u.company_id LIMIT 1)) AS x ORDER BY lap LIMIT 1) AS s"
    "  WHERE c.n < (SELECT jobs FROM room)),"
    " share AS MATERIALIZED ("
    "  SELECT greatest(1, least((SELECT jobs FROM room), ceil((SELECT jobs FROM room) * 4.0 / greatest(count(*) - 1, 1))))::bigint AS jobs"
    "  FROM company),"
    " candidate AS MATERIALIZED ("
    "  SELECT u.id, u.status, u.k, c.n, c.company_id FROM company AS c CROSS JOIN LATERAL ("
    "    SELECT id, status, row_number() OVER (ORDER BY place_at, id) AS k FROM ("
    "      SELECT u.id, u.status, u.place_at FROM jobs.unfinished AS u"
    "      WHERE u.stage = 3 AND u.task = $1 AND u.priority = (SELECT priority FROM level) AND u.company_id = c.company_id"
    "       AND (u.lane_1 IS NULL OR pg_try_advisory_xact_lock(hashtextextended('parley.lanes.' || u.company_id::text, 0)))"
    "      ORDER BY u.place_at, u.id LIMIT (SELECT jobs FROM share)) AS first) AS u"
    "  WHERE c.n > 0 ORDER BY u.k, c.n LIMIT greatest(0, (SELECT jobs FROM room))),"
    " taken AS ("
    "  UPDATE jobs.unfinished AS u SET stage = 4, status = 'processing', dispatch = dispatch + 1, dispatched_at = $6::timestamptz,"
    "   deadline_at = $7::timestamptz, updated_at = $6"
    "  WHERE u.id = ANY (ARRAY(SELECT id FROM candidate)) AND u.stage = 3"
    "  RETURNING u.id, u.company_id, u.task, u.priority, u.dispatch, u.attempts, u.attempts_max, u.run_at, u.lane_1, u.lane_2),"
    " turned AS ("
    "  INSERT INTO jobs.turns AS t (task, priority, company_id)"
    "  SELECT $1, level.priority, (SELECT company_id FROM candidate ORDER BY k DESC, n DESC LIMIT 1) FROM level"
    "  WHERE EXISTS (SELECT FROM candidate)"
    "  ON CONFLICT (task, priority) DO UPDATE SET company_id = excluded.company_id WHERE t.company_id <> excluded.company_id),"
    " delta AS (SELECT t.company_id, t.task, " COUNT_MOVE("c.status", "'processing'") ", 0 AS total"
    "  FROM taken AS t JOIN candidate AS c ON c.id = t.id),"
    COUNT_DELTA
    " SELECT t.id, t.dispatch, t.company_id, t.task, j.task_params, t.priority, t.attempts, t.attempts_max, j.correlation_id, j.traceparent,"
    "  j.created_at, t.run_at, t.lane_1, t.lane_2"
    " FROM level LEFT JOIN (taken AS t JOIN candidate AS c ON c.id = t.id) ON true"
    " LEFT JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = t.id LIMIT 1) AS j ON true ORDER BY c.k, c.n",
};

static const struct statement picked_sql = {
    "dispatch_picked",
    "UPDATE jobs.tasks SET picks = picks + $2 WHERE name = $1",
};

static Pb__JobDispatch *dispatch_read(struct change *change, const struct rows *rows, size_t row)
{
    Pb__JobDispatch *job = PB_NEW(change->arena, job_dispatch);
    job->job_id = arena_text(change->arena, rows_text(rows, row, 0));
    PB_SET(job, dispatch, (int32_t)rows_int(rows, row, 1));
    job->company_id = arena_text(change->arena, rows_text(rows, row, 2));
    job->task = arena_text(change->arena, rows_text(rows, row, 3));
    job->params = pb_json(change->arena, arena_text(change->arena, rows_text(rows, row, 4)));
    PB_SET(job, priority, (int32_t)rows_int(rows, row, 5));
    PB_SET(job, attempt, (int32_t)rows_int(rows, row, 6) + 1);
    PB_SET(job, attempts_max, (int32_t)rows_int(rows, row, 7));
    job->correlation_id = arena_text(change->arena, rows_text(rows, row, 8));
    job->traceparent = arena_text(change->arena, rows_text(rows, row, 9));
    PB_SET(job, created_at, rows_moment(rows, row, 10));
    PB_SET(job, dispatched_at, change->now);
    return job;
}

static void change_add_dispatched(struct change *change, Pb__JobDispatch *job)
{
    if (change->dispatched_count == change->dispatched_room) {
        Pb__JobDispatch **before = change->dispatched;
        change->dispatched_room = change->dispatched_room ? change->dispatched_room * 2 : 32;
        change->dispatched = ARENA_ARRAY(change->arena, Pb__JobDispatch *, change->dispatched_room);
        if (before)
            memcpy(change->dispatched, before, change->dispatched_count * sizeof(Pb__JobDispatch *));
    }
    change->dispatched[change->dispatched_count++] = job;
}

static enum status take_rows(struct change *change, const struct task *task, const struct rows *rows, struct error *error)
{
    int64_t *lanes = ARENA_ARRAY(change->arena, int64_t, rows->count * LANES_MAX + 1);
    size_t lane_count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        change_add_dispatched(change, dispatch_read(change, rows, i));
        metric_observe(&lateness_seconds, task->name, (change->now - rows_moment(rows, i, 11)) * 1000);
        for (int column = 12; column <= 13; column++)
            if (rows_int(rows, i, column))
                lanes[lane_count++] = rows_int(rows, i, column);
    }
    metric_add(&dispatched_total, task->name, (int64_t)rows->count);
    for (size_t i = 0; i < lane_count; i++)
        change_touch_lane(change, lanes[i]);
    return lanes_spend(change, lanes, lane_count, error);
}

struct pick {
    const struct task *task;
    int low, high;
    int64_t jobs; /* still wanted */
    int64_t picked, capacity;
};

static enum status pick(struct change *change, struct pick *pick, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_text(params, pick->task->name);
    params_int(params, pick->low);
    params_int(params, pick->high);
    params_int(params, pick->jobs);
    params_int(params, pick->capacity);
    params_moment(params, change->now);
    params_moment(params, change->now + dispatch_run_ms(pick->task));
    TRY(db_run(change->db, change->arena, &pick_sql, params, &rows, error));
    if (rows.count == 0)
        return OK;
    if (!rows_text(&rows, 0, 0)) {
        change_wake(change, change->now + LOCKED_WAIT_MS);
        return OK;
    }
    pick->picked += (int64_t)rows.count;
    pick->jobs -= (int64_t)rows.count;
    return take_rows(change, pick->task, &rows, error);
}

static bool mixed(const struct task *task)
{
    return task->priority_min < PRIORITY_LIVE_MIN && task->priority_max >= PRIORITY_LIVE_MIN;
}

/* Low priority's share first; what it can't use goes to whoever is highest. */
static enum status pick_all(struct change *change, struct pick *all, int64_t picks, struct error *error)
{
    struct pick low = *all;
    low.jobs = mixed(all->task) ? dispatch_low_share(picks, all->jobs) : 0;
    low.high = PRIORITY_LIVE_MIN - 1;
    if (low.jobs > 0)
        TRY(pick(change, &low, error));
    all->jobs -= low.picked;
    all->picked += low.picked;
    return all->jobs > 0 ? pick(change, all, error) : OK;
}

static enum status remember_picks(struct change *change, const struct pick *pick, struct error *error)
{
    struct params *params = params_new(change->arena);
    params_text(params, pick->task->name);
    params_int(params, pick->picked);
    return db_run(change->db, change->arena, &picked_sql, params, NULL, error);
}

static enum status dispatch_held(struct change *change, const struct task *task, const struct rows *held, int64_t jobs,
                                 struct error *error)
{
    struct pick all = { .task = task, .low = 0, .high = PRIORITY_MAX, .capacity = capacity_of(task->name, change->now) };
    int64_t window = all.capacity - rows_int(held, 0, 1);
    all.jobs = jobs < window ? jobs : window;
    if (all.jobs <= 0)
        return OK;
    TRY(pick_all(change, &all, rows_int(held, 0, 0), error));
    if (all.picked > 0 && all.jobs > 0)
        change_wake(change, change->now); /* a level is empty, the next one may not be */
    return all.picked && mixed(task) ? remember_picks(change, &all, error) : OK;
}

enum status dispatch_task(struct change *change, const struct task *task, int64_t jobs, struct error *error)
{
    if (jobs <= 0 || capacity_of(task->name, change->now) == 0)
        return OK;
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_text(params, task->name);
    TRY(db_run(change->db, change->arena, &hold_sql, params, &rows, error));
    if (rows.count > 0)
        return dispatch_held(change, task, &rows, jobs, error);
    change_wake(change, change->now + LOCKED_WAIT_MS);
    return OK;
}
