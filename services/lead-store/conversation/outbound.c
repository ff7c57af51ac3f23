#include "outbound.h"

#include "base/text.h"
#include "core/column.h"
#include "core/follow.h"
#include "core/payload.h"

static const struct statement message_insert = {
    .name = "message_insert",
    .sql =
        "insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, "
        "                          sender_id, kind, external_id, message_text, media_info, extra_metadata, reply_to, correlation_id, "
        "                          provider_ts, job_id, turn_id, wants_answer, status, cause, epoch, priority, created_at, updated_at) "
        "select u.*, $2, $2 from unnest($1::crm.message_row[]) as u",
};

void messages_queue(struct batch *batch, const struct records *rows)
{
    struct params *params = params_new(batch->arena);
    params_records(params, rows, "crm.message_row");
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &message_insert, params, NULL);
}

Pb__JobSpec *outbound_job(struct arena *arena, const struct outbound *outbound)
{
    const struct held_conversation *conversation = outbound->conversation;
    return follow_send_job(arena, &(struct follow_send){
                                      .company_id = conversation->company_id,
                                      .message_id = outbound->id,
                                      .lead_id = conversation->lead_id,
                                      .conversation_id = conversation->id,
                                      .turn_id = outbound->turn_id,
                                      .channel = conversation->channel,
                                      .account = text_or(conversation->reach->sender->account, ""),
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

static struct records *outbound_records(struct arena *arena, const struct outbound *list, size_t count)
{
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, list[i].id);
    RECORD_UUIDS(rows, i, list[i].conversation->company_id);
    RECORD_UUIDS(rows, i, list[i].conversation->id);
    RECORD_UUIDS(rows, i, list[i].conversation->lead_id);
    RECORD_UUIDS(rows, i, list[i].conversation->account_id);
    RECORD_TEXTS(rows, i, list[i].conversation->channel);
    RECORD_BIGINTS(rows, i, list[i].position);
    RECORD_TEXTS(rows, i, "outbound");
    RECORD_TEXTS(rows, i, list[i].sender_type);
    RECORD_TEXTS(rows, i, list[i].sender_id);
    RECORD_TEXTS(rows, i, list[i].media_type ? list[i].media_type : "text");
    RECORD_TEXTS(rows, i, NULL); /* external_id */
    RECORD_TEXTS(rows, i, list[i].text);
    RECORD_JSONBS(rows, i, list[i].media_info);
    RECORD_JSONBS(rows, i, NULL); /* extra_metadata */
    RECORD_TEXTS(rows, i, list[i].reply_to);
    RECORD_TEXTS(rows, i, or_null(list[i].caller->correlation_id));
    RECORD_MOMENTS(rows, i, 0); /* provider_ts */
    RECORD_UUIDS(rows, i, list[i].job->id);
    RECORD_UUIDS(rows, i, list[i].turn_id);
    RECORD_BOOLS(rows, i, false); /* wants_answer */
    RECORD_TEXTS(rows, i, "queued");
    RECORD_TEXTS(rows, i, list[i].cause);
    RECORD_BIGINTS(rows, i, list[i].conversation->epoch);
    RECORD_INTEGERS(rows, i, list[i].priority);
    return rows;
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
    messages_queue(held->batch, outbound_records(held->batch->arena, list, count));
    for (size_t i = 0; i < count; i++)
        if (!list[i].turn_id)
            outbound_note(events, &list[i]);
}
