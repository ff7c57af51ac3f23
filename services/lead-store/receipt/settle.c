#include "settle.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/map.h"
#include "core/payload.h"
#include "core/transaction.h"
#include "settle_parked.h"
#include "settle_rules.h"
#include "wire/pbjson.h"

struct settling {
    struct item *item;
    const Pb__SendSettleRequest *request;
    struct held_message *message;
    const char *error_class; /* as a word; NULL unless failed */
    struct settle_verdict verdict;
    Pb__SendSettled *reply;
};

struct settle_batch {
    struct batch *batch;
    struct held held;
    struct settling *list;
    size_t count;
};

static enum status send_settle_check(const struct item *item, struct error *error)
{
    const Pb__SendSettleRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->message_id, "")))
        return error_code(error, REJECT, "unknown_message", "there is no such message");
    if (text_empty(request->claim))
        return error_code(error, REJECT, "bad_value", "claim must not be empty");
    if (!request->has_outcome || request->outcome == PB__SEND_OUTCOME__SEND_OUTCOME_UNSPECIFIED ||
        !pbjson_enum_word(&pb__send_outcome__descriptor, (int)request->outcome))
        return error_code(error, REJECT, "bad_value", "outcome must be given");
    if (request->external_id && strlen(request->external_id) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "external_id has more than %d bytes", KEY_BYTES_MAX);
    return OK;
}

/* -- what is locked */

static const struct statement settle_leads = {
    .name = "settle_leads",
    .sql =
        "select m.lead_id from unnest($1::uuid[], $2::uuid[]) as v(id, company_id) "
        "cross join lateral (select lead_id from crm.messages where id = v.id and company_id = v.company_id limit 1) m",
};

/* An opt-out that only the provider knew of is written on the person. */
static bool tells_opt_out(const struct settling *settling)
{
    return settling->request->outcome == PB__SEND_OUTCOME__SEND_OUTCOME_FAILED &&
           settling->request->error_class == PB__SEND_CLASS__SEND_CLASS_OPTED_OUT;
}

/* People are locked before their messages, and only where something is to be written on them. */
static enum status settle_hold_leads(struct settle_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct settling **telling = ARENA_ARRAY(arena, struct settling *, work->count);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        if (tells_opt_out(&work->list[i]))
            telling[count++] = &work->list[i];
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, telling[i]->request->message_id);
    COLUMN_TEXTS(params, count, i, telling[i]->item->caller.company_id);
    struct rows rows;
    TRY(db_run(work->batch->db, arena, &settle_leads, params, &rows, error));
    struct ids leads = { .arena = arena };
    for (size_t row = 0; row < rows.count; row++)
        ids_add(&leads, rows_text(&rows, row, 0));
    hold_leads(&work->held, &leads);
    return OK;
}

static enum status settle_hold(struct settle_batch *work, struct parked_list *parked, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ids messages = { .arena = arena };
    TRY(settle_hold_leads(work, error));
    for (size_t i = 0; i < work->count; i++) {
        const Pb__SendSettleRequest *request = work->list[i].request;
        ids_add(&messages, text_lower(arena, request->message_id));
        if (request->outcome == PB__SEND_OUTCOME__SEND_OUTCOME_SENT && !text_empty(request->external_id))
            parked_look(parked, request->external_id);
    }
    hold_messages(&work->held, &messages);
    parked_look_queue(work->batch, parked);
    return hold_read(&work->held, error);
}

/* -- judging */

static void settling_judge(struct settling *settling)
{
    const Pb__SendSettleRequest *request = settling->request;
    struct held_message *message = settling->message;
    const struct settle_facts facts = { message->status, message->claim, request->claim, request->outcome,
                                        request->error_class };
    settling->verdict = settle_judge(&facts);
    if (settling->verdict.status) {
        bool failed = request->outcome == PB__SEND_OUTCOME__SEND_OUTCOME_FAILED;
        message->status = settling->verdict.status;
        settling->error_class =
            failed ? pbjson_enum_word(&pb__send_class__descriptor, (int)request->error_class) : NULL;
        if (text_same(settling->verdict.status, "held"))
            settling->error_class = "window_closed";
    }
    PB_SET(settling->reply, stale, settling->verdict.stale);
    settling->reply->status = (char *)message->status;
}

