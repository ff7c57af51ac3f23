#include "overdue.h"

#include "base/text.h"
#include "capacity.h"
#include "close.h"
#include "dispatch.h"
#include "lane.h"

enum { OVERDUE_MAX = 200 };

/* Rows that a result is just being written to are left alone. */
static const struct statement hold_sql = {
    "overdue_hold",
    "SELECT " RUN_COLUMNS " FROM jobs.processing AS u WHERE u.id = ANY (ARRAY("
    "  SELECT o.id FROM jobs.tasks AS t CROSS JOIN LATERAL (SELECT id FROM jobs.processing AS o WHERE o.task = t.name"
    "   AND o.deadline_at <= $1::timestamptz ORDER BY o.deadline_at LIMIT $2::bigint) AS o LIMIT $2))"
    " AND u.deadline_at <= $1 ORDER BY u.id FOR NO KEY UPDATE OF u SKIP LOCKED",
};

static const struct statement postpone_sql = {
    "overdue_postpone",
    "UPDATE jobs.processing AS u SET deadline_at = p.at FROM unnest($1::uuid[], $2::timestamptz[]) AS p (id, at)"
    " WHERE u.id = ANY ($1::uuid[]) AND u.id = p.id",
};

static enum status postpone(struct change *change, const struct run *runs, size_t count, struct error *error)
{
    const char **ids = ARENA_ARRAY(change->arena, const char *, count + 1);
    moment *ats = ARENA_ARRAY(change->arena, moment, count + 1);
    for (size_t i = 0; i < count; i++) {
        ids[i] = runs[i].job_id;
        ats[i] = change->now + dispatch_run_ms(runs[i].task);
    }
    if (count == 0)
        return OK;
    struct params *params = params_new(change->arena);
    params_texts(params, ids, count);
    params_moments(params, ats, count);
    return db_run(change->db, change->arena, &postpone_sql, params, NULL, error);
}

static void judge(struct run *run, moment now)
{
    struct ending ending = { .outcome = PB__JOB_OUTCOME__JOB_OUTCOME_RETRY,
                             .name = "timeout",
                             .attempts = run->attempts,
                             .attempts_max = run->attempts_max,
                             .laned = run->lanes[0] != 0 };
    run->standing = ladder_judge(&scheduler_settings.ladder, run->task, &ending, now);
    run->error = "timed out";
    run->code = "timeout";
}

static void close_overdue(struct change *change, struct run *runs, size_t count)
{
    int64_t *lanes = ARENA_ARRAY(change->arena, int64_t, count * LANES_MAX + 1);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        judge(&runs[i], change->now);
        for (size_t k = 0; k < LANES_MAX; k++)
            lanes[found++] = run_moves_lane(&runs[i], k);
    }
    lanes_lock(change, lanes, found);
    runs_close(change, runs, count);
}

static enum status overdue_change(struct change *change, bool *more, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(change->arena);
    params_moment(params, change->now);
    params_int(params, OVERDUE_MAX);
    TRY(db_run(change->db, change->arena, &hold_sql, params, &rows, error));
    *more = rows.count == OVERDUE_MAX;
    struct run *lost = ARENA_ARRAY(change->arena, struct run, rows.count + 1),
               *waiting = ARENA_ARRAY(change->arena, struct run, rows.count + 1);
    size_t lost_count = 0, waiting_count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        struct run run;
        run_read(change->arena, &rows, i, &run);
        if (capacity_of(run.task->name, change->now) > 0)
            lost[lost_count++] = run;
        else
            waiting[waiting_count++] = run;
    }
    TRY(postpone(change, waiting, waiting_count, error));
    close_overdue(change, lost, lost_count);
    return OK;
}

enum status overdue_some(struct batch *batch, bool *more, struct error *error)
{
    struct change change;
    TRY(change_begin(batch, &change, error));
    enum status status = overdue_change(&change, more, error);
    if (status != OK) {
        change_undo(&change);
        return status;
    }
    return change_commit(&change, error);
}
