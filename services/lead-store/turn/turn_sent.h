/*
 * turn_sent - the jobs that follow from a committed turn: the send of its reply, and what its prompt left to be done.
 */
#pragma once
#include "core/hold.h"

enum { PRIORITY_REPLY = 100, TURN_JOBS_MAX = 3 };

/* What follows from a committed turn, the same again: the send of its reply, and the job for the rest. RETRY "again":
 * the reply's conversation was not held. */
enum status turn_sent_jobs(const struct held *held, const struct held_turn *turn, const struct caller *caller,
                           Pb__JobSpec ***out, size_t *count, struct error *error);
/* Beside the send, into room for TURN_JOBS_MAX: where more was owed than its prompt could hold, the job that answers
 * the rest, under a key of its own; and the one that remembers what the next prompt will no longer hold. */
enum status turn_follow_jobs(const struct held *held, const struct held_turn *turn, const struct caller *caller,
                             Pb__JobSpec **jobs, size_t *count, struct error *error);
