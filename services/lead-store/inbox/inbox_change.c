/* store.conversation.patch: whose a conversation is among the people, and whether it is over. */
#include "inbox.h"

#include "base/ident.h"
#include "base/text.h"
#include "conversation/conversation_view.h"
#include "conversation/handover.h"
#include "core/payload.h"
#include "core/write.h"
#include "wire/pbrow.h"

/* What is there, held, and what it is to become. */
struct change {
    struct item *item;
    const Pb__ConversationPatchRequest *request;
    struct handover handover;
    const char *lead_id, *state, *assignee; /* as they are; assignee NULL: nobody's */
    const char *new_state, *new_assignee;
    const char *actor;
};

static const struct statement inbox_hold = {
    .name = "inbox_hold",
    .sql =
        "select c.lead_id, c.state, c.assignee, c.epoch + c.revision as version, exists (select from crm.conversations o "
        "    where o.lead_id = c.lead_id and o.channel_account_id = c.channel_account_id and o.state = 'open' and o.id <> c.id) "
        "from crm.conversations c where c.company_id = $1 and c.id = $2 for no key update of c",
};
static const struct statement inbox_save = {
    .name = "inbox_save",
    .sql = "update crm.conversations set state = $2::text, assignee = $3, revision = revision + 1, updated_at = $4, "
           "    owed_since = case when $2::text = 'open' then owed_since end, "
           "    escalated_at = case when $2::text = 'open' then escalated_at end where id = $1",
};
static const struct statement inbox_changed = {
    .name = "inbox_changed",
    .sql = CONVERSATION_VIEW CONVERSATION_FROM "where c.company_id = $1 and c.id = $2",
};

static enum status judge(struct change *change, const struct rows *rows, struct error *error)
{
    const Pb__ConversationPatchRequest *request = change->request;
    if (!rows->count)
        return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
    TRY(write_version(request->has_if_version, request->if_version, rows_int(rows, 0, 3), "the conversation", error));
    change->lead_id = rows_text(rows, 0, 0);
    change->state = rows_text(rows, 0, 1);
    change->assignee = rows_text(rows, 0, 2);
    change->new_state = text_or(request->state, change->state);
    change->new_assignee = change->assignee;
    if (request->assignee)
        change->new_assignee = text_empty(request->assignee) ? NULL : request->assignee;
    if (text_same(change->new_state, "open") && !text_same(change->state, "open") && rows_bool(rows, 0, 4))
        return error_code(error, REJECT, "conversation_conflict", "this person has another open conversation there");
    return OK;
}

static void note(struct change *change, const char *type, const char *to)
{
    struct payload payload = payload_start(change->handover.batch->arena);
    payload_text(&payload, "conversation_id", change->request->id);
    payload_text(&payload, "by", change->actor);
    if (text_same(type, "conversation.assigned")) {
        payload_text(&payload, "from", change->assignee);
        payload_text(&payload, "to", to);
    }
    event_note(&change->handover.events, (struct event_note){ .type = type,
                                                              .company_id = change->item->caller.company_id,
                                                              .lead_id = change->lead_id,
                                                              .payload = payload_end(&payload),
                                                              .actor = change->actor,
                                                              .correlation_id = change->item->caller.correlation_id });
}

/* Nothing of the AI's leaves any more, and nothing is owed: a person has decided that it is over. */
static void close_it(struct change *change)
{
    struct held_conversation *conversation = held_conversation(&change->handover.held, change->request->id);
    handover_take(&change->handover, conversation, change->request->operator_, &change->item->caller);
    conversation->covered_position = conversation->last_position;
    conversation->changed = true;
}

static void apply(struct change *change)
{
    struct batch *batch = change->handover.batch;
    bool closes = text_same(change->new_state, "closed") && text_same(change->state, "open");
    bool reopens = text_same(change->new_state, "open") && text_same(change->state, "closed");
    bool assigns = !text_same(change->assignee, change->new_assignee);
    if (!closes && !reopens && !assigns)
        return;
    if (closes)
        close_it(change);
    if (assigns)
        note(change, "conversation.assigned", change->new_assignee);
    if (closes || reopens)
        note(change, closes ? "conversation.closed" : "conversation.reopened", NULL);
    handover_write(&change->handover);
    struct params *params = params_new(batch->arena);
    params_text(params, change->request->id);
    params_text(params, change->new_state);
    params_text(params, change->new_assignee);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &inbox_save, params, NULL);
}

/* The person first, then the conversations, as whoever records a message does: none is closed under his hands. */
static enum status hold(struct change *change, struct error *error)
{
    struct batch *batch = change->handover.batch;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    change->handover.targets = ARENA_NEW(batch->arena, struct target);
    *change->handover.targets = (struct target){ .item = change->item, .conversation_id = change->request->id };
    TRY(handover_hold(&change->handover, error));
    params_text(params, change->item->caller.company_id);
    params_text(params, change->request->id);
    TRY(db_run(batch->db, batch->arena, &inbox_hold, params, &rows, error));
    struct error refused = { 0 };
    if (judge(change, &rows, &refused) != OK)
        write_refuse(change->item, &refused);
    return OK;
}

static enum status patch_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct change *change = ARENA_NEW(batch->arena, struct change);
    struct rows rows;
    (void)count;
    *change = (struct change){ .item = items[0], .request = items[0]->message };
    change->handover = (struct handover){ .batch = batch, .count = 1 };
    change->actor = handover_actor(batch->arena, change->request->operator_);
    change->item->state = &change->handover;
    TRY(hold(change, error));
    if (change->item->status != OK)
        return OK;
    apply(change);
    struct params *params = params_new(batch->arena);
    params_text(params, change->item->caller.company_id);
    params_text(params, change->request->id);
    TRY(db_run(batch->db, batch->arena, &inbox_changed, params, &rows, error));
    Pb__Conversation *conversation = pbrow_read(change->item->arena, &pb__conversation__descriptor, &rows, 0);
    change->item->reply = &conversation->base;
    return OK;
}

static enum status check(const struct item *item, struct error *error)
{
    const Pb__ConversationPatchRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
    if (request->state && !text_same(request->state, "open") && !text_same(request->state, "closed"))
        return error_code(error, REJECT, "bad_value", "'state' must be open or closed.");
    return OK;
}

void inbox_patch(struct batch *batch)
{
    write_run(batch, check, patch_work);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK && batch->items[i]->state)
            handover_nudge(batch->items[i]->state);
}
