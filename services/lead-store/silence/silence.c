#include "silence.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/follow.h"
#include "silence_rules.h"

static_assert((int)MEMORY_DUE < (int)TURN_HISTORY_ITEMS_MAX, "what is not remembered yet is still in the history");

static const struct statement silence_set = {
    .name = "silence_set",
    .sql = "update crm.conversations c set silence_at = v.at from unnest($1::uuid[], $2::timestamptz[]) as v(id, at) "
           "where c.id = v.id and c.silence_at is null",
};

/* When to look first; 0: nothing is wanted. */
static moment first_look(const struct held_conversation *conversation, moment now)
{
    const struct reach_sender *sender = conversation->reach->sender;
    if (sender->summary_after_minutes && conversation->last_position >= SUMMARY_MESSAGES_MIN)
        return now + sender->summary_after_minutes * MINUTE_MS;
    return sender->bumps_up ? now + DAY_MS : 0;
}

void silence_arm(struct held *held, const struct ids *conversation_ids)
{
    struct batch *batch = held->batch;
    struct held_conversation **list =
        ARENA_ARRAY(batch->arena, struct held_conversation *, conversation_ids->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < conversation_ids->count; i++) {
        struct held_conversation *conversation = held_conversation(held, conversation_ids->list[i]);
        if (conversation->silence_at)
            continue;
        conversation->silence_at = first_look(conversation, batch->now);
        if (conversation->silence_at)
            list[count++] = conversation;
    }
    if (!count)
        return;
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, list[i]->id);
    COLUMN_MOMENTS(params, count, i, list[i]->silence_at);
    db_queue(batch->db, batch->arena, &silence_set, params, NULL);
}

static struct follow_silence silence_of(const struct held_conversation *conversation, const struct caller *caller,
                                        int64_t position)
{
    return (struct follow_silence){ .company_id = conversation->company_id,
                                    .lead_id = conversation->lead_id,
                                    .conversation_id = conversation->id,
                                    .correlation_id = caller->correlation_id,
                                    .traceparent = caller->traceparent,
                                    .position = position };
}

Pb__JobSpec *silence_handback_job(struct arena *arena, const struct held_conversation *conversation,
                                  const struct caller *caller)
{
    const struct reach *reach = conversation->reach;
    if (!conversation->epoch || !reach || !reach->sender->summary_after_minutes ||
        conversation->last_position < SUMMARY_MESSAGES_MIN)
        return NULL;
    struct follow_silence silence = silence_of(conversation, caller, conversation->last_position);
    return follow_summary_job(arena, &silence);
}

/* A key for so many messages: if that job was in vain, the next ones bring another. */
Pb__JobSpec *silence_memory_job(struct arena *arena, const struct held_conversation *conversation,
                                const struct caller *caller)
{
    if (conversation->last_position - conversation->remembered_position < MEMORY_DUE)
        return NULL;
    int64_t step = MEMORY_DUE - MEMORY_LEFT;
    struct follow_silence silence = silence_of(conversation, caller, conversation->last_position / step * step);
    return follow_memory_job(arena, &silence);
}
