#include "change.h"

#include <string.h>

#include "base/text.h"
#include "dispatch.h"
#include "due.h"
#include "lane.h"
#include "work.h"

/* Jobs that became ready because others left (lanes without pace) go along in the same transaction, this often. */
enum { ROUNDS_MAX = 3 };

enum status change_begin(struct batch *batch, struct change *change, struct error *error)
{
    *change = (struct change){ .batch = batch, .arena = batch->arena, .db = batch->db, .now = batch->now };
    return db_begin(change->db, error);
}

void change_undo(struct change *change)
{
    db_rollback(change->db);
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

static enum status dispatch_touched(struct change *change, struct error *error)
{
    size_t count = change->task_count;
    struct task_touch touched[CHANGE_TASKS_MAX];
    memcpy(touched, change->tasks, sizeof touched);
    change->task_count = 0;
    for (size_t i = 0; i < count; i++)
        TRY(dispatch_task(change, touched[i].task, touched[i].jobs, error));
    return OK;
}

static enum status follow(struct change *change, struct error *error)
{
    for (int round = 0; round < ROUNDS_MAX && (change->lane_count || change->task_count); round++) {
        TRY(lanes_advance(change, error));
        TRY(dispatch_touched(change, error));
    }
    TRY(lanes_advance(change, error));
    if (change->task_count)
        change_wake(change, change->now);
    return OK;
}

enum status change_commit(struct change *change, struct error *error)
{
    enum status status = follow(change, error);
    if (status == OK)
        status = db_commit(change->db, error);
    if (status != OK) {
        change_undo(change);
        return status;
    }
    work_publish(change->arena, change->dispatched, change->dispatched_count, change->now);
    if (change->wake_at)
        due_by(change->wake_at);
    return OK;
}
