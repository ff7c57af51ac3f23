/*
 * enqueue - new jobs: written once per key, whatever is asked how often.
 *
 * One statement per batch. The key decides (then the id): a job that is already there is answered as it stands and
 * nothing is added.
 */
#pragma once
#include "change.h"

/* What became of one spec. */
struct added {
    const char *job_id;
    Pb__JobStatus status;
    bool existing;
    bool conflict; /* the id belongs to a job of another company, or the key can't be found: refused */
};

/* Writes them in this change, with the next statement that is run; the caller has named and locked their lanes. When it
 * has run (change_follow), enqueue_added says what became of them. */
void enqueue_specs(struct change *change, struct spec *const *specs, size_t count, struct rows *rows);
enum status enqueue_added(struct change *change, struct spec *const *specs, size_t count, const struct rows *rows,
                          struct added *added, struct error *error);

/* jobs.enqueue */
void enqueue_handle(struct batch *batch);
