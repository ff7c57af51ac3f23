#include "conversation.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/payload.h"
#include "core/write.h"
#include "handover.h"
#include "owed.h"
#include "silence.h"

static struct target target_of(struct item *item)
{
    const Pb__HandoverRequest *request = item->message;
    return (struct target){
        .item = item, .phone = request->phone, .lead_id = request->lead_id, .conversation_id = request->conversation_id
    };
}

/* Refuses what is wrong before SQL; the rest goes through one transaction. */
static void handover_run(struct batch *batch, transaction_work *work)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        struct target target = target_of(batch->items[i]);
        if (target_check(batch->arena, &target, &error) != OK)
            item_fail(batch->items[i], REJECT, error.code, "%s", error.text);
    }
    transaction_run(batch, work);
}

static enum status handover_open(struct handover *handover, struct batch *batch, struct item **items, size_t count,
                                 struct error *error)
{
    *handover = (struct handover){ .batch = batch, .count = count };
    handover->targets = ARENA_ARRAY(batch->arena, struct target, count);
    for (size_t i = 0; i < count; i++) {
        handover->targets[i] = target_of(items[i]);
        TRY(target_check(batch->arena, &handover->targets[i], error));
    }
    return handover_hold(handover, error);
}

/* NULL: nobody is meant; the item says so. */
static Pb__HandoverReply *reply_start(struct arena *arena, const struct target *target, const char *status)
{
    struct error error = { 0 };
    if (!target->leads.count) {
        target_unknown(target, &error);
        write_refuse(target->item, &error);
        return NULL;
    }
    Pb__HandoverReply *reply = PB_NEW(arena, handover_reply);
    target->item->reply = &reply->base;
    reply->status = (char *)status;
    reply->conversation_ids = (char **)target->conversations.list;
    reply->n_conversation_ids = target->conversations.count;
    return reply;
}

/* Past the gate and not settled: it may reach the provider until its go is over. Whoever asked waits until then. */
static void tell_in_flight(const struct handover *handover, const struct target *target, Pb__HandoverReply *reply)
{
    struct arena *arena = handover->batch->arena;
    const struct held *held = &handover->held;
    reply->in_flight = ARENA_ARRAY(arena, char *, held->message_count + 1);
    for (size_t i = 0; i < held->message_count; i++) {
        const struct held_message *message = &held->messages[i];
        bool concerns = false;
        for (size_t c = 0; c < target->conversations.count; c++)
            concerns |= handover_concerns(handover, message, held_conversation(held, target->conversations.list[c]));
        moment settled_at = message->go_until + LAST_BYTES_MS;
        if (!concerns || !text_same(message->status, "sending") || settled_at <= handover->batch->now)
            continue;
        reply->in_flight[reply->n_in_flight++] = (char *)message->id;
        if (!reply->has_settled_at || settled_at > reply->settled_at)
            PB_SET(reply, settled_at, settled_at);
    }
}

static enum status take_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct handover handover;
    TRY(handover_open(&handover, batch, items, count, error));
    for (size_t i = 0; i < count; i++) {
        const struct target *target = &handover.targets[i];
        const Pb__HandoverRequest *request = items[i]->message;
        Pb__HandoverReply *reply = reply_start(batch->arena, target, "takeover_complete");
        for (size_t c = 0; reply && c < target->conversations.count; c++) {
            struct held_conversation *conversation = held_conversation(&handover.held, target->conversations.list[c]);
            handover_take(&handover, conversation, request->operator_, &items[i]->caller);
        }
        if (reply)
            tell_in_flight(&handover, target, reply);
    }
    handover_write(&handover);
    struct handover *kept = ARENA_NEW(batch->arena, struct handover);
    *kept = handover;
    for (size_t i = 0; i < count; i++)
        items[i]->state = kept;
    return OK;
}

/* Items of one transaction share what it held; a halved batch has several. */
void conversation_take(struct batch *batch)
{
    handover_run(batch, take_work);
    const struct handover *told = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        const struct handover *handover = batch->items[i]->state;
        if (batch->items[i]->status == OK && handover && handover != told)
            handover_nudge(told = handover);
    }
}

static enum status jobs_tell(struct handover *handover, struct error *error)
{
    struct arena *arena = handover->batch->arena;
    struct ids owed = { .arena = arena };
    for (size_t i = 0; i < handover->held.conversation_count; i++) {
        const struct held_conversation *conversation = &handover->held.conversations[i];
        if (conversation->owed_position > conversation->covered_position && conversation->epoch > 0)
            ids_add(&owed, conversation->id);
    }
    struct newest_owed newest;
    TRY(newest_owed_read(&handover->held, &owed, &newest, error));
    for (size_t i = 0; i < handover->count; i++) {
        const struct target *target = &handover->targets[i];
        Pb__HandoverReply *reply = (Pb__HandoverReply *)target->item->reply;
        if (!reply)
            continue;
        reply->jobs = ARENA_ARRAY(arena, Pb__JobSpec *, 2 * target->conversations.count + 1);
        for (size_t c = 0; c < target->conversations.count; c++) {
            const struct held_conversation *conversation =
                held_conversation(&handover->held, target->conversations.list[c]);
            const char *epoch = text_format(arena, "%lld", (long long)conversation->epoch);
            Pb__JobSpec *job = newest_owed_job(&newest, conversation, &target->item->caller, epoch, 0);
            if (job)
                reply->jobs[reply->n_jobs++] = job;
            Pb__JobSpec *summary = silence_handback_job(arena, conversation, &target->item->caller);
            if (summary)
                reply->jobs[reply->n_jobs++] = summary;
        }
    }
    return OK;
}

static enum status give_back_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct handover handover;
    TRY(handover_open(&handover, batch, items, count, error));
    for (size_t i = 0; i < count; i++) {
        const struct target *target = &handover.targets[i];
        const Pb__HandoverRequest *request = items[i]->message;
        if (!reply_start(batch->arena, target, "handback_complete"))
            continue;
        for (size_t c = 0; c < target->conversations.count; c++)
            handover_give_back(&handover, held_conversation(&handover.held, target->conversations.list[c]),
                               handover_actor(batch->arena, request->operator_), items[i]->caller.correlation_id);
    }
    TRY(jobs_tell(&handover, error));
    handover_write(&handover);
    return OK;
}

void conversation_give_back(struct batch *batch)
{
    handover_run(batch, give_back_work);
}
