/*
 * add - what jobs.add and jobs.complete are given and what they answer (migrations/0005_steps.sql).
 *
 * Both write everything in one call, jobs that can go to a worker as processing: such a job is never ready, and nobody
 * picks it. Rows are written in one order, whatever their order in the batch.
 */
#pragma once
#include "change.h"

/* New jobs on their way into the database. */
struct adding {
    struct spec *const *specs;
    size_t count;
    size_t *order; /* numbers of specs as they are written: by key; an id that comes again is left out */
    size_t written;
    bool *added; /* per spec, after adding_take: it is new */
};

/* All that both are given alike: the jobs and their lanes, which come first; then tasks with workers, all or those with
 * due jobs, and the time. */
void adding_jobs(struct change *change, struct adding *adding, struct spec *const *specs, size_t count,
                 struct params *params);
void adding_tasks(struct change *change, const struct adding *adding, bool only_due, struct params *params);

/* The answer into the change: jobs that left, and when to look again. */
void adding_take(struct change *change, struct adding *adding, const struct rows *rows);
/* Of jobs.complete: numbers, from 1, of the results that counted. */
size_t adding_held(struct change *change, const struct rows *rows, const char *const **held);
