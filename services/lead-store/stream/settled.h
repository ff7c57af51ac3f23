/*
 * settled - how far the event log can't change any more: every number up to there is written, or never will be.
 *
 * A number is given out when an event is written, which is under the locks of what it tells of, so the order of numbers
 * is the order of what happened; but a smaller one may be committed after a larger one. The newest number is read, then
 * a transaction id is taken: whoever was given one of those numbers has an older id. Once no older transaction runs,
 * the log is settled up to that number. What this thread has learnt stays true.
 */
#pragma once
#include "service/service.h"

/* *number: settled up to here. *newest: what was there when we looked; no smaller than *number. */
enum status settled_look(struct batch *batch, int64_t *number, int64_t *newest, struct error *error);
