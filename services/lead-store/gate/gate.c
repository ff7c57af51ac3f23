#include "gate.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/uncover.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/config.h"
#include "core/transaction.h"
#include "gate_ask.h"

enum { JITTER_MS_MAX = 10 * MINUTE_MS };

static void send_authorize_check(struct item *item)
{
    const Pb__SendAuthorizeRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->message_id, "")))
        item_fail(item, REJECT, "unknown_message", "there is no such message");
    else if (text_empty(request->claim))
        item_fail(item, REJECT, "bad_value", "claim must not be empty");
}

/* -- what is read under the locks */

/* Two people turned out to be one between the look and the lock: look again. */
static enum status ask_join(struct gate_batch *gate, struct gate_ask *ask, struct error *error)
{
    ask->message = held_message(&gate->held, text_lower(gate->batch->arena, ask->request->message_id));
    if (!ask->message || !text_same(ask->message->company_id, ask->item->caller.company_id) ||
        !text_same(ask->message->direction, "outbound")) {
        ask->message = NULL;
        item_fail(ask->item, REJECT, "unknown_message", "there is no such message to send");
        return OK;
    }
    ask->conversation = held_conversation(&gate->held, ask->message->conversation_id);
    ask->lead = held_lead(&gate->held, ask->message->lead_id);
    ask->turn = held_turn(&gate->held, ask->message->turn_id);
    if (!gate_holds(gate, ask))
        return error_code(error, RETRY, TRANSACTION_AGAIN, "the message has just moved to another conversation");
    if (ask->turn && !text_same(ask->turn->message_id, ask->message->id))
        ask->turn = NULL;
    ask->reply = PB_NEW(gate->batch->arena, send_authorized);
    ask->item->reply = &ask->reply->base;
    return OK;
}

static const struct statement gate_templates = {
    .name = "gate_templates",
    .sql =
        "select id, coalesce(external_name, name) as name, language, state from crm.templates where id = any($1::uuid[]) for share",
};
static const struct cell template_cells[] = {
    CELL(gate_template_row, id, CELL_TEXT),
    CELL(gate_template_row, name, CELL_TEXT),
    CELL(gate_template_row, language, CELL_TEXT),
    CELL(gate_template_row, state, CELL_TEXT),
    { 0 },
};

static enum status templates_read(struct gate_batch *gate, struct error *error)
{
    struct ids ids = { .arena = gate->batch->arena };
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message)
            ids_add(&ids, gate->list[i].message->template_id);
    if (!ids.count)
        return OK;
    struct params *params = params_new(gate->batch->arena);
    params_texts(params, ids.list, ids.count);
    struct rows rows;
    TRY(db_run(gate->batch->db, gate->batch->arena, &gate_templates, params, &rows, error));
    const struct gate_template_row *templates =
        cells_read(gate->batch->arena, &rows, template_cells, sizeof *templates);
    for (size_t i = 0; i < gate->count; i++)
        for (size_t row = 0; row < rows.count && gate->list[i].message; row++)
            if (text_same(templates[row].id, gate->list[i].message->template_id))
                gate->list[i].template = &templates[row];
    return OK;
}

static const struct statement gate_consents = {
    .name = "gate_consents",
    .sql = "select l.id from crm.leads l left join crm.users u on u.id = l.user_id "
           "where l.id = any($1::uuid[]) and coalesce(l.consent -> 'marketing', u.consent -> 'marketing') = 'true'",
};

static size_t proactive_asks(struct gate_batch *gate, struct gate_ask **out)
{
    size_t count = 0;
    for (size_t i = 0; i < gate->count; i++)
        if (gate->list[i].message && text_same(gate->list[i].message->cause, "proactive"))
            out[count++] = &gate->list[i];
    return count;
}

static const char *person_zone(const struct gate_ask *ask)
{
    const struct reach *reach = ask->conversation->reach;
    return text_or(ask->lead->timezone, text_or(reach->contact_zone, reach->sender->company_zone));
}

/* Consent and quiet hours matter only to what the business starts. */
static enum status proactive_read(struct gate_batch *gate, struct error *error)
{
    struct arena *arena = gate->batch->arena;
    struct gate_ask **asks = ARENA_ARRAY(arena, struct gate_ask *, gate->count);
    size_t count = proactive_asks(gate, asks);
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, asks[i]->lead->id);
    struct rows rows;
    TRY(db_run(gate->batch->db, arena, &gate_consents, params, &rows, error));
    struct quiet_task *tasks = ARENA_ARRAY(arena, struct quiet_task, count);
    for (size_t i = 0; i < count; i++) {
        const struct reach *reach = asks[i]->conversation->reach;
        tasks[i] = (struct quiet_task){ .zone = person_zone(asks[i]),
                                        .from = reach->sender->quiet_from,
                                        .to = reach->sender->quiet_to };
        for (size_t row = 0; row < rows.count; row++)
            asks[i]->marketing_consent |= text_same(rows_text(&rows, row, 0), asks[i]->lead->id);
    }
    TRY(quiet_read(gate->batch, tasks, count, error));
    for (size_t i = 0; i < count; i++)
        asks[i]->quiet = tasks[i];
    return OK;
}

/* -- judging */

