/*
 * overdue - runs that are not back by their deadline.
 *
 * With workers alive such a run counts as failed ("timed out") and takes its next step of the ladder. Without any
 * worker for the task it has most likely never run: its message waits in the stream, and the deadline moves.
 */
#pragma once
#include "service/service.h"

enum status overdue_some(struct batch *batch, bool *more, struct error *error);
