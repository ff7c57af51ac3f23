/*
 * sweep - once a second, one copy at a time: what is owed by the rows and has no live job is asked for again, and what
 * waits past its time is ended.
 *
 * Every pass is bounded and every request repeatable: jobs are asked for under the keys they had.
 */
#pragma once
#include "service/service.h"

int64_t sweep_run(struct batch *batch);
void sweep_stop(struct batch *batch);
