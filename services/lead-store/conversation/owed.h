/*
 * owed - the newest inbound of a conversation that still waits for an answer, and the job that answers it.
 *
 * Read of held conversations, so that it stays the newest until the commit.
 */
#pragma once
#include "core/hold.h"

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
