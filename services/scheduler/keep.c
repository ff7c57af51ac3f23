#include "keep.h"

#include "base/text.h"
#include "change.h"
#include "lane.h"

enum {
    KEEP_MS = 60 * 1000,
    PURGE_MS = 60 * 60 * 1000,
    PURGE_MAX = 2000,
    LANES_MAX_AT_ONCE = 500,
    LANE_AGE_MS = DAY_MS,
    GAUGE_MS = 5000
};

static moment fold_at, purge_at, lanes_at; /* of the duty's thread */

static struct metric jobs_ready = {
    .name = "parley_jobs_queued", .help = "Jobs that wait.", .kind = METRIC_GAUGE, .label = "task"
};
static struct metric jobs_processing = {
    .name = "parley_jobs_processing", .help = "Jobs with workers.", .kind = METRIC_GAUGE, .label = "task"
};
static struct metric jobs_dlq = {
    .name = "parley_jobs_dlq", .help = "Jobs in the dead letters.", .kind = METRIC_GAUGE, .label = "task"
};

static const struct statement gauges_sql = {
    "keep_gauges",
    "SELECT task, sum(queued) + sum(failed), sum(processing), sum(dlq) FROM jobs.counts GROUP BY task",
};

static enum status set_gauges(struct batch *batch, struct error *error)
{
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &gauges_sql, NULL, &rows, error));
    for (size_t i = 0; i < rows.count; i++) {
        metric_set(&jobs_ready, rows_text(&rows, i, 0), rows_int(&rows, i, 1));
        metric_set(&jobs_processing, rows_text(&rows, i, 0), rows_int(&rows, i, 2));
        metric_set(&jobs_dlq, rows_text(&rows, i, 0), rows_int(&rows, i, 3));
    }
    return OK;
}

/* Rows of other sessions become part of slot 0. A row that is being written is left for next time: nobody waits for
 * this. */
static const struct statement fold_sql = {
    "keep_fold",
    "WITH alone AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtextextended('parley.jobs.fold', 0)) AS yes),"
    " picked AS MATERIALIZED (SELECT company_id, task, slot FROM jobs.counts WHERE slot <> 0 AND (SELECT yes FROM alone)"
    "  FOR UPDATE SKIP LOCKED),"
    " gone AS (DELETE FROM jobs.counts AS c USING picked AS p"
    "  WHERE c.company_id = p.company_id AND c.task = p.task AND c.slot = p.slot RETURNING c.*)"
    " INSERT INTO jobs.counts AS c (company_id, task, slot, queued, processing, completed, failed, dlq, total)"
    " SELECT company_id, task, 0, sum(queued), sum(processing), sum(completed), sum(failed), sum(dlq), sum(total) FROM gone"
    " GROUP BY company_id, task ORDER BY company_id, task"
    " ON CONFLICT (company_id, task, slot) DO UPDATE SET queued = c.queued + excluded.queued,"
    "  processing = c.processing + excluded.processing, completed = c.completed + excluded.completed,"
    "  failed = c.failed + excluded.failed, dlq = c.dlq + excluded.dlq, total = c.total + excluded.total",
};

static const struct statement purge_sql = {
    "keep_purge",
    "WITH old AS MATERIALIZED ("
    "  SELECT j.id FROM (SELECT DISTINCT company_id, task FROM jobs.counts) AS c CROSS JOIN LATERAL ("
    "   SELECT id FROM jobs.jobs AS j WHERE j.company_id = c.company_id AND j.task_name = c.task AND j.created_at < $1::timestamptz"
    "    AND (SELECT d.finished_at FROM jobs.completed AS d WHERE d.job_id = j.id) < $1 ORDER BY j.created_at, j.id"
    "   LIMIT $2::bigint) AS j LIMIT $2),"
    " attempts AS (DELETE FROM jobs.job_attempts WHERE job_id = ANY (ARRAY(SELECT id FROM old))),"
    " completed AS (DELETE FROM jobs.completed WHERE job_id = ANY (ARRAY(SELECT id FROM old)))"
    " DELETE FROM jobs.jobs WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id",
};

