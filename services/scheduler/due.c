#include "due.h"

#include <stdatomic.h>

#include "base/text.h"
#include "capacity.h"
#include "change.h"
#include "lane.h"
#include "overdue.h"
#include "work.h"

enum {
    LOOK_MS_MAX = 1000, /* a safety net: another scheduler may have died with what it knew */
    TROUBLE_MS = 250,
    PROMOTE_LIVE_MAX = 500,
    PROMOTE_LOW_MAX = 200,
    LANES_WAKE_MAX = 200,
    LOW_BATCH_MAX = 100, /* so that live work never waits long behind a batch of low priority */
    OVERDUE_LOOK_MS = 500,
};

static _Atomic int64_t look_at;
static moment overdue_at; /* of the duty's thread */

void due_by(moment at)
{
    int64_t known = atomic_load(&look_at);
    while (at < known)
        if (atomic_compare_exchange_weak(&look_at, &known, at)) {
            duty_wake(&SCHEDULER_DUTIES[DUTY_DISPATCH]);
            return;
        }
}

/* On a library thread. The duty is woken anyhow; only more room is worth a look. */
void due_hear(const void *message)
{
    const Pb__JobCapacity *word = message;
    moment now = moment_now();
    if (capacity_hear(word->task, word->worker_id, (int64_t)word->free + word->held, now))
        due_by(now);
}

static const struct statement look_sql = {
    "due_look",
    "SELECT due.live, due.low, due.lane, ready.name FROM (SELECT"
    "  (SELECT run_at FROM jobs.waiting WHERE stage = 0 AND priority >= 90 ORDER BY run_at LIMIT 1) AS live,"
    "  (SELECT run_at FROM jobs.waiting WHERE stage = 0 AND priority < 90 ORDER BY run_at LIMIT 1) AS low,"
    "  (SELECT wake_at FROM jobs.lanes WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1) AS lane) AS due"
    " LEFT JOIN LATERAL ("
    "  SELECT t.name, (SELECT u.priority FROM jobs.ready AS u WHERE u.task = t.name"
    "   ORDER BY u.priority DESC LIMIT 1) AS priority FROM jobs.tasks AS t) AS ready ON ready.priority IS NOT NULL"
    " ORDER BY ready.priority DESC, ready.name",
};

static const struct statement promote_sql = {
    "due_promote",
    "WITH live AS MATERIALIZED (SELECT id FROM jobs.waiting WHERE stage = 0 AND priority >= 90 AND run_at <= $1::timestamptz"
    "   ORDER BY run_at LIMIT $2::bigint FOR NO KEY UPDATE SKIP LOCKED),"
    " low AS MATERIALIZED (SELECT id FROM jobs.waiting WHERE stage = 0 AND priority < 90 AND run_at <= $1"
    "   ORDER BY run_at LIMIT $3::bigint FOR NO KEY UPDATE SKIP LOCKED)"
    " UPDATE jobs.waiting SET stage = CASE WHEN lane_1 IS NOT NULL THEN 1 ELSE 3 END"
    " WHERE id = ANY (ARRAY(SELECT id FROM live UNION ALL SELECT id FROM low)) AND stage + 0 = 0"
    " RETURNING task, lane_1, lane_2",
};

static const struct statement lanes_sql = {
    "due_lanes",
    "SELECT l.id, (SELECT u.lane_2 FROM jobs.waiting AS u WHERE u.lane_1 = l.id AND u.stage BETWEEN 1 AND 3"
    "  ORDER BY u.priority DESC, u.place_at, u.id LIMIT 1) AS next FROM jobs.lanes AS l"
    " WHERE l.wake_at <= $1::timestamptz ORDER BY l.wake_at LIMIT $2::bigint",
};

static enum status promote_rows(struct change *change, struct rows *rows, struct error *error)
{
    struct params *params = params_new(change->arena);
    params_moment(params, change->now);
    params_int(params, PROMOTE_LIVE_MAX);
    params_int(params, PROMOTE_LOW_MAX);
    return db_run(change->db, change->arena, &promote_sql, params, rows, error);
}

static enum status waking_lanes(struct change *change, struct rows *rows, struct error *error)
{
    struct params *params = params_new(change->arena);
    params_moment(params, change->now);
    params_int(params, LANES_WAKE_MAX);
    return db_run(change->db, change->arena, &lanes_sql, params, rows, error);
}

