#include "dispatch.h"

#include <string.h>

#include "base/text.h"
#include "capacity.h"
#include "counts.h"
#include "lane.h"
#include "work.h"

/* Beyond a task's run_ms_max: the way to the worker, a worker's death noticed by the stream (ack wait), and the way
 * back. */
enum { RUN_SLACK_MS = 20000, PRIORITY_MAX = 100 };

/* Another scheduler holds what is needed: look again when it is likely to be done. */
enum { LOCKED_WAIT_MS = 2 };

static struct metric dispatched_total = {
    .name = "parley_dispatched_total", .help = "Jobs handed to workers.", .kind = METRIC_COUNTER, .label = "task"
};
static struct metric lateness_seconds = { .name = "parley_dispatch_lateness_seconds",
                                          .help = "From the time a job was due to its dispatch.",
                                          .kind = METRIC_HISTOGRAM,
                                          .label = "task" };

int64_t dispatch_run_ms(const struct task *task)
{
    int64_t instead = scheduler_settings.run_ms_max;
    return instead ? instead : task->run_ms_max + RUN_SLACK_MS;
}

/* Longer than what ISO C99 asks of a compiler (4095); ours take it. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/*
 * In front of the picks, so that what a pick sees is younger than its hold on the task: then no row that it finds ready
 * can be dispatched by another, and it never waits for one. The setting says, to the end of the transaction, which task
 * is held.
 */
static const struct statement hold_sql = {
    "dispatch_hold",
    "WITH held AS MATERIALIZED (SELECT name FROM jobs.tasks WHERE name = $1 FOR NO KEY UPDATE SKIP LOCKED)"
    " SELECT set_config('parley.task', name, true) FROM held",
};

/*
 * task: its row, if we hold it; else the scheduler that does picks, and we have no room. room: how many; with $8 only
 * low priority's share of them. level: the priority to serve. company: who has ready jobs there, in turn from the one
 * after the last served, one index probe each. candidate: everybody's first, then everybody's second, ... A laned job
 * needs the locks of its lanes; if they are not free it is left for the next look. No row: nothing is ready, or there
 * is no room; one row without an id: something may be ready and could not be taken. (stage + 0: rows are found by id,
 * not along the index of all that are ready.)
 */
static const struct statement pick_sql = {
    "dispatch_pick",
    "WITH RECURSIVE task AS MATERIALIZED"
    "  (SELECT picks FROM jobs.tasks WHERE name = $1 AND current_setting('parley.task', true) = $1),"
    " space AS MATERIALIZED (SELECT picks, least($4::bigint,"
    "   $5::bigint - (SELECT count(*) FROM jobs.unfinished WHERE stage = 4 AND task = $1)) AS jobs FROM task),"
    " room AS MATERIALIZED (SELECT CASE WHEN $8::bool THEN (picks + jobs) / 20 - picks / 20 ELSE jobs END AS jobs FROM space),"
    " level AS MATERIALIZED ("
    "  SELECT priority, coalesce((SELECT t.company_id FROM jobs.turns AS t WHERE t.task = $1 AND t.priority = u.priority),"
    "    'ffffffff-ffff-ffff-ffff-ffffffffffff') AS last"
    "  FROM jobs.ready AS u WHERE u.task = $1 AND u.priority BETWEEN $2::smallint AND $3::smallint"
    "   AND (SELECT jobs FROM room) > 0 ORDER BY u.priority DESC LIMIT 1),"
    " company (company_id, lap, n) AS ("
    "  SELECT level.last, 0, 0 FROM level"
    "  UNION ALL"
    "  SELECT s.company_id, s.lap, c.n + 1 FROM company AS c CROSS JOIN level CROSS JOIN LATERAL (SELECT * FROM ("
    "    (SELECT u.company_id, c.lap FROM jobs.ready AS u WHERE u.task = $1 AND u.priority = level.priority"
    "      AND u.company_id > c.company_id AND (c.lap = 0 OR u.company_id <= level.last) ORDER BY u.company_id LIMIT 1)"
    "    UNION ALL"
    "    (SELECT u.company_id, 1 FROM jobs.ready AS u WHERE c.lap = 0 AND u.task = $1"
    "      AND u.priority = level.priority AND u.company_id <= level.last ORDER BY u.company_id LIMIT 1)) AS x ORDER BY lap LIMIT 1) AS s"
    "  WHERE c.n < (SELECT jobs FROM room)),"
    " share AS MATERIALIZED ("
    "  SELECT greatest(1, least((SELECT jobs FROM room), ceil((SELECT jobs FROM room) * 4.0 / greatest(count(*) - 1, 1))))::bigint AS jobs"
    "  FROM company),"
    " candidate AS MATERIALIZED ("
    "  SELECT u.id, u.status, u.k, c.n, c.company_id FROM company AS c CROSS JOIN LATERAL ("
    "    SELECT id, status, row_number() OVER (ORDER BY place_at, id) AS k FROM ("
    "      SELECT u.id, u.status, u.place_at FROM jobs.ready AS u"
    "      WHERE u.task = $1 AND u.priority = (SELECT priority FROM level) AND u.company_id = c.company_id"
    "       AND (u.lane_1 IS NULL OR $9::bool AND pg_try_advisory_xact_lock(jobs.lane_key(u.lane_1))"
    "        AND (u.lane_2 IS NULL OR pg_try_advisory_xact_lock(jobs.lane_key(u.lane_2))))"
    "      ORDER BY u.place_at, u.id LIMIT (SELECT jobs FROM share)) AS first) AS u"
    "  WHERE c.n > 0 ORDER BY u.k, c.n LIMIT greatest(0, (SELECT jobs FROM room))),"
    " taken AS ("
    "  UPDATE jobs.unfinished AS u SET stage = 4, status = 'processing', dispatch = dispatch + 1, dispatched_at = $6::timestamptz,"
    "   deadline_at = $7::timestamptz, updated_at = $6"
    "  FROM candidate AS c WHERE u.id = c.id AND u.stage + 0 = 3"
    "  RETURNING u.id, u.company_id, u.task, u.priority, u.dispatch, u.attempts, u.attempts_max, u.run_at, u.lane_1, u.lane_2, c.status,"
    "   c.k, c.n),"
    " turned AS ("
    "  INSERT INTO jobs.turns AS t (task, priority, company_id)"
    "  SELECT $1, level.priority, (SELECT company_id FROM candidate ORDER BY k DESC, n DESC LIMIT 1) FROM level"
    "  WHERE EXISTS (SELECT FROM candidate)"
    "  ON CONFLICT (task, priority) DO UPDATE SET company_id = excluded.company_id WHERE t.company_id <> excluded.company_id),"
    " spent AS (UPDATE jobs.lanes SET next_at = $6 + (interval_ms + floor(random() * (jitter_ms + 1))) * interval '1 millisecond'"
    "  WHERE id = ANY (ARRAY(SELECT lane_1 FROM taken UNION SELECT lane_2 FROM taken)) AND interval_ms + jitter_ms > 0),"
    " made AS (UPDATE jobs.tasks SET picks = picks + (SELECT count(*) FROM taken) WHERE name = $1 AND $10::bool AND EXISTS (SELECT FROM taken)),"
    " delta AS (SELECT company_id, task, " COUNT_MOVE(
        "status",
        "'processing'") ", 0 AS total FROM taken)," COUNT_DELTA " SELECT " WORK_COLUMNS ", u.run_at, u.lane_1, u.lane_2"
                        " FROM (SELECT WHERE EXISTS (SELECT FROM level) OR NOT EXISTS (SELECT FROM task)) AS one LEFT JOIN taken AS u ON true"
                        " LEFT JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = u.id LIMIT 1) AS j ON true ORDER BY u.k, u.n",
};

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

