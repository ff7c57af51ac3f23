/*
 * complete - runs that completed: one round trip ends them, writes their children and fills the free places.
 *
 * The usual end of a run. Whatever else can become of one is finish.c's, in several steps.
 */
#pragma once
#include "add.h"

struct completion {
    const char *job_id;
    int64_t dispatch;
    const char *result; /* JSON or NULL */
    struct spec **children;
    size_t child_count;
    bool held; /* after complete_all: it was the current dispatch; else it has changed nothing */
};

/* In the order of their ids, no id twice. *stepwise: nothing has happened, they want finish.c. */
enum status complete_all(struct batch *batch, struct completion *const *list, size_t count, bool *stepwise,
                         struct error *error);
