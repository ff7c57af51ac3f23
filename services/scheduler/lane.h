/*
 * lane - pacing that jobs share by name: of each lane only the front may go.
 *
 * A job stands in its first lane from its time on; at the front of an open one it passes on to its second; at the front
 * of that it is ready. The front is the first in (priority, place), one job where the lane has a pace, else as many as
 * fit. A job that waits for its retry stands in its first lane all the while: it holds up its own and lower priority
 * there and nobody in the second, so name the narrower lane first (recipient, then number).
 *
 * A lane's line moves only under its lock. Who finds, while moving one, that another must be looked at and can't lock
 * it, leaves it to the dispatcher.
 */
#pragma once
#include "change.h"

/* Waits for the locks of these lanes (0: none), with the next statement that is run; once in a change, before rows are
 * written. */
void lanes_lock(struct change *change, const int64_t *lanes, size_t count);
/* Before the commit. RETRY when one of them had just been cleared away. */
enum status lanes_sure(const struct change *change, struct error *error);
void lanes_locked(struct change *change, int64_t lane); /* the lock was taken by other means */
bool lanes_hold_lock(const struct change *change, int64_t lane);
/* With the next statement that is run: moves up whatever the touched lanes allow. After it lanes_advanced touches the
 * tasks of jobs that became ready, and second lanes that must be looked at. */
enum status lanes_advance(struct change *change, struct error *error);
void lanes_advanced(struct change *change);
/* After the commit: what could not be looked at is left to the dispatcher. */
void lanes_leave(struct change *change);
