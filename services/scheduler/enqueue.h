/*
 * enqueue - new jobs: written once per key, whatever is asked how often.
 *
 * One statement per batch. The key decides (then the id): a job that is already there is answered as it stands and
 * nothing is added.
 */
#pragma once
#include "add.h"

/* What became of one spec. */
struct added {
    const char *job_id;
    Pb__JobStatus status;
    bool existing;
    bool conflict; /* the id belongs to a job of another company, or the key can't be found: refused */
};

/* Writes them: in the change's transaction, or in one of their own. Then adding_take, and enqueue_added says what
 * became of them. */
enum status enqueue_specs(struct change *change, struct adding *adding, struct spec *const *specs, size_t count,
                          struct rows *rows, struct error *error);
enum status enqueue_added(struct change *change, const struct adding *adding, struct added *added, struct error *error);

/* jobs.enqueue */
void enqueue_handle(struct batch *batch);
