#include "escalation.h"

#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/payload.h"
#include "hand_over_rules.h"

enum { PRIORITY_NOTICE = 100 };

static const char *urgency_of(const struct escalation *escalation)
{
    bool known = text_same(escalation->urgency, "low") || text_same(escalation->urgency, "high");
    return known ? escalation->urgency : "normal";
}

/* One id per escalation: whatever is run again, the customer is told once. */
static void notice_take(struct arena *arena, struct escalation *escalation, moment now)
{
    struct held_conversation *conversation = escalation->conversation;
    moment told_at = conversation->escalation_told_at;
    const char *text = hand_over_notice(arena, conversation->reach->sender);
    bool lately = told_at && now < told_at + ESCALATION_TOLD_AGAIN_MS;
    if (escalation->told || lately || text_empty(text))
        return;
    const char *epoch = text_format(arena, "%lld", (long long)conversation->epoch);
    escalation->notice =
        (struct outbound){ .id = ident_named(arena, "escalation_notice", conversation->id, epoch, NULL),
                           .conversation = conversation,
                           .caller = escalation->caller,
                           .sender_type = "system",
                           .cause = "notice",
                           .text = text,
                           .priority = PRIORITY_NOTICE };
}

void escalation_take(struct arena *arena, struct escalation *escalation, moment now)
{
    struct held_conversation *conversation = escalation->conversation;
    conversation->owner = "human";
    conversation->epoch++;
    conversation->assignee = NULL;
    conversation->changed = true;
    notice_take(arena, escalation, now);
    conversation->escalated_at = now;
    if (escalation->told || escalation->notice.id)
        conversation->escalation_told_at = now;
}

Pb__JobSpec *escalation_job(const struct escalation *escalation)
{
    return escalation->notice.id ? escalation->notice.job : NULL;
}

static void notices_write(struct held *held, struct escalation *list, size_t count, struct event_list *events)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].notice.id)
            outbound_write(held, &list[i].notice, 1, events);
}

/* What the AI has said and is on its way belongs to the person's epoch now, so that it still leaves. The lateral query
 * is a fence, and its status no index's: each conversation's own messages are looked at, not all that leave. */
static const struct statement escalation_keep = {
    .name = "escalation_keep",
    .sql =
        "with found as materialized ( "
        "    select m.id, v.epoch from unnest($1::uuid[], $2::bigint[]) as v(id, epoch) cross join lateral ( "
        "        select id from crm.messages where conversation_id = v.id and status || '' in ('queued', 'sending') and sender_type = 'ai' "
        "            and cause = 'reply' offset 0) m order by m.id), "
        "kept as (update crm.messages m set epoch = f.epoch, updated_at = $3 from found f where m.id = f.id returning m.turn_id) "
        "update crm.turns set handed_over = true, updated_at = $3 where id in (select turn_id from kept)",
};

static const struct statement escalation_save = {
    .name = "escalation_save",
    .sql =
        "update crm.conversations c set escalated_at = $5, escalation_reason = v.reason, escalation_urgency = v.urgency, "
        "    escalation_told_at = v.told_at, updated_at = $5 "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as v(id, reason, urgency, told_at) where c.id = v.id",
};

static void note_escalated(struct event_list *events, const struct escalation *escalation)
{
    const struct held_conversation *conversation = escalation->conversation;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "conversation_id", conversation->id);
    payload_text(&payload, "reason", escalation->reason);
    payload_text(&payload, "urgency", urgency_of(escalation));
    payload_int(&payload, "epoch", conversation->epoch);
    payload_text(&payload, "by", escalation->by);
    payload_text(&payload, "message_id", escalation->notice.id);
    event_note(events, (struct event_note){ .type = "conversation.escalated",
                                            .company_id = conversation->company_id,
                                            .lead_id = conversation->lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = escalation->by,
                                            .correlation_id = escalation->caller->correlation_id });
}

void escalations_save(struct held *held, struct escalation *list, size_t count, struct event_list *events)
{
    struct batch *batch = held->batch;
    struct arena *arena = batch->arena;
    notices_write(held, list, count, events);
    hold_save(held);
    if (!count)
        return;
    struct params *keep = params_new(arena), *save = params_new(arena);
    COLUMN_UUIDS(keep, count, i, list[i].conversation->id);
    COLUMN_BIGINTS(keep, count, i, list[i].conversation->epoch);
    params_moment(keep, batch->now);
    db_queue(batch->db, arena, &escalation_keep, keep, NULL);
    COLUMN_UUIDS(save, count, i, list[i].conversation->id);
    COLUMN_TEXTS(save, count, i, text_cut(arena, list[i].reason, ESCALATION_REASON_BYTES_MAX));
    COLUMN_TEXTS(save, count, i, urgency_of(&list[i]));
    COLUMN_MOMENTS(save, count, i, list[i].conversation->escalation_told_at);
    params_moment(save, batch->now);
    db_queue(batch->db, arena, &escalation_save, save, NULL);
    for (size_t i = 0; i < count; i++)
        note_escalated(events, &list[i]);
}

void escalation_nudge(struct arena *arena, const struct escalation *escalation)
{
    const struct held_conversation *conversation = escalation->conversation;
    Pb__ConversationNudge *message = PB_NEW(arena, conversation_nudge);
    message->conversation_id = (char *)conversation->id;
    message->lead_id = (char *)conversation->lead_id;
    message->company_id = (char *)conversation->company_id;
    message->cause = "takeover";
    PB_SET(message, position, conversation->last_position);
    nudge(arena, &NUDGE_CONVERSATION, message);
}
