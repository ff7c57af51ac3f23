/*
 * keep - housekeeping: counters folded, finished jobs and unused lanes let go, gauges set.
 */
#pragma once
#include "service/service.h"

int64_t keep_run(struct batch *batch);
