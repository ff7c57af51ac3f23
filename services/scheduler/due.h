/*
 * due - the clock of the scheduler: at every moment the next thing to look at is known, and somebody sleeps exactly
 * until then.
 *
 * What becomes due: jobs whose time has come, lanes whose pace has passed, ready jobs for workers that have room, runs
 * past their deadline, dispatches that the stream does not have yet. The rows are asked; nothing is remembered but when
 * to look.
 */
#pragma once
#include "service/service.h"

/* Look no later than that; any thread. */
void due_by(moment at);

int64_t due_run(struct batch *batch);
void due_hear(const void *message); /* JobCapacity */

extern const struct duty SCHEDULER_DUTIES[];
enum { DUTY_DISPATCH, DUTY_RELAY, DUTY_KEEP };
