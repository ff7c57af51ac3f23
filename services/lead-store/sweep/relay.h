/*
 * relay - publishes the event log to EVENTS, in the order of its commits, at least once.
 *
 * One copy at a time holds the lease. What lies below the oldest running transaction can no longer be preceded by
 * anything: that, and nothing above it, is published, then the watermark moves by compare-and-set.
 */
#pragma once
#include "service/service.h"

/* The duty; `row` is its row in the service's table, by which it is woken. */
void relay_register(const struct duty *row);
int64_t relay_run(struct batch *batch);
void relay_stop(struct batch *batch);
