#include "dispatch.h"

#include <string.h>

#include "base/text.h"
#include "capacity.h"
#include "lane.h"
#include "work.h"

/* Beyond a task's run_ms_max: the way to the worker, a worker's death noticed by the stream (ack wait), and the way
 * back. */
enum { RUN_SLACK_MS = 20000, PRIORITY_MAX = 100, LIVE_SHARE = 8 };

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

/*
 * In front of the picks, so that what a pick sees is younger than its hold on the task: then no row that it finds ready
 * can be dispatched by another, and it never waits for one. The setting says, to the end of the transaction, which task
 * is held.
 */
static const struct statement hold_sql = {
    "dispatch_hold",
    "SELECT set_config('parley.task', $1, true) WHERE jobs.hold_task($1)",
};

/* What it takes and answers: migrations/0005_steps.sql. */
static const struct statement pick_sql = {
    "dispatch_pick",
    "SELECT * FROM jobs.pick($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
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

/* A lane nobody else stands in has nothing to move up, provided that nobody could come in meanwhile. */
static void take_lane(struct change *change, const struct rows *rows, size_t row, int column)
{
    int64_t lane = rows_int(rows, row, column);
    if (!rows_bool(rows, row, column + 1) || !lanes_hold_lock(change, lane))
        change_touch_lane(change, lane);
    lanes_locked(change, lane);
}

void dispatch_left(struct change *change, const struct task *task, Pb__JobDispatch *job, moment run_at)
{
    const char *name = task ? task->name : "";
    change_add_dispatched(change, job);
    metric_observe(&lateness_seconds, name, (change->now - run_at) * 1000);
    metric_add(&dispatched_total, name, 1);
}

static void take_rows(struct change *change, const struct task *task, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        dispatch_left(change, task, work_read(change->arena, rows, i, 0, change->now),
                      rows_moment(rows, i, WORK_COLUMN_COUNT));
        take_lane(change, rows, i, WORK_COLUMN_COUNT + 1);
        take_lane(change, rows, i, WORK_COLUMN_COUNT + 3);
    }
}

bool dispatch_mixed(const struct task *task)
{
    return task->priority_min < PRIORITY_LIVE_MIN && task->priority_max >= PRIORITY_LIVE_MIN;
}

/* Of a task with both classes: low priority's share of the picks, live work, what is left for low priority. */
enum pass { PASS_SHARE, PASS_LIVE, PASS_REST, PASS_COUNT };

/* jobs.low_capacity has the same. */
int64_t dispatch_low_capacity(const struct task *task, int64_t jobs)
{
    return dispatch_mixed(task) ? jobs - jobs / LIVE_SHARE : jobs;
}

/* Low priority's share goes on, however busy the workers are with live work. */
static int64_t capacity_in(const struct task *task, enum pass pass, moment now)
{
    int64_t jobs = capacity_of(task->name, now);
    return pass == PASS_REST ? dispatch_low_capacity(task, jobs) : jobs;
}

static struct params *pick_params(struct change *change, const struct task_touch *touch, enum pass pass, bool laned)
{
    bool low = dispatch_mixed(touch->task) && pass != PASS_LIVE;
    struct params *params = params_new(change->arena);
    params_text(params, touch->task->name);
    params_int(params, pass == PASS_LIVE ? PRIORITY_LIVE_MIN : 0);
    params_int(params, low ? PRIORITY_LIVE_MIN - 1 : PRIORITY_MAX);
    params_int(params, touch->jobs);
    params_int(params, capacity_in(touch->task, pass, change->now));
    params_moment(params, change->now);
    params_moment(params, change->now + dispatch_run_ms(touch->task));
    params_bool(params, pass == PASS_SHARE);
    params_bool(params, laned);
    params_bool(params, dispatch_mixed(touch->task));
    return params;
}

static void add_picks(struct change *change, const struct task_touch *touch, bool laned)
{
    if (touch->jobs <= 0 || capacity_of(touch->task->name, change->now) == 0)
        return;
    struct params *name = params_new(change->arena);
    params_text(name, touch->task->name);
    change_step(change, &hold_sql, name);
    for (enum pass pass = dispatch_mixed(touch->task) ? PASS_SHARE : PASS_REST; pass < PASS_COUNT; pass++) {
        struct db_step *step = &change->steps[change->step_count];
        *step = (struct db_step){ .statement = &pick_sql, .params = pick_params(change, touch, pass, laned) };
        change->picks[change->step_count++] = (struct task_pick){ touch->task, touch->jobs };
    }
}

/* A lock that was not free, or a level that is empty while the next may not be: look again. */
static void take_pick(struct change *change, const struct task_pick *pick, const struct rows *rows)
{
    if (rows->count == 0)
        return;
    if (!rows_text(rows, 0, 0)) {
        change_wake(change, change->now + DISPATCH_BUSY_MS);
        return;
    }
    if ((int64_t)rows->count < pick->jobs)
        change_wake(change, change->now);
    take_rows(change, pick->task, rows);
}

void dispatch_add(struct change *change, bool laned)
{
    for (size_t i = 0; i < change->task_count; i++)
        add_picks(change, &change->tasks[i], laned);
    change->task_count = 0;
}

void dispatch_take(struct change *change)
{
    for (size_t i = 0; i < change->step_count; i++) {
        const struct task_pick *pick = &change->picks[i];
        if (!pick->task)
            continue;
        take_pick(change, pick, &change->steps[i].rows);
        if (i + 1 == change->step_count ||
            change->picks[i + 1].task != pick->task) /* low priority's share comes first */
            change_served_task(change, pick->task, pick->jobs);
    }
}