static enum status move_up(struct change *change, struct error *error)
{
    struct rows jobs, lanes;
    TRY(promote_rows(change, &jobs, error));
    TRY(waking_lanes(change, &lanes, error));
    int64_t *locks = ARENA_ARRAY(change->arena, int64_t, (jobs.count + lanes.count) * LANES_MAX + 1);
    size_t count = 0;
    for (size_t i = 0; i < jobs.count; i++) {
        if (rows_int(&jobs, i, 1) == 0)
            change_touch_task(change, rows_text(&jobs, i, 0), 1);
        for (int column = 1; column <= LANES_MAX; column++)
            change_touch_lane(change, locks[count++] = rows_int(&jobs, i, column));
    }
    for (size_t i = 0; i < lanes.count; i++) {
        change_touch_lane(change, locks[count++] = rows_int(&lanes, i, 0));
        locks[count++] = rows_int(&lanes, i, 1);
    }
    if (jobs.count >= PROMOTE_LOW_MAX || lanes.count == LANES_WAKE_MAX)
        change_wake(change, change->now);
    lanes_lock(change, locks, count);
    return OK;
}

static enum status change_with(struct batch *batch, enum status (*what)(struct change *change, struct error *error),
                               struct error *error)
{
    struct change change;
    TRY(change_begin(batch, &change, error));
    enum status status = what(&change, error);
    if (status != OK) {
        change_undo(&change);
        return status;
    }
    return change_commit(&change, error);
}

/* One task's backlog, a batch at a time. *full: there is probably more. */
static enum status dispatch_backlog(struct batch *batch, const struct task *task, bool *full, struct error *error)
{
    struct change change;
    int64_t jobs = scheduler_settings.dispatch_batch;
    if (task->priority_max < PRIORITY_LIVE_MIN && jobs > LOW_BATCH_MAX)
        jobs = LOW_BATCH_MAX;
    TRY(change_begin(batch, &change, error));
    change_touch_task(&change, task->name, jobs);
    TRY(change_commit(&change, error));
    *full = (int64_t)change.dispatched_count >= jobs;
    return OK;
}

static enum status dispatch_ready(struct batch *batch, const struct rows *look, struct error *error)
{
    for (size_t i = 0; i < look->count; i++) {
        const struct task *task = task_find(rows_text(look, i, 3));
        bool full = false;
        if (!task || capacity_of(task->name, batch->now) == 0)
            continue;
        TRY(dispatch_backlog(batch, task, &full, error));
        if (full)
            due_by(batch->now);
    }
    return OK;
}

static bool is_due(moment at, moment now)
{
    return at != 0 && at <= now;
}

static void sleep_until(moment at, moment now)
{
    if (at > now)
        due_by(at);
}

static enum status look(struct batch *batch, struct error *error)
{
    struct rows rows;
    TRY(work_pay(batch, error));
    TRY(db_run(batch->db, batch->arena, &look_sql, NULL, &rows, error));
    moment live = rows_moment(&rows, 0, 0), low = rows_moment(&rows, 0, 1), lane = rows_moment(&rows, 0, 2);
    sleep_until(live, batch->now);
    sleep_until(low, batch->now);
    sleep_until(lane, batch->now);
    if (is_due(live, batch->now) || is_due(low, batch->now) || is_due(lane, batch->now)) {
        TRY(change_with(batch, move_up, error));
        due_by(batch->now); /* what follows them is not known yet */
    }
    return dispatch_ready(batch, &rows, error);
}

static enum status look_for_overdue(struct batch *batch, struct error *error)
{
    if (batch->now < overdue_at && overdue_at - batch->now <= OVERDUE_LOOK_MS)
        return OK;
    bool more = false;
    TRY(overdue_some(batch, &more, error));
    overdue_at = more ? batch->now : batch->now + OVERDUE_LOOK_MS;
    due_by(overdue_at);
    return OK;
}

int64_t due_run(struct batch *batch)
{
    struct error error = { 0 };
    int64_t left_ms = atomic_load(&look_at) - batch->now;
    if (left_ms > 0 && left_ms <= LOOK_MS_MAX) /* more: the clock was put back */
        return left_ms;
    atomic_store(&look_at, batch->now + LOOK_MS_MAX);
    enum status status = look(batch, &error);
    if (status == OK)
        status = look_for_overdue(batch, &error);
    if (status != OK) {
        db_rollback(batch->db);
        log_line(LOG_WARN, "dispatch waits", "error", error.text, NULL);
        due_by(batch->now + TROUBLE_MS);
    }
    left_ms = atomic_load(&look_at) - moment_now();
    return left_ms > 0 ? left_ms : 0;
}
