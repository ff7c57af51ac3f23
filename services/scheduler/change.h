/*
 * change - one transaction of the scheduler, and what follows from it: lanes move up, ready jobs go to workers.
 *
 * Whoever changes rows says which lanes and tasks that touched; change_commit looks after both in the same transaction, commits, and only then publishes. So a job
 * that is written while a worker is free leaves in one step.
 *
 * Locks are taken in one order, so that several schedulers never wait for each other in a circle: rows by id, then the lane locks of companies (sorted), then
 * new rows (sorted by key); after that nothing waits any more: a task's row and further lane locks are taken only if they are free.
 */
#pragma once
#include "ladder.h"
#include "service/service.h"
#include "spec.h"

enum { CHANGE_TASKS_MAX = 64 };

/* A ready or freed place: that many more jobs of the task may be picked. */
struct task_touch {
    const struct task *task;
    int64_t jobs;
};

struct dispatched; /* work.h */

struct change {
    struct batch *batch;
    struct arena *arena;
    struct db *db;
    moment now;
    struct task_touch tasks[CHANGE_TASKS_MAX];
    size_t task_count;
    int64_t *lanes; /* to be looked at; may hold one twice */
    size_t lane_count, lane_room;
    moment wake_at; /* when the dispatcher must look again because of what was written here; 0: it need not */
    Pb__JobDispatch **dispatched;
    size_t dispatched_count, dispatched_room;
};

enum status change_begin(struct batch *batch, struct change *change, struct error *error);
/* Also publishes. After RETRY nothing has happened. */
enum status change_commit(struct change *change, struct error *error);
void change_undo(struct change *change);

void change_touch_task(struct change *change, const char *task, int64_t jobs);
void change_touch_lane(struct change *change, int64_t lane); /* 0: none */
void change_wake(struct change *change, moment at);          /* 0: not at all */
bool change_took(const struct change *change, const char *job_id); /* it was dispatched in this change */

/* What the operator set. */
struct scheduler_settings {
    const char *ladder_text;
    struct ladder ladder;
    int64_t run_ms_max;   /* 0: the task's */
    int64_t keep_days;
    int64_t dispatch_batch;
};
extern struct scheduler_settings scheduler_settings;