/* The provider's word counts also where a receipt was faster with the status. */
static bool brings_id(const struct settling *settling)
{
    return settling->message && !settling->verdict.stale &&
           settling->request->outcome == PB__SEND_OUTCOME__SEND_OUTCOME_SENT &&
           !text_empty(settling->request->external_id) && !settling->message->external_id;
}

static bool changes(const struct settling *settling)
{
    return settling->message && (settling->verdict.status || brings_id(settling));
}

/* -- writing */

/* An id that another row has already is a provider's slip: the send stands, the id stays with the first. */
static const struct statement settle_save = {
    .name = "settle_save",
    .sql =
        "update crm.messages m set status = v.status, "
        "    external_id = case when v.external_id is null or exists (select from crm.messages o where o.channel_account_id = "
        "        m.channel_account_id and o.external_id = v.external_id and o.id <> m.id) then m.external_id else v.external_id end, "
        "    error_class = v.error_class, error_code = v.error_code, error = v.error, sent_at = coalesce(m.sent_at, v.sent_at), updated_at = $2 "
        "from unnest($1::crm.message_status_row[]) as v where m.id = v.id",
};

static const char *given(const char *text)
{
    return text_empty(text) ? NULL : text;
}

/* Of several words on one message the last that changed something; earlier ones of this batch are in the held row
 * already. */
static size_t changing(struct settle_batch *work, struct settling **out)
{
    size_t count = 0;
    struct ids seen = { .arena = work->batch->arena };
    for (size_t i = work->count; i-- > 0;)
        if (changes(&work->list[i]) && !ids_has(&seen, work->list[i].message->id)) {
            ids_add(&seen, work->list[i].message->id);
            out[count++] = &work->list[i];
        }
    return count;
}

/* The provider's ids, each for one message of an account: the first of the batch that it was said of. */
static const char **ids_given(struct arena *arena, struct settling *const *list, size_t count)
{
    const char **given_ids = ARENA_ARRAY(arena, const char *, count);
    struct map *owners = map_new(arena, count);
    for (size_t i = count; i-- > 0;) {
        if (!brings_id(list[i]))
            continue;
        const char *id = list[i]->request->external_id;
        void **owner = map_at(owners, text_format(arena, "%s %s", list[i]->message->account_id, id));
        if (!*owner)
            given_ids[i] = id;
        *owner = list[i];
    }
    return given_ids;
}

static moment settled_at(const struct settle_batch *work, const struct settling *settling)
{
    return settling->request->at > 0 ? settling->request->at : work->batch->now;
}

static void messages_save(struct settle_batch *work)
{
    struct arena *arena = work->batch->arena;
    struct settling **list = ARENA_ARRAY(arena, struct settling *, work->count);
    size_t count = changing(work, list);
    if (!count)
        return;
    const char **given_ids = ids_given(arena, list, count);
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, list[i]->message->id);
    RECORD_TEXTS(rows, i, list[i]->message->status);
    RECORD_TEXTS(rows, i, NULL); /* claim: stays */
    RECORD_MOMENTS(rows, i, 0);  /* go_until: stays */
    RECORD_TEXTS(rows, i, given_ids[i]);
    RECORD_TEXTS(rows, i, list[i]->error_class);
    RECORD_TEXTS(rows, i, list[i]->error_class ? given(list[i]->request->error_code) : NULL);
    RECORD_TEXTS(rows, i, list[i]->error_class ? given(list[i]->request->error) : NULL);
    RECORD_MOMENTS(rows, i, text_same(list[i]->verdict.status, "sent") ? settled_at(work, list[i]) : 0);
    params_records(params, rows, "crm.message_status_row");
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &settle_save, params, NULL);
}

static const struct statement settle_unreachable = {
    .name = "settle_unreachable",
    .sql =
        "update crm.lead_contacts p set unreachable_at = $2, updated_at = $2 "
        "where p.id in (select c.contact_id from crm.messages m join crm.conversations c on c.id = m.conversation_id "
        "               where m.id = any($1::uuid[]))",
};
static const struct statement settle_opted_out = {
    .name = "settle_opted_out",
    .sql = "update crm.leads set opted_out_at = $2, version = version + 1, updated_at = $2 where id = any($1::uuid[])",
};

