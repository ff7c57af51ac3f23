/*
 * lane - pacing that jobs share by name: of each lane only the front may go.
 *
 * A job stands in its first lane from its time on; at the front of an open one it passes on to its second; at the front of that it is ready. The front is the first in
 * (priority, place), one job where the lane has a pace, else as many as fit. A job that waits for its retry stands in its first lane all the while: it holds up its own
 * and lower priority there and nobody in the second, so name the narrower lane first (recipient, then number).
 *
 * Lanes are read and moved only under their company's lane lock.
 */
#pragma once
#include "change.h"

/* Waits for the lane locks of these companies; call it once in a change, before rows are written. */
enum status lanes_lock(struct change *change, const char *const *companies, size_t count, struct error *error);
/* Fills in the row ids of all lanes that the specs name; makes and updates rows. Under the locks. */
enum status lanes_name(struct change *change, struct spec *const *specs, size_t count, struct error *error);
/* Moves up whatever the touched lanes allow; touches the tasks of jobs that became ready. */
enum status lanes_advance(struct change *change, struct error *error);
/* A job of each of these lanes has just left: the next one waits out the pace. */
enum status lanes_spend(struct change *change, const int64_t *lanes, size_t count, struct error *error);
