#include "owed.h"

#include <assert.h>

#include "base/text.h"
#include "core/column.h"
#include "core/follow.h"

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
                                                .conversation_id = conversation->id,
                                                .message_id = newest->message_ids[place],
                                                .job_id = suffix ? NULL : newest->job_ids[place],
                                                .suffix = suffix,
                                                .correlation_id = caller->correlation_id,
                                                .traceparent = caller->traceparent,
                                                .delay_ms = (int32_t)delay_ms,
                                            });
}