static enum status purge(struct batch *batch, bool *more, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_moment(params, batch->now - scheduler_settings.keep_days * DAY_MS);
    params_int(params, PURGE_MAX);
    TRY(db_run(batch->db, batch->arena, &purge_sql, params, &rows, error));
    *more = rows.count == PURGE_MAX;
    return OK;
}

/* A lane that nobody has stood in for a day. Jobs that wait outside it name it too, so all of them are asked, under the
 * lanes' locks. */
static const struct statement unused_sql = {
    "keep_lanes_unused",
    "SELECT id FROM jobs.lanes WHERE next_at < $1::timestamptz AND wake_at IS NULL AND id > $2::bigint ORDER BY id LIMIT $3::bigint",
};

/* named: those of them that a job names, found by one walk over the jobs. */
static const struct statement drop_sql = {
    "keep_lanes_drop",
    "WITH asked AS MATERIALIZED (SELECT unnest($1::bigint[]) AS id),"
    " named AS MATERIALIZED ("
    "  SELECT DISTINCT u.lane_1 AS id FROM jobs.unfinished AS u JOIN asked ON asked.id = u.lane_1"
    "  UNION SELECT DISTINCT u.lane_2 FROM jobs.unfinished AS u JOIN asked ON asked.id = u.lane_2)"
    " DELETE FROM jobs.lanes AS l USING asked AS a WHERE l.id = ANY ($1) AND l.id = a.id AND l.wake_at IS NULL"
    " AND NOT EXISTS (SELECT FROM named AS n WHERE n.id = l.id)",
};

static void drop_lanes(struct change *change, const struct rows *rows)
{
    int64_t *ids = ARENA_ARRAY(change->arena, int64_t, rows->count);
    for (size_t i = 0; i < rows->count; i++)
        ids[i] = rows_int(rows, i, 0);
    lanes_lock(change, ids, rows->count);
    struct params *params = params_new(change->arena);
    params_ints(params, ids, rows->count);
    db_queue(change->db, change->arena, &drop_sql, params, NULL);
}

static enum status purge_lanes(struct batch *batch, int64_t *last, bool *more, struct error *error)
{
    struct rows rows;
    struct change change;
    struct params *params = params_new(batch->arena);
    params_moment(params, batch->now - LANE_AGE_MS);
    params_int(params, *last);
    params_int(params, LANES_MAX_AT_ONCE);
    TRY(db_run(batch->db, batch->arena, &unused_sql, params, &rows, error));
    *more = rows.count == LANES_MAX_AT_ONCE;
    *last = *more ? rows_int(&rows, rows.count - 1, 0) : INT64_MIN;
    if (rows.count == 0)
        return OK;
    TRY(change_begin(batch, &change, error));
    drop_lanes(&change, &rows);
    return change_commit(&change, error);
}

/* One thing per round, so that a round is short. */
static enum status keep_one(struct batch *batch, bool *more, struct error *error)
{
    static int64_t last_lane = INT64_MIN; /* ids are of either sign */
    if (batch->now >= fold_at) {
        fold_at = batch->now + KEEP_MS;
        return db_run(batch->db, batch->arena, &fold_sql, NULL, NULL, error);
    }
    if (batch->now >= purge_at) {
        TRY(purge(batch, more, error));
        purge_at = *more ? batch->now : batch->now + PURGE_MS;
        return OK;
    }
    if (batch->now >= lanes_at) {
        TRY(purge_lanes(batch, &last_lane, more, error));
        lanes_at = *more ? batch->now : batch->now + PURGE_MS;
    }
    return OK;
}

int64_t keep_run(struct batch *batch)
{
    struct error error = { 0 };
    bool more = false;
    enum status status = set_gauges(batch, &error);
    if (status == OK)
        status = keep_one(batch, &more, &error);
    if (status == OK)
        return more ? 0 : GAUGE_MS;
    db_rollback(batch->db);
    log_line(LOG_WARN, "housekeeping waits", "error", error.text, NULL);
    return GAUGE_MS;
}
