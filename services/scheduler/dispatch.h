/*
 * dispatch - which ready jobs go to the workers of a task, and how many.
 *
 * How many: what the workers say they can hold, minus the rows in processing. Which: the highest priority with ready
 * jobs, companies in turn, and every 20th pick the highest priority below live work. The task's lock is held meanwhile;
 * if another scheduler holds it, that one picks.
 */
#pragma once
#include "change.h"

/* Adds the picks for all touched tasks to the change's steps. Not laned: jobs with lanes stay. */
void dispatch_add(struct change *change, bool laned);
/* After the steps have run: rows are processing; they are published when the change commits. */
void dispatch_take(struct change *change);

/* A row is processing because of this change: its job goes when the change commits. */
void dispatch_left(struct change *change, const struct task *task, Pb__JobDispatch *job, moment run_at);
bool dispatch_mixed(const struct task *task); /* live and low priority */
/* What low priority may hold of that many: an eighth is kept for live work where the task has both, so that nobody who
 * waits stands behind work that can. */
int64_t dispatch_low_capacity(const struct task *task, int64_t jobs);

/* Another scheduler holds what is needed: look again when it is likely to be done. */
enum { DISPATCH_BUSY_MS = 2 };

/* How long after its dispatch a run must be back. */
int64_t dispatch_run_ms(const struct task *task);
