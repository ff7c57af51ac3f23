#include "replay.h"

#include "base/ident.h"
#include "base/text.h"
#include "change.h"
#include "counts.h"
#include "lane.h"
#include "relay.h"

enum { REPLAY_JOBS = 10, REPLAY_JOBS_MAX = 1000 };

/* Of tasks that are still in the table; a row that another replay holds is its own. */
static const struct statement hold_sql = {
    "replay_hold",
    "SELECT id, task, lane_1, lane_2 FROM jobs.waiting WHERE id = ANY (ARRAY("
    "  SELECT d.id FROM unnest($2::text[]) AS t (name) CROSS JOIN LATERAL (SELECT u.id, u.created_at FROM jobs.waiting AS u"
    "   WHERE u.company_id = $1::uuid AND u.status = 'dlq' AND u.task = t.name ORDER BY u.created_at, u.id"
    "   LIMIT $3::bigint) AS d ORDER BY d.created_at, d.id LIMIT $3)) AND stage + 0 = 5"
    " ORDER BY created_at, id FOR NO KEY UPDATE SKIP LOCKED",
};

static const struct statement replay_sql = {
    "replay",
    "WITH b AS ("
    "  UPDATE jobs.waiting AS u SET status = 'queued', stage = CASE WHEN u.lane_1 IS NOT NULL THEN 1 ELSE 3 END, attempts = 0,"
    "   run_at = $2::timestamptz, place_at = $2 + r.n * interval '1 microsecond', error = NULL, code = NULL, replayed = true,"
    "   updated_at = $2"
    "  FROM unnest($1::uuid[]) WITH ORDINALITY AS r (id, n) WHERE u.id = ANY ($1) AND u.id = r.id AND u.stage + 0 = 5"
    "  RETURNING u.id, u.company_id, u.task),"
    " told AS (" EVENT_INSERT(
        "job.replayed", "$2",
        "") "  FROM b CROSS JOIN LATERAL (SELECT * FROM jobs.jobs AS j WHERE j.id = b.id LIMIT 1) AS j),"
            " delta AS (SELECT company_id, task, " COUNT_MOVE("'dlq'", "'queued'") ", 0 AS total FROM b)," COUNT_DELTA
                                                                                   " SELECT 1",
};

static enum status hold(struct change *change, const char *company_id, int64_t jobs, struct rows *rows,
                        struct error *error)
{
    const char *names[CHANGE_TASKS_MAX];
    size_t count = 0;
    for (const struct task *task = TASKS; task->name && count < CHANGE_TASKS_MAX; task++)
        names[count++] = task->name;
    struct params *params = params_new(change->arena);
    params_text(params, company_id);
    params_texts(params, names, count);
    params_int(params, jobs);
    return db_run(change->db, change->arena, &hold_sql, params, rows, error);
}

static void revive(struct change *change, const struct rows *rows)
{
    const char **ids = ARENA_ARRAY(change->arena, const char *, rows->count);
    int64_t *lanes = ARENA_ARRAY(change->arena, int64_t, rows->count * LANES_MAX);
    for (size_t i = 0; i < rows->count; i++) {
        ids[i] = rows_text(rows, i, 0);
        lanes[i * LANES_MAX] = rows_int(rows, i, 2);
        lanes[i * LANES_MAX + 1] = rows_int(rows, i, 3);
    }
    lanes_lock(change, lanes, rows->count * LANES_MAX);
    struct params *params = params_new(change->arena);
    params_texts(params, ids, rows->count);
    params_moment(params, change->now);
    db_queue(change->db, change->arena, &replay_sql, params, NULL);
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows_text(rows, i, 2))
            change_touch_task(change, rows_text(rows, i, 1), 1);
        change_touch_lane(change, rows_int(rows, i, 2));
        change_touch_lane(change, rows_int(rows, i, 3));
    }
    change->events_owed = true;
}

static Pb__JobReplayReply *reply_from(struct arena *arena, const struct rows *rows)
{
    Pb__JobReplayReply *reply = PB_NEW(arena, job_replay_reply);
    PB_SET(reply, replayed, (int32_t)rows->count);
    reply->job_ids = ARENA_ARRAY(arena, char *, rows->count);
    reply->jobs = ARENA_ARRAY(arena, Pb__JobReplay *, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        Pb__JobReplay *job = PB_NEW(arena, job_replay);
        job->job_id = arena_text(arena, rows_text(rows, i, 0));
        PB_SET(job, outcome, PB__REPLAY_OUTCOME__REPLAY_OUTCOME_REPLAYED);
        reply->jobs[reply->n_jobs++] = job;
        reply->job_ids[reply->n_job_ids++] = job->job_id;
    }
    return reply;
}

static enum status replay_change(struct change *change, struct item *item, int64_t jobs, struct error *error)
{
    struct rows rows;
    const char *company_id = text_lower(change->arena, item->caller.company_id);
    TRY(hold(change, company_id, jobs, &rows, error));
    if (rows.count > 0)
        revive(change, &rows);
    item->reply = &reply_from(item->arena, &rows)->base;
    return OK;
}

static enum status replay_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__JobReplayRequest *request = item->message;
    int64_t jobs = request->has_max_jobs ? request->max_jobs : REPLAY_JOBS;
    if (jobs < 1 || jobs > REPLAY_JOBS_MAX)
        return error_code(error, REJECT, "bad_value", "max_jobs is 1 to %d", REPLAY_JOBS_MAX);
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "bad_value", "company_id is no UUID");
    struct change change;
    TRY(change_begin(batch, &change, error));
    enum status status = replay_change(&change, item, jobs, error);
    if (status != OK) {
        change_undo(&change);
        return status;
    }
    return change_commit(&change, error);
}

void replay_handle(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i]->status = replay_one(batch, batch->items[i], &batch->items[i]->error);
}