static struct gate_turn turn_facts(const struct gate_batch *gate, const struct gate_ask *ask)
{
    if (!ask->turn)
        return (struct gate_turn){ 0 };
    const struct held_conversation *asked = held_conversation(&gate->held, ask->turn->conversation_id);
    bool elsewhere = asked != ask->conversation;
    return (struct gate_turn){
        .known = true,
        .elsewhere = elsewhere,
        .asked_human = elsewhere && text_same(asked->state, "open") &&
                       (text_same(asked->owner, "human") || asked->epoch != ask->turn->epoch),
        .newest = turn_is_newest(&gate->held, ask->turn),
        .newer_owed =
            asked->owed_position > asked->covered_position && asked->owed_position > ask->turn->opened_position,
        .answer_by = ask->turn->answer_by,
        .handed_over = ask->turn->handed_over,
    };
}

static enum gate_template template_facts(const struct gate_ask *ask)
{
    if (!ask->message->template_id)
        return TEMPLATE_NONE;
    return ask->template && text_same(ask->template->state, "approved") ? TEMPLATE_APPROVED : TEMPLATE_REFUSED;
}

static struct gate_facts facts_of(const struct gate_batch *gate, const struct gate_ask *ask)
{
    const struct held_message *message = ask->message;
    const struct reach *reach = ask->conversation->reach;
    uint32_t random;
    ident_random(&random, sizeof random);
    return (struct gate_facts){
        .message = { message->status, message->claim, message->sender_type, message->cause, message->error_class,
                     message->go_until, message->updated_at, message->external_id != NULL, message->epoch,
                     message->created_at },
        .turn = turn_facts(gate, ask),
        .conversation = { text_same(ask->conversation->owner, "human"), ask->conversation->epoch,
                          text_same(ask->conversation->channel, "whatsapp_cloud"), ask->conversation->window_ends_at,
                          ask->conversation->owed_position > message->position, gate_ai_go_until(gate, ask) },
        .reach = { reach_has_account(reach), !text_empty(reach->address), reach->unreachable_at != 0 },
        .person = { ask->lead->opted_out_at, ask->marketing_consent,
                    text_same(ask->lead->proactive_message_id, message->id) ? 0 : ask->lead->proactive_at,
                    ask->quiet.until },
        .template = template_facts(ask),
        .claim = ask->request->claim,
        .replayed = ask->request->replayed,
        .now = gate->batch->now,
        .unknown_hold_ms = config_unknown_hold_ms,
        .jitter_ms = random % JITTER_MS_MAX,
    };
}

/* A takeover ended the last answer of its conversation: what that was to answer is open again. */
static bool answer_is_lost(const struct gate_batch *gate, const struct gate_ask *ask)
{
    return ask->turn && text_same(ask->verdict.status, "cancelled") && text_same(ask->verdict.reason, "human_owner") &&
           turn_is_newest(&gate->held, ask->turn);
}

/* What the verdict changes is seen by the next one of the batch. */
static void verdict_take(struct gate_batch *gate, struct gate_ask *ask)
{
    const struct gate_verdict *verdict = &ask->verdict;
    if (!verdict->status)
        return;
    bool goes = verdict->verdict == PB__VERDICT__VERDICT_GO;
    ask->message->status = verdict->status;
    ask->message->claim = goes ? ask->request->claim : ask->message->claim;
    ask->message->go_until = goes ? verdict->until : 0;
    ask->message->error_class = verdict->reason;
    bool lost = answer_is_lost(gate, ask);
    if (lost) /* given back by now: the maximum wait begins anew */
        held_conversation(&gate->held, ask->turn->conversation_id)->owed_from = gate->batch->now;
    if (lost || text_same(verdict->status, "withdrawn"))
        turn_uncover(&gate->held, ask->turn, &gate->withdrawn);
    if (goes && text_same(ask->message->cause, "proactive")) {
        ask->lead->proactive_at = gate->batch->now;
        ask->lead->proactive_message_id = ask->message->id;
    }
}

static void ask_judge(struct gate_batch *gate, struct gate_ask *ask)
{
    ask->facts = facts_of(gate, ask);
    ask->verdict = gate_judge(&ask->facts);
    verdict_take(gate, ask);
    Pb__SendAuthorized *reply = ask->reply;
    PB_SET(reply, verdict, ask->verdict.verdict);
    reply->reason = (char *)ask->verdict.reason;
    reply->status = (char *)ask->message->status;
    if (ask->verdict.verdict == PB__VERDICT__VERDICT_GO) {
        PB_SET(reply, go_until_at, ask->verdict.until);
        reply->outgoing = gate_outgoing(gate->batch->arena, ask);
    } else if (ask->verdict.until) {
        PB_SET(reply, until_at, ask->verdict.until);
    }
}

static enum status send_authorize_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct gate_batch gate = {
        .batch = batch, .held = { .batch = batch }, .count = count, .withdrawn = { .arena = batch->arena }
    };
    gate.list = ARENA_ARRAY(batch->arena, struct gate_ask, count);
    for (size_t i = 0; i < count; i++)
        gate.list[i] = (struct gate_ask){ .item = items[i], .request = items[i]->message };
    TRY(gate_hold(&gate, error));
    for (size_t i = 0; i < count; i++)
        TRY(ask_join(&gate, &gate.list[i], error));
    TRY(templates_read(&gate, error));
    TRY(proactive_read(&gate, error));
    TRY(gate_leaving_read(&gate, error));
    for (size_t i = 0; i < count; i++)
        if (gate.list[i].message)
            ask_judge(&gate, &gate.list[i]);
    return gate_write(&gate, error);
}

void send_authorize(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        send_authorize_check(batch->items[i]);
    transaction_run(batch, send_authorize_work);
}