static void save_for(struct settle_batch *work, const struct statement *statement, const struct ids *ids)
{
    if (!ids->count)
        return;
    struct params *params = params_new(work->batch->arena);
    params_texts(params, ids->list, ids->count);
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, work->batch->arena, statement, params, NULL);
}

/* What a refusal says of the person is kept with the person. */
static void people_save(struct settle_batch *work, struct event_list *events)
{
    struct ids unreachable = { .arena = work->batch->arena }, opted_out = { .arena = work->batch->arena };
    for (size_t i = 0; i < work->count; i++) {
        const struct settling *settling = &work->list[i];
        if (!settling->message || !settling->verdict.status)
            continue;
        if (text_same(settling->error_class, "unreachable"))
            ids_add(&unreachable, settling->message->id);
        struct held_lead *lead = tells_opt_out(settling) ? held_lead(&work->held, settling->message->lead_id) : NULL;
        if (!lead || lead->opted_out_at)
            continue;
        lead->opted_out_at = work->batch->now;
        ids_add(&opted_out, lead->id);
        event_note(events, (struct event_note){ .type = "lead.opted_out",
                                                .company_id = lead->company_id,
                                                .lead_id = lead->id,
                                                .payload = "{\"scope\":\"marketing\",\"by\":\"provider\"}",
                                                .actor = "customer",
                                                .correlation_id = settling->message->correlation_id });
    }
    save_for(work, &settle_unreachable, &unreachable);
    save_for(work, &settle_opted_out, &opted_out);
}

static const char *event_type(const struct settling *settling)
{
    static const char *const types[][2] = { { "sent", "message.sent" },
                                            { "failed", "message.failed" },
                                            { "held", "message.held" },
                                            { "unknown", "message.unknown" } };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text_same(settling->verdict.status, types[i][0]))
            return types[i][1];
    return NULL;
}

static void note_settled(struct settle_batch *work, struct event_list *events, const struct settling *settling)
{
    const char *type = event_type(settling);
    if (!type)
        return;
    struct payload payload = payload_start(work->batch->arena);
    payload_text(&payload, "message_id", settling->message->id);
    payload_text(&payload, "conversation_id", settling->message->conversation_id);
    payload_text(&payload, "channel", settling->message->channel);
    payload_text(&payload, "external_id", settling->request->external_id);
    payload_text(&payload, text_same(settling->verdict.status, "held") ? "reason" : "class", settling->error_class);
    if (settling->error_class) {
        payload_text(&payload, "code", settling->request->error_code);
        payload_text(&payload, "error", settling->request->error);
    }
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = settling->message->company_id,
                                            .lead_id = settling->message->lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "system",
                                            .correlation_id = settling->message->correlation_id,
                                            .occurred_at = settled_at(work, settling) });
}

static enum status send_settle_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct settle_batch work = { .batch = batch, .held = { .batch = batch }, .count = count };
    work.list = ARENA_ARRAY(batch->arena, struct settling, count);
    for (size_t i = 0; i < count; i++)
        work.list[i] = (struct settling){ .item = items[i], .request = items[i]->message };
    struct event_list events = { .batch = batch };
    struct parked_list parked = { .arena = batch->arena, .looked = { .arena = batch->arena } };
    TRY(settle_hold(&work, &parked, error));
    for (size_t i = 0; i < count; i++) {
        struct settling *settling = &work.list[i];
        settling->message = held_message(&work.held, text_lower(batch->arena, settling->request->message_id));
        if (!settling->message || !text_same(settling->message->direction, "outbound") ||
            !text_same(settling->message->company_id, items[i]->caller.company_id)) {
            settling->message = NULL;
            item_fail(items[i], REJECT, "unknown_message", "there is no such message");
            continue;
        }
        settling->reply = PB_NEW(batch->arena, send_settled);
        items[i]->reply = &settling->reply->base;
        settling_judge(settling);
        note_settled(&work, &events, settling);
        if (brings_id(settling))
            parked_want(&parked, settling->message, settling->request->external_id, settling->reply);
    }
    people_save(&work, &events);
    messages_save(&work);
    TRY(parked_apply(&parked, &events, error));
    event_flush(&events);
    return OK;
}

void send_settle(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        enum status status = send_settle_check(batch->items[i], &error);
        if (status != OK)
            item_fail(batch->items[i], status, error.code, "%s", error.text);
    }
    transaction_run(batch, send_settle_work);
}
