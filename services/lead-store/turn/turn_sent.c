#include "turn_sent.h"

#include <assert.h>

#include "base/text.h"
#include "core/column.h"
#include "core/follow.h"
#include "core/transaction.h"
#include "gate/outbound.h"
#include "silence/silence.h"

static const struct statement newest_owed_find = {
    .name = "newest_owed_find",
    .sql =
        "select m.conversation_id, m.id, m.job_id from unnest($1::uuid[], $2::bigint[]) as v(id, position) "
        "cross join lateral (select * from crm.messages where conversation_id = v.id and position = v.position limit 1) m",
};

enum status newest_owed_read(const struct held *held, const struct ids *conversation_ids, struct newest_owed *out,
                             struct error *error)
{
    struct arena *arena = held->batch->arena;
    *out = (struct newest_owed){ .arena = arena };
    if (!conversation_ids->count)
        return OK;
    struct params *params = params_new(arena);
    params_texts(params, conversation_ids->list, conversation_ids->count);
    COLUMN_INTS(params, conversation_ids->count, i, held_conversation(held, conversation_ids->list[i])->owed_position);
    struct rows rows;
    TRY(db_run(held->batch->db, arena, &newest_owed_find, params, &rows, error));
    const char **conversations = ARENA_ARRAY(arena, const char *, rows.count + 1);
    const char **messages = ARENA_ARRAY(arena, const char *, rows.count + 1);
    const char **jobs = ARENA_ARRAY(arena, const char *, rows.count + 1);
    for (size_t row = 0; row < rows.count; row++) {
        conversations[row] = rows_text(&rows, row, 0);
        messages[row] = rows_text(&rows, row, 1);
        jobs[row] = rows_text(&rows, row, 2);
    }
    out->count = rows.count;
    out->conversation_ids = conversations;
    out->message_ids = messages;
    out->job_ids = jobs;
    return OK;
}

static bool newest_owed_place(const struct newest_owed *newest, const struct held_conversation *conversation,
                              size_t *place)
{
    for (*place = 0; *place < newest->count; (*place)++)
        if (text_same(newest->conversation_ids[*place], conversation->id))
            return true;
    return false;
}

const char *newest_owed_message(const struct newest_owed *newest, const struct held_conversation *conversation)
{
    size_t place;
    return newest_owed_place(newest, conversation, &place) ? newest->message_ids[place] : NULL;
}

const char *newest_owed_key(const struct newest_owed *newest, const struct held_conversation *conversation)
{
    const char *message_id = newest_owed_message(newest, conversation);
    return message_id ? follow_engage_key(newest->arena, conversation->lead_id, message_id, NULL) : NULL;
}

Pb__JobSpec *newest_owed_job(const struct newest_owed *newest, const struct held_conversation *conversation,
                             const struct caller *caller, const char *suffix, int64_t delay_ms)
{
    size_t place;
    if (!newest_owed_place(newest, conversation, &place))
        return NULL;
    assert(newest->message_ids && newest->job_ids);
    return follow_engage_job(newest->arena, &(struct follow_engage){
                                                .company_id = conversation->company_id,
                                                .lead_id = conversation->lead_id,
                                                .message_id = newest->message_ids[place],
                                                .job_id = suffix ? NULL : newest->job_ids[place],
                                                .suffix = suffix,
                                                .correlation_id = caller->correlation_id,
                                                .traceparent = caller->traceparent,
                                                .delay_ms = (int32_t)delay_ms,
                                            });
}

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
