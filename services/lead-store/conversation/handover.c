#include "handover.h"

#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/payload.h"
#include "core/transaction.h"
#include "uncover.h"

#include <string.h>

enum status target_check(struct arena *arena, struct target *target, struct error *error)
{
    int given = !text_empty(target->phone) + !text_empty(target->lead_id) + !text_empty(target->conversation_id);
    if (!ident_valid(target->item->caller.company_id))
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    if (given != 1)
        return error_code(error, REJECT, "bad_value",
                          "exactly one of phone, lead_id and conversation_id must be given");
    if (!text_empty(target->lead_id) && !ident_valid(target->lead_id))
        return target_unknown(target, error);
    if (!text_empty(target->conversation_id) && !ident_valid(target->conversation_id))
        return target_unknown(target, error);
    if (text_empty(target->phone))
        return OK;
    if (strchr(target->phone, '@')) {
        target->phone_number = text_trim(arena, target->phone);
        return OK;
    }
    struct error inner;
    if (text_phone(arena, target->phone, (char **)&target->phone_number, &inner) != OK)
        return error_code(error, REJECT, "bad_value", "phone must have 7 to 15 digits");
    return OK;
}

enum status target_unknown(const struct target *target, struct error *error)
{
    if (!text_empty(target->phone))
        return error_code(error, REJECT, "unknown_phone", "nobody with this phone is known");
    if (!text_empty(target->lead_id))
        return error_code(error, REJECT, "unknown_lead", "there is no such lead");
    return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
}

/* A person may be known by the phone itself or by one of several contacts; a merged lead is its survivor, and what a
 * closed conversation became is the open one on its account. */
static const struct statement target_find = {
    .name = "target_find",
    .sql =
        "select v.n, l.id, c.id from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) with ordinality "
        "    as v(phone, lead_id, conversation_id, company_id, n) "
        "join lateral (select id from crm.leads where company_id = v.company_id and phone_number = v.phone and merged_into is null "
        "    union select lead_id from crm.lead_contacts where company_id = v.company_id and value = v.phone "
        "    union select coalesce(merged_into, id) from crm.leads where company_id = v.company_id and id = v.lead_id "
        "    union select lead_id from crm.conversations where company_id = v.company_id and id = v.conversation_id) l on true "
        "left join lateral (select c.id from crm.conversations c where c.lead_id = l.id and c.company_id = v.company_id "
        "    and c.state = 'open' and (v.conversation_id is null or c.channel_account_id = "
        "        (select o.channel_account_id from crm.conversations o where o.id = v.conversation_id)) offset 0) c on true",
};

static enum status targets_find(struct handover *handover, struct ids *leads, struct ids *conversations,
                                struct error *error)
{
    struct arena *arena = handover->batch->arena;
    struct target *targets = handover->targets;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, handover->count, i, text_or(targets[i].phone_number, NULL));
    COLUMN_TEXTS(params, handover->count, i, text_or(targets[i].lead_id, NULL));
    COLUMN_TEXTS(params, handover->count, i, text_or(targets[i].conversation_id, NULL));
    COLUMN_TEXTS(params, handover->count, i, targets[i].item->caller.company_id);
    struct rows rows;
    TRY(db_run(handover->batch->db, arena, &target_find, params, &rows, error));
    for (size_t i = 0; i < handover->count; i++)
        targets[i].leads = targets[i].conversations = (struct ids){ .arena = arena };
    for (size_t row = 0; row < rows.count; row++) {
        struct target *target = &targets[rows_int(&rows, row, 0) - 1];
        ids_add(&target->leads, rows_text(&rows, row, 1));
        ids_add(&target->conversations, rows_text(&rows, row, 2));
        ids_add(leads, rows_text(&rows, row, 1));
        ids_add(conversations, rows_text(&rows, row, 2));
    }
    return OK;
}

/* What the AI has under way: written in these conversations, or asked for in them and sent by another channel. */
static const struct statement handover_messages = {
    .name = "handover_messages",
    .sql =
        "select m.id, m.turn_id from crm.messages m where m.conversation_id = any($1::uuid[]) and m.sender_type = 'ai' "
        "    and m.status in ('queued', 'sending') "
        "union select m.id, m.turn_id from crm.turns t join crm.messages m on m.id = t.message_id "
        "    where t.conversation_id = any($1::uuid[]) and m.sender_type = 'ai' and m.status in ('queued', 'sending')",
};

