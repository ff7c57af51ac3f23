#include "outbound.h"

#include "base/text.h"
#include "column.h"
#include "follow.h"
#include "payload.h"

static const struct statement outbound_insert = {
    .name = "outbound_insert",
    .sql =
        "insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, "
        "    sender_type, sender_id, kind, message_text, media_info, reply_to, correlation_id, job_id, turn_id, status, cause, epoch, "
        "    priority, created_at, updated_at) "
        "select v.id, v.company_id, v.conversation_id, v.lead_id, v.account_id, v.channel, v.position, 'outbound', v.sender_type, "
        "    v.sender_id, coalesce(v.kind, 'text'), v.text, v.media::jsonb, v.reply_to, v.correlation_id, v.job_id, v.turn_id, "
        "    'queued', v.cause, v.epoch, v.priority, $19, $19 "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], "
        "    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::uuid[], $16::uuid[], $17::text[], "
        "    $18::bigint[], $20::bigint[]) "
        "  as v(id, company_id, conversation_id, lead_id, account_id, channel, position, sender_type, sender_id, kind, text, media, "
        "       reply_to, correlation_id, job_id, turn_id, cause, epoch, priority)",
};

Pb__JobSpec *outbound_job(struct arena *arena, const struct outbound *outbound)
{
    const struct held_conversation *conversation = outbound->conversation;
    return follow_send_job(arena, &(struct follow_send){
                                      .company_id = conversation->company_id,
                                      .message_id = outbound->id,
                                      .channel = conversation->channel,
                                      .account = text_or(conversation->reach->account, ""),
                                      .recipient = text_or(conversation->reach->address, ""),
                                      .correlation_id = outbound->caller->correlation_id,
                                      .traceparent = outbound->caller->traceparent,
                                      .automated = !text_same(outbound->sender_type, "operator"),
                                      .priority = outbound->priority,
                                  });
}

static void outbound_place(struct arena *arena, struct outbound *outbound)
{
    struct held_conversation *conversation = outbound->conversation;
    outbound->position = ++conversation->last_position;
    conversation->last_message_id = outbound->id;
    conversation->changed = true;
    outbound->job = outbound_job(arena, outbound);
}

static const char *or_null(const char *text)
{
    return text_empty(text) ? NULL : text;
}

static struct params *insert_params(struct batch *batch, const struct outbound *list, size_t count)
{
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, list[i].id);
    COLUMN_TEXTS(params, count, i, list[i].conversation->company_id);
    COLUMN_TEXTS(params, count, i, list[i].conversation->id);
    COLUMN_TEXTS(params, count, i, list[i].conversation->lead_id);
    COLUMN_TEXTS(params, count, i, list[i].conversation->account_id);
    COLUMN_TEXTS(params, count, i, list[i].conversation->channel);
    COLUMN_INTS(params, count, i, list[i].position);
    COLUMN_TEXTS(params, count, i, list[i].sender_type);
    COLUMN_TEXTS(params, count, i, list[i].sender_id);
    COLUMN_TEXTS(params, count, i, list[i].media_type);
    COLUMN_TEXTS(params, count, i, list[i].text);
    COLUMN_TEXTS(params, count, i, list[i].media_info);
    COLUMN_TEXTS(params, count, i, list[i].reply_to);
    COLUMN_TEXTS(params, count, i, or_null(list[i].caller->correlation_id));
    COLUMN_TEXTS(params, count, i, list[i].job->id);
    COLUMN_TEXTS(params, count, i, list[i].turn_id);
    COLUMN_TEXTS(params, count, i, list[i].cause);
    COLUMN_INTS(params, count, i, list[i].conversation->epoch);
    params_moment(params, batch->now);
    COLUMN_INTS(params, count, i, list[i].priority);
    return params;
}

/* Of a turn's reply its turn.committed tells. */
static void outbound_note(struct event_list *events, const struct outbound *outbound)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "message_id", outbound->id);
    payload_text(&payload, "conversation_id", outbound->conversation->id);
    payload_text(&payload, "channel", outbound->conversation->channel);
    payload_text(&payload, "sender_type", outbound->sender_type);
    payload_text(&payload, "cause", outbound->cause);
    const char *actor = text_same(outbound->sender_type, "operator")
                            ? text_format(events->batch->arena, "operator:%s", text_or(outbound->sender_id, ""))
                            : outbound->sender_type;
    event_note(events, (struct event_note){
                           .type = "message.queued",
                           .company_id = outbound->conversation->company_id,
                           .lead_id = outbound->conversation->lead_id,
                           .payload = payload_end(&payload),
                           .actor = actor,
                           .correlation_id = outbound->caller->correlation_id,
                       });
}

void outbound_write(struct held *held, struct outbound *list, size_t count, struct event_list *events)
{
    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        outbound_place(held->batch->arena, &list[i]);
    db_queue(held->batch->db, held->batch->arena, &outbound_insert, insert_params(held->batch, list, count), NULL);
    for (size_t i = 0; i < count; i++)
        if (!list[i].turn_id)
            outbound_note(events, &list[i]);
}
