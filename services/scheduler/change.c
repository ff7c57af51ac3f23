#include "change.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"
#include "dispatch.h"
#include "due.h"
#include "lane.h"
#include "relay.h"
#include "work.h"

/* Jobs that became ready because others left (lanes without pace) go along in the same transaction, this often. */
enum { ROUNDS_MAX = 3 };

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

static enum status run_steps(struct change *change, struct error *error)
{
    dispatch_add(change);
    if (change->step_count == 0)
        return OK;
    TRY(db_run_all(change->db, change->arena, change->steps, change->step_count, error));
    dispatch_take(change);
    change->step_count = 0;
    return OK;
}

static enum status follow(struct change *change, struct error *error)
{
    for (int round = 0; round < ROUNDS_MAX && (change->lane_count || change->task_count || change->step_count);
         round++) {
        TRY(lanes_advance(change, error));
        TRY(run_steps(change, error));
    }
    TRY(lanes_advance(change, error));
    if (change->task_count)
        change_wake(change, change->now);
    return OK;
}

enum status change_commit(struct change *change, struct error *error)
{
    enum status status = follow(change, error);
    if (status == OK && change->open)
        status = db_commit(change->db, error);
    if (status != OK) {
        change_undo(change);
        return status;
    }
    lanes_leave(change);
    work_publish(change->arena, change->dispatched, change->dispatched_count, change->now);
    if (change->events_owed)
        relay_wake();
    if (change->wake_at)
        due_by(change->wake_at);
    return OK;
}
