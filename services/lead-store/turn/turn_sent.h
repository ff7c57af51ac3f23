/*
 * turn_sent - what opening, commit and gate share: the send of a turn that has committed, and the key of the job that a
 * newer inbound has.
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

/* The newest owed inbound of each conversation. */
struct newest_owed {
    struct arena *arena;
    size_t count;
    const char *const *conversation_ids, *const *message_ids, *const *job_ids;
};
enum status newest_owed_read(const struct held *held, const struct ids *conversation_ids, struct newest_owed *out,
                             struct error *error);
const char *newest_owed_message(const struct newest_owed *newest,
                                const struct held_conversation *conversation); /* NULL: none */
const char *newest_owed_key(const struct newest_owed *newest,
                            const struct held_conversation *conversation); /* of its engage job */
/* The job itself, to be asked for again after a wait; NULL: nothing is owed. suffix: of a job asked for anew, else
 * NULL. */
Pb__JobSpec *newest_owed_job(const struct newest_owed *newest, const struct held_conversation *conversation,
                             const struct caller *caller, const char *suffix, int64_t delay_ms);
