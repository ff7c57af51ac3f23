/*
 * work - dispatches on their way to the workers: published after the rows say so, and again until the stream has them.
 *
 * The message id is "<job>.<dispatch>", so publishing again is harmless. Rows are the memory: what this process could
 * not publish, or left behind when it died, is read from the rows in processing.
 */
#pragma once
#include "service/service.h"

/* Columns of one dispatch, from u (jobs.processing) and j (jobs.jobs). */
#define WORK_COLUMNS                                                                                                   \
    "u.id, u.dispatch, u.company_id, u.task, j.task_params, u.priority, u.attempts, u.attempts_max, j.correlation_id," \
    " j.traceparent, j.created_at, u.replayed"
enum { WORK_COLUMN_COUNT = 12 };
/* They start at this column of the rows. */
Pb__JobDispatch *work_read(struct arena *arena, const struct rows *rows, size_t row, int column, moment dispatched_at);

/* Without waiting for the stream: what it does not take is owed. */
void work_publish(struct arena *arena, Pb__JobDispatch *const *jobs, size_t count, moment now);

/* Everything dispatched since then may be missing in the stream. */
void work_owe(moment since);
/* Publishes what is owed, if anything is. */
enum status work_pay(struct batch *batch, struct error *error);

/* As long as this the stream knows the ids of what it already had; older rows are left to their deadline. */
enum { WORK_YOUNG_MS = 100 * 1000 };
