/*
 * feed - asks the log for what the hub's listeners have not been told yet, one request for all of them at a time.
 *
 * The relay's nudge says that a company has something new; where a nudge is lost the next look finds it. The
 * scheduler's own events are in no log: they are passed on as they are published.
 */
#pragma once
#include "service/service.h"

void feed_register(const struct duty *row); /* this duty's */
enum status feed_open(struct error *error);
int64_t feed_run(struct batch *batch);
void feed_hear(const void *message);
void feed_wake(void); /* somebody begins to listen */
