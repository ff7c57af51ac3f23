/*
 * change - one transaction of the scheduler, and what follows from it: lanes move up, ready jobs go to workers.
 *
 * For what needs several steps; new jobs and completed ones have one call of their own (add.h, complete.h). Whoever
 * changes rows says which lanes and tasks that touched; change_commit looks after both in the same transaction,
 * commits, and only then publishes. What needs no answer is queued (db_queue).
 *
 * Locks are taken in one order, so that several schedulers never wait for each other in a circle: rows by id, then new
 * keys, then new lanes (sorted), then lane locks (sorted); after that nothing waits any more: a task's lock and further
 * lane locks are taken only if they are free.
 */
#pragma once
#include "ladder.h"
#include "service/service.h"
#include "settings.h"
#include "spec.h"

enum { CHANGE_TASKS_MAX = 64, CHANGE_STEPS_MAX = 4 * CHANGE_TASKS_MAX + 1 };

/* A ready or freed place: that many more jobs of the task may be picked. */
struct task_touch {
    const struct task *task;
    int64_t jobs;
};

struct task_pick {
    const struct task *task; /* NULL: the step is no pick */
    int64_t jobs;
};

struct change {
    struct batch *batch;
    struct arena *arena;
    struct db *db;
    moment now;
    bool open;  /* a transaction of several round trips */
    bool plain; /* it takes no jobs with lanes along unless it touches lanes itself: they are left to the dispatcher */
    size_t step_count;
    struct task_touch tasks[CHANGE_TASKS_MAX];
    size_t task_count;
    int64_t *lanes; /* to be looked at; may hold one twice */
    size_t lane_count, lane_room;
    struct lane_set *locked, *left; /* lane.c's own: whose locks are held; who must be looked at by somebody else */
    size_t lanes_wanted;            /* how many must be there once they are locked ... */
    struct rows lanes_there, moved; /* ... and how many were; what moving lanes up came to */
    moment wake_at;   /* when the dispatcher must look again because of what was written here; 0: it need not */
    bool events_owed; /* the relay has something to publish */
    Pb__JobDispatch **dispatched;
    size_t dispatched_count, dispatched_room;
    struct db_step steps[CHANGE_STEPS_MAX];   /* of the next round trip; not cleared at start */
    struct task_pick picks[CHANGE_STEPS_MAX]; /* beside them */
};

void change_start(struct batch *batch, struct change *change);
/* Several round trips: locks are held and rows can be read meanwhile. Without it, change_step and change_commit are all
 * there is. */
enum status change_begin(struct batch *batch, struct change *change, struct error *error);
/* A statement that needs no answer before the commit; its rows are there after it. */
struct db_step *change_step(struct change *change, const struct statement *statement, const struct params *params);
/* Lanes move up and ready jobs are taken, for a caller that must see its rows before it commits. */
enum status change_follow(struct change *change, struct error *error);
/* Also publishes. After RETRY nothing has happened. */
enum status change_commit(struct change *change, struct error *error);
void change_undo(struct change *change);
/* What follows a commit. Part of change_commit; for who commits by other means. */
void change_publish(struct change *change);

void change_touch_task(struct change *change, const char *task, int64_t jobs);
void change_served_task(struct change *change, const struct task *task, int64_t jobs); /* so many were just asked for */
void change_touch_lane(struct change *change, int64_t lane);                           /* 0: none */
void change_wake(struct change *change, moment at);                                    /* 0: not at all */
bool change_took(const struct change *change, const char *job_id); /* it was dispatched in this change */