static enum status under_way_hold(struct handover *handover, const struct ids *conversations, struct error *error)
{
    struct arena *arena = handover->batch->arena;
    struct ids messages = { .arena = arena }, turns = { .arena = arena };
    struct rows rows = { 0 };
    if (conversations->count) {
        struct params *params = params_new(arena);
        params_texts(params, conversations->list, conversations->count);
        TRY(db_run(handover->batch->db, arena, &handover_messages, params, &rows, error));
    }
    for (size_t row = 0; row < rows.count; row++) {
        ids_add(&messages, rows_text(&rows, row, 0));
        ids_add(&turns, rows_text(&rows, row, 1));
    }
    hold_messages(&handover->held, &messages);
    hold_turns(&handover->held, &turns);
    return hold_read(&handover->held, error);
}

/* A merge may have moved or closed what was found before it was held. Under the locks it stays as it is found now. */
static enum status targets_settle(struct handover *handover, struct error *error)
{
    struct ids leads = { .arena = handover->batch->arena }, conversations = { .arena = handover->batch->arena };
    bool held = true;
    TRY(targets_find(handover, &leads, &conversations, error));
    for (size_t i = 0; i < leads.count; i++)
        held &= held_lead(&handover->held, leads.list[i]) != NULL;
    for (size_t i = 0; i < conversations.count; i++)
        held &= held_conversation(&handover->held, conversations.list[i]) != NULL;
    return held ? OK : error_code(error, RETRY, TRANSACTION_AGAIN, "two people have just become one");
}

enum status handover_hold(struct handover *handover, struct error *error)
{
    struct arena *arena = handover->batch->arena;
    struct ids leads = { .arena = arena }, conversations = { .arena = arena };
    handover->held = (struct held){ .batch = handover->batch };
    handover->events = (struct event_list){ .batch = handover->batch };
    handover->cancelled = handover->uncovered = handover->nudged = (struct ids){ .arena = arena };
    TRY(targets_find(handover, &leads, &conversations, error));
    hold_leads(&handover->held, &leads);
    hold_conversations(&handover->held, &conversations);
    hold_reach(&handover->held, &conversations);
    TRY(under_way_hold(handover, &conversations, error));
    return targets_settle(handover, error);
}

const char *handover_actor(struct arena *arena, const char *operator)
{
    return text_empty(operator) ? "operator" : text_format(arena, "operator:%s", operator);
}

bool handover_concerns(const struct handover *handover, const struct held_message *message,
                       const struct held_conversation *conversation)
{
    const struct held_turn *turn = held_turn(&handover->held, message->turn_id);
    return text_same(message->conversation_id, conversation->id) ||
           (turn && text_same(turn->conversation_id, conversation->id));
}

static void note_cancelled(struct handover *handover, const struct held_message *message)
{
    struct payload payload = payload_start(handover->batch->arena);
    payload_text(&payload, "message_id", message->id);
    payload_text(&payload, "conversation_id", message->conversation_id);
    payload_text(&payload, "channel", message->channel);
    payload_text(&payload, "reason", "human_owner");
    event_note(&handover->events, (struct event_note){ .type = "message.cancelled",
                                                       .company_id = message->company_id,
                                                       .lead_id = message->lead_id,
                                                       .payload = payload_end(&payload),
                                                       .actor = "system",
                                                       .correlation_id = message->correlation_id });
}

static void cancel_waiting(struct handover *handover, const struct held_conversation *conversation)
{
    for (size_t i = 0; i < handover->held.message_count; i++) {
        struct held_message *message = &handover->held.messages[i];
        if (!text_same(message->status, "queued") || !handover_concerns(handover, message, conversation))
            continue;
        message->status = "cancelled";
        ids_add(&handover->cancelled, message->id);
        note_cancelled(handover, message);
    }
}

