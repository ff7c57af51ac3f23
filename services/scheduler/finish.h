/*
 * finish - the result of a run: what the job is now, and what follows from it, in one transaction.
 *
 * The first result of the current dispatch wins; any other is answered as stale and changes nothing.
 */
#pragma once
#include "change.h"

/* jobs.finish */
void finish_handle(struct batch *batch);

/* Rows past their deadline count as failed ("timed out"); in a change of its own. *more: there may be others. */
enum status finish_overdue(struct batch *batch, bool *more, struct error *error);
