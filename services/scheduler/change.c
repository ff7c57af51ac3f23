#include "change.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "dispatch.h"
#include "due.h"
#include "lane.h"
#include "relay.h"
#include "work.h"

/*
 * Round trips of one change, in each of which lanes move and ready jobs are taken; second lanes follow first ones, and
 * jobs that became ready because others left (lanes without pace) go along. The rest is left to the dispatcher.
 */
enum { ROUNDS_MAX = 10 };

void change_start(struct batch *batch, struct change *change)
{
    memset(change, 0, offsetof(struct change, steps));
    change->batch = batch;
    change->arena = batch->arena;
    change->db = batch->db;
    change->now = batch->now;
}

enum status change_begin(struct batch *batch, struct change *change, struct error *error)
{
    change_start(batch, change);
    change->open = true;
    return db_begin(change->db, error);
}

void change_undo(struct change *change)
{
    db_rollback(change->db);
}

struct db_step *change_step(struct change *change, const struct statement *statement, const struct params *params)
{
    struct db_step *step = &change->steps[change->step_count];
    *step = (struct db_step){ .statement = statement, .params = params };
    change->picks[change->step_count++] = (struct task_pick){ NULL, 0 };
    return step;
}

void change_touch_task(struct change *change, const char *name, int64_t jobs)
{
    for (size_t i = 0; i < change->task_count; i++) {
        if (text_same(change->tasks[i].task->name, name)) {
            change->tasks[i].jobs += jobs;
            return;
        }
    }
    const struct task *task = task_find(name);
    if (task && change->task_count < CHANGE_TASKS_MAX)
        change->tasks[change->task_count++] = (struct task_touch){ task, jobs };
}

void change_served_task(struct change *change, const struct task *task, int64_t jobs)
{
    for (size_t i = 0; i < change->task_count; i++) {
        struct task_touch *touch = &change->tasks[i];
        if (touch->task != task)
            continue;
        touch->jobs -= jobs;
        if (touch->jobs <= 0)
            *touch = change->tasks[--change->task_count];
        return;
    }
}

void change_touch_lane(struct change *change, int64_t lane)
{
    if (lane == 0)
        return;
    if (change->lane_count == change->lane_room) {
        const int64_t *before = change->lanes;
        change->lane_room = change->lane_room ? change->lane_room * 2 : 64;
        change->lanes = ARENA_ARRAY(change->arena, int64_t, change->lane_room);
        memcpy(change->lanes, before ? before : change->lanes, change->lane_count * sizeof *change->lanes);
    }
    change->lanes[change->lane_count++] = lane;
}

void change_wake(struct change *change, moment at)
{
    if (at && (change->wake_at == 0 || at < change->wake_at))
        change->wake_at = at;
}

bool change_took(const struct change *change, const char *job_id)
{
    for (size_t i = 0; i < change->dispatched_count; i++)
        if (text_same(change->dispatched[i]->job_id, job_id))
            return true;
    return false;
}

/* One round trip: touched lanes move, then ready jobs are taken. */
static enum status run_round(struct change *change, struct error *error)
{
    if (change->open)
        TRY(lanes_advance(change, error));
    dispatch_add(change, change->open);
    if (change->step_count > 0)
        TRY(db_run_all(change->db, change->arena, change->steps, change->step_count, error));
    else if (change->open)
        TRY(db_flush(change->db, error));
    lanes_advanced(change);
    dispatch_take(change);
    change->step_count = 0;
    return OK;
}

enum status change_follow(struct change *change, struct error *error)
{
    for (int round = 0; round < ROUNDS_MAX && (change->lane_count || change->task_count || change->step_count); round++)
        TRY(run_round(change, error));
    if (change->open)
        TRY(db_flush(change->db, error));
    return lanes_sure(change, error);
}

/* Without lanes what is taken asks for nothing more: it goes along with the commit. */
static enum status commit_at_once(struct change *change, struct error *error)
{
    dispatch_add(change, false);
    for (size_t i = 0; i < change->step_count; i++)
        db_queue(change->db, change->arena, change->steps[i].statement, change->steps[i].params,
                 &change->steps[i].rows);
    TRY(db_commit(change->db, error));
    dispatch_take(change);
    change->step_count = 0;
    return OK;
}

static enum status commit_open(struct change *change, struct error *error)
{
    if (change->plain && change->lane_count == 0 && !change->locked)
        return commit_at_once(change, error);
    TRY(change_follow(change, error));
    return db_commit(change->db, error);
}

enum status change_commit(struct change *change, struct error *error)
{
    enum status status = change->open ? commit_open(change, error) : change_follow(change, error);
    if (status != OK) {
        change_undo(change);
        return status;
    }
    lanes_leave(change);
    change_publish(change);
    return OK;
}

void change_publish(struct change *change)
{
    work_publish(change->arena, change->dispatched, change->dispatched_count, change->now);
    if (change->task_count)
        change_wake(change, change->now);
    if (change->events_owed)
        relay_wake();
    if (change->wake_at)
        due_by(change->wake_at);
}
