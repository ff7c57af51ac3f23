/*
 * dispatch - which ready jobs go to the workers of a task, and how many.
 *
 * How many: what the workers say they can hold, minus the rows in processing. Which: the highest priority with ready jobs, companies in turn, and every
 * LOW_SHARE-th pick the highest priority below live work. The task's row is held meanwhile; if another scheduler holds it, that one picks.
 */
#pragma once
#include "change.h"

enum { LOW_SHARE = 20 };

/* Picks up to `jobs` in this change. Rows become processing; they are published when the change commits. */
enum status dispatch_task(struct change *change, const struct task *task, int64_t jobs, struct error *error);

/* Of the next `jobs` picks after `picks` so many belong to low priority: pure. */
int64_t dispatch_low_share(int64_t picks, int64_t jobs);
/* How long after its dispatch a run must be back. */
int64_t dispatch_run_ms(const struct task *task);