/* Newest first: each turn taken back makes the one before it the newest. A reply that has left stops the walk. */
static bool uncover_newest(struct handover *handover, const struct held_conversation *conversation)
{
    for (size_t i = 0; i < handover->held.turn_count; i++) {
        struct held_turn *turn = &handover->held.turns[i];
        if (text_same(turn->conversation_id, conversation->id) && ids_has(&handover->cancelled, turn->message_id) &&
            turn_is_newest(&handover->held, turn)) {
            turn_uncover(&handover->held, turn, &handover->uncovered);
            return true;
        }
    }
    return false;
}

static void note_taken(struct handover *handover, const struct held_conversation *conversation, const char *operator,
                       const struct caller * caller)
{
    const char *actor = handover_actor(handover->batch->arena, operator);
    struct payload payload = payload_start(handover->batch->arena);
    payload_text(&payload, "conversation_id", conversation->id);
    payload_int(&payload, "epoch", conversation->epoch);
    payload_text(&payload, "by", actor);
    event_note(&handover->events, (struct event_note){ .type = "conversation.taken_over",
                                                       .company_id = conversation->company_id,
                                                       .lead_id = conversation->lead_id,
                                                       .payload = payload_end(&payload),
                                                       .actor = actor,
                                                       .correlation_id = caller->correlation_id });
}

void handover_take(struct handover *handover, struct held_conversation *conversation, const char *operator,
                   const struct caller * caller)
{
    ids_add(&handover->nudged, conversation->id);
    if (!text_same(conversation->owner, "human") || conversation->escalated_at) { /* or it waited for one */
        conversation->owner = "human";
        conversation->epoch++;
        conversation->assignee = text_or(operator, NULL);
        conversation->escalated_at = 0;
        conversation->changed = true;
        note_taken(handover, conversation, operator, caller);
    }
    cancel_waiting(handover, conversation);
    while (uncover_newest(handover, conversation))
        continue;
}

static void note_handed_back(struct handover *handover, const struct held_conversation *conversation, const char *actor,
                             const char *correlation_id)
{
    struct payload payload = payload_start(handover->batch->arena);
    payload_text(&payload, "conversation_id", conversation->id);
    payload_int(&payload, "epoch", conversation->epoch);
    payload_text(&payload, "by", actor);
    payload_bool(&payload, "owed", conversation->owed_position > conversation->covered_position);
    event_note(&handover->events, (struct event_note){ .type = "conversation.handed_back",
                                                       .company_id = conversation->company_id,
                                                       .lead_id = conversation->lead_id,
                                                       .payload = payload_end(&payload),
                                                       .actor = actor,
                                                       .correlation_id = correlation_id });
}

void handover_give_back(struct handover *handover, struct held_conversation *conversation, const char *actor,
                        const char *correlation_id)
{
    if (text_same(conversation->owner, "ai"))
        return;
    conversation->owner = "ai";
    conversation->epoch++;
    conversation->escalated_at = 0;
    conversation->ai_replies = 0; /* the turn budget begins anew */
    conversation->owed_from = handover->batch->now;
    conversation->changed = true;
    note_handed_back(handover, conversation, actor, correlation_id);
}

static const struct statement handover_cancel = {
    .name = "handover_cancel",
    .sql =
        "update crm.messages set status = 'cancelled', error_class = 'human_owner', updated_at = $2 where id = any($1::uuid[])",
};

void handover_write(struct handover *handover)
{
    struct batch *batch = handover->batch;
    hold_save(&handover->held);
    if (handover->cancelled.count) {
        struct params *params = params_new(batch->arena);
        params_texts(params, handover->cancelled.list, handover->cancelled.count);
        params_moment(params, batch->now);
        db_queue(batch->db, batch->arena, &handover_cancel, params, NULL);
    }
    uncover_write(&handover->held, &handover->uncovered);
    event_flush(&handover->events);
}

void handover_nudge(const struct handover *handover)
{
    for (size_t i = 0; i < handover->nudged.count; i++) {
        const struct held_conversation *conversation = held_conversation(&handover->held, handover->nudged.list[i]);
        Pb__ConversationNudge *message = PB_NEW(handover->batch->arena, conversation_nudge);
        message->conversation_id = (char *)conversation->id;
        message->lead_id = (char *)conversation->lead_id;
        message->company_id = (char *)conversation->company_id;
        message->cause = "takeover";
        PB_SET(message, position, conversation->last_position);
        nudge(handover->batch->arena, &NUDGE_CONVERSATION, message);
    }
}