static void take_rows(struct change *change, const struct task *task, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        change_add_dispatched(change, work_read(change->arena, rows, i, change->now));
        metric_observe(&lateness_seconds, task->name, (change->now - rows_moment(rows, i, WORK_COLUMN_COUNT)) * 1000);
        for (int column = WORK_COLUMN_COUNT + 1; column <= WORK_COLUMN_COUNT + 2; column++) {
            lanes_locked(change, rows_int(rows, i, column));
            change_touch_lane(change, rows_int(rows, i, column));
        }
    }
    metric_add(&dispatched_total, task->name, (int64_t)rows->count);
}

static bool mixed(const struct task *task)
{
    return task->priority_min < PRIORITY_LIVE_MIN && task->priority_max >= PRIORITY_LIVE_MIN;
}

/* low: only the share that low priority has of the picks. */
static struct params *pick_params(struct change *change, const struct task_touch *touch, bool low)
{
    struct params *params = params_new(change->arena);
    params_text(params, touch->task->name);
    params_int(params, 0);
    params_int(params, low ? PRIORITY_LIVE_MIN - 1 : PRIORITY_MAX);
    params_int(params, touch->jobs);
    params_int(params, capacity_of(touch->task->name, change->now));
    params_moment(params, change->now);
    params_moment(params, change->now + dispatch_run_ms(touch->task));
    params_bool(params, low);
    params_bool(params, change->open);
    params_bool(params, mixed(touch->task));
    return params;
}

/* The statements for one task: low priority's share first; what it can't use goes to whoever is highest. */
static void add_picks(struct change *change, const struct task_touch *touch)
{
    if (touch->jobs <= 0 || capacity_of(touch->task->name, change->now) == 0)
        return;
    struct params *name = params_new(change->arena);
    params_text(name, touch->task->name);
    change_step(change, &hold_sql, name);
    for (int low = mixed(touch->task) ? 1 : 0; low >= 0; low--) {
        struct db_step *step = &change->steps[change->step_count];
        *step = (struct db_step){ .statement = &pick_sql, .params = pick_params(change, touch, low) };
        change->picks[change->step_count++] = (struct task_pick){ touch->task, touch->jobs };
    }
}

/* A lock that was not free, or a level that is empty while the next may not be: look again. */
static void take_pick(struct change *change, const struct task_pick *pick, const struct rows *rows)
{
    if (rows->count == 0)
        return;
    if (!rows_text(rows, 0, 0)) {
        change_wake(change, change->now + LOCKED_WAIT_MS);
        return;
    }
    if ((int64_t)rows->count < pick->jobs)
        change_wake(change, change->now);
    take_rows(change, pick->task, rows);
}

void dispatch_add(struct change *change)
{
    for (size_t i = 0; i < change->task_count; i++)
        add_picks(change, &change->tasks[i]);
    change->task_count = 0;
}

void dispatch_take(struct change *change)
{
    for (size_t i = 0; i < change->step_count; i++)
        if (change->picks[i].task)
            take_pick(change, &change->picks[i], &change->steps[i].rows);
}
