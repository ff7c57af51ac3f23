#include "turn_sent.h"

#include "base/text.h"
#include "conversation/outbound.h"
#include "conversation/owed.h"
#include "conversation/silence.h"
#include "core/transaction.h"

/* NULL: no more. */
static enum status rest_job(const struct held *held, const struct held_turn *turn, const struct caller *caller,
                            Pb__JobSpec **out, struct error *error)
{
    struct held_conversation *conversation = held_conversation(held, turn->conversation_id);
    *out = NULL;
    if (!conversation || conversation->covered_position != turn->covered_position ||
        conversation->owed_position <= turn->covered_position || conversation->owed_position > turn->opened_position)
        return OK; /* what came after it was opened has jobs of its own */
    struct ids one = { .arena = held->batch->arena };
    struct newest_owed newest;
    ids_add(&one, conversation->id);
    TRY(newest_owed_read(held, &one, &newest, error));
    *out = newest_owed_job(&newest, conversation, caller,
                           text_format(one.arena, "p%lld", (long long)turn->covered_position), 0);
    return OK;
}

enum status turn_follow_jobs(const struct held *held, const struct held_turn *turn, const struct caller *caller,
                             Pb__JobSpec **jobs, size_t *count, struct error *error)
{
    const struct held_conversation *conversation = held_conversation(held, turn->conversation_id);
    Pb__JobSpec *rest, *memory = NULL;
    TRY(rest_job(held, turn, caller, &rest, error));
    if (rest)
        jobs[(*count)++] = rest;
    if (conversation)
        memory = silence_memory_job(held->batch->arena, conversation, caller);
    if (memory)
        jobs[(*count)++] = memory;
    return OK;
}

enum status turn_sent_jobs(const struct held *held, const struct held_turn *turn, const struct caller *caller,
                           Pb__JobSpec ***out, size_t *count, struct error *error)
{
    struct held_conversation *conversation = held_conversation(held, turn->reply_conversation_id);
    *count = 0;
    if (text_empty(turn->message_id)) /* it handed over without a word */
        return OK;
    if (!conversation || !conversation->reach)
        return error_code(error, RETRY, TRANSACTION_AGAIN, "the turn has just been committed");
    struct outbound outbound = { .id = turn->message_id,
                                 .turn_id = turn->id,
                                 .conversation = conversation,
                                 .caller = caller,
                                 .sender_type = "ai",
                                 .priority = PRIORITY_REPLY };
    *out = ARENA_ARRAY(held->batch->arena, Pb__JobSpec *, TURN_JOBS_MAX);
    (*out)[(*count)++] = outbound_job(held->batch->arena, &outbound);
    return turn_follow_jobs(held, turn, caller, *out, count, error);
}
