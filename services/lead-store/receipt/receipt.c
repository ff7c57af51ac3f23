#include "receipt.h"

#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/hold.h"
#include "core/map.h"
#include "core/payload.h"
#include "core/transaction.h"
#include "receipt_rules.h"
#include "receipt_work.h"
#include "wire/pbjson.h"

static const struct statement receipt_accounts = {
    .name = "receipt_accounts",
    .sql =
        "select w.n, a.id, a.company_id from unnest($1::text[], $2::text[]) with ordinality as w(channel, account, n) "
        "join crm.channel_accounts a on a.channel = w.channel and a.account = w.account and a.account <> ''",
};

static enum status accounts_find(struct applying *applying, struct error *error)
{
    struct batch *batch = applying->events->batch;
    struct receipt_task *tasks = applying->tasks;
    struct params *params = params_new(batch->arena);
    COLUMN_WORDS(params, applying->count, i,
                 pbjson_enum_word(&pb__channel__descriptor, (int)tasks[i].receipt->channel));
    COLUMN_WORDS(params, applying->count, i, tasks[i].receipt->account);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &receipt_accounts, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        struct receipt_task *task = &tasks[rows_int(&rows, row, 0) - 1];
        task->account_id = rows_text(&rows, row, 1);
        task->company_id = rows_text(&rows, row, 2);
    }
    for (size_t i = 0; i < applying->count; i++)
        tasks[i].status = tasks[i].account_id ? OK : REJECT;
    return OK;
}

/* By the provider's id; else by ours, as it came back to us, if that message went through this account. */
static const struct statement receipt_messages = {
    .name = "receipt_messages",
    .sql =
        "select w.n, m.id, m.lead_id from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality as w(account_id, external_id, message_id, n) "
        "join lateral (select id, lead_id from crm.messages where channel_account_id = w.account_id and external_id = w.external_id "
        "                and direction = 'outbound' "
        "              union all "
        "              select id, lead_id from crm.messages where id = w.message_id and channel_account_id = w.account_id and direction = 'outbound' "
        "              limit 1) as m on true",
};

/* What a failed receipt may change beside the message is locked before it: people first, messages last. */
static const struct statement receipt_leads = {
    .name = "receipt_leads",
    .sql = "select l.id from unnest($1::uuid[]) as v(id) "
           "cross join lateral (select id from crm.leads where id = v.id for no key update) as l",
};

static const struct statement receipt_lock = {
    .name = "receipt_lock",
    .sql =
        "select m.id, m.company_id, m.lead_id, m.conversation_id, m.channel, m.external_id, m.status, m.correlation_id, c.contact_id "
        "from unnest($1::uuid[]) as v(id) cross join lateral ( "
        "    select id, company_id, lead_id, conversation_id, channel, external_id, status, correlation_id from crm.messages "
        "    where id = v.id for no key update) as m "
        "cross join lateral (select contact_id from crm.conversations where id = m.conversation_id limit 1) as c",
};

static void message_fill(struct spoken_of *message, const struct rows *rows, size_t row)
{
    *message = (struct spoken_of){ .id = rows_text(rows, row, 0),
                                   .company_id = rows_text(rows, row, 1),
                                   .lead_id = rows_text(rows, row, 2),
                                   .conversation_id = rows_text(rows, row, 3),
                                   .channel = rows_text(rows, row, 4),
                                   .external_id = rows_text(rows, row, 5),
                                   .status = rows_text(rows, row, 6),
                                   .status_before = rows_text(rows, row, 6),
                                   .correlation_id = rows_text(rows, row, 7),
                                   .contact_id = rows_text(rows, row, 8) };
}

static bool touches_person(const Pb__Receipt *receipt)
{
    return receipt->status == PB__RECEIPT_STATUS__RECEIPT_STATUS_FAILED &&
           (text_same(receipt->error_class, "opted_out") || text_same(receipt->error_class, "unreachable"));
}

static enum status messages_lock(struct applying *applying, const struct rows *found, struct error *error)
{
    struct batch *batch = applying->events->batch;
    struct ids leads = { .arena = batch->arena }, messages = { .arena = batch->arena };
    for (size_t row = 0; row < found->count; row++)
        if (touches_person(applying->tasks[rows_int(found, row, 0) - 1].receipt))
            ids_add(&leads, rows_text(found, row, 2));
    for (size_t row = 0; row < found->count; row++)
        ids_add(&messages, rows_text(found, row, 1));
    if (leads.count)
        db_queue(batch->db, batch->arena, &receipt_leads, ids_params(&leads), NULL);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &receipt_lock, ids_params(&messages), &rows, error));
    applying->messages = ARENA_ARRAY(batch->arena, struct spoken_of, rows.count + 1);
    applying->message_count = rows.count;
    struct map *by_id = map_new(batch->arena, rows.count);
    for (size_t row = 0; row < rows.count; row++) {
        message_fill(&applying->messages[row], &rows, row);
        *map_at(by_id, applying->messages[row].id) = &applying->messages[row];
    }
    for (size_t row = 0; row < found->count; row++)
        applying->by_task[rows_int(found, row, 0) - 1] = map_find(by_id, rows_text(found, row, 1));
    return OK;
}

static enum status messages_find(struct applying *applying, struct error *error)
{
    struct batch *batch = applying->events->batch;
    struct receipt_task *tasks = applying->tasks;
    struct params *params = params_new(batch->arena);
    COLUMN_UUIDS(params, applying->count, i, tasks[i].account_id);
    COLUMN_WORDS(params, applying->count, i, tasks[i].receipt->external_id);
    COLUMN_UUIDS(params, applying->count, i,
                 ident_valid(text_or(tasks[i].receipt->message_id, "")) ? tasks[i].receipt->message_id : NULL);
    struct rows found;
    applying->by_task = ARENA_ARRAY(batch->arena, struct spoken_of *, applying->count);
    TRY(db_run(batch->db, batch->arena, &receipt_messages, params, &found, error));
    return found.count ? messages_lock(applying, &found, error) : OK;
}

static void note_status(struct applying *applying, const struct spoken_of *message, const Pb__Receipt *receipt)
{
    struct payload payload = payload_start(applying->events->batch->arena);
    payload_text(&payload, "message_id", message->id);
    payload_text(&payload, "conversation_id", message->conversation_id);
    payload_text(&payload, "channel", message->channel);
    payload_text(&payload, "external_id", message->external_id);
    payload_moment(&payload, "at", receipt->provider_at);
    if (text_same(message->status, "failed")) {
        payload_text(&payload, "class", receipt->error_class);
        payload_text(&payload, "code", receipt->error_code);
        payload_text(&payload, "error", receipt->error);
    }
    event_note(applying->events,
               (struct event_note){ .type = text_format(applying->events->batch->arena, "message.%s", message->status),
                                    .company_id = message->company_id,
                                    .lead_id = message->lead_id,
                                    .payload = payload_end(&payload),
                                    .actor = "system",
                                    .correlation_id = message->correlation_id,
                                    .occurred_at = receipt->provider_at });
}

static void message_failed(struct spoken_of *message, const Pb__Receipt *receipt)
{
    const char *recipient = text_or(receipt->recipient, "");
    message->error_class = receipt->error_class;
    message->error_code = receipt->error_code;
    message->error = receipt->error;
    if (text_same(receipt->error_class, "opted_out"))
        message->suppressed_recipient = recipient;
    if (text_same(receipt->error_class, "unreachable"))
        message->unreachable_recipient = recipient;
}

/* One id names one message of an account: the first that it was said of. */
static bool id_is_free(struct applying *applying, const struct receipt_task *task)
{
    const char *key =
        text_format(applying->events->batch->arena, "%s %s", task->account_id, task->receipt->external_id);
    void **owner = map_at(applying->given_ids, key);
    if (*owner)
        return false;
    *owner = applying;
    return true;
}

static void receipt_take_effect(struct applying *applying, struct receipt_task *task, struct spoken_of *message)
{
    const Pb__Receipt *receipt = task->receipt;
    const char *status = receipt_status_word(receipt->status);
    task->applied = PB_NEW(applying->events->batch->arena, receipt_applied);
    task->applied->message_id = (char *)message->id;
    if (text_empty(message->external_id) && !text_empty(receipt->external_id) && id_is_free(applying, task)) {
        message->external_id = receipt->external_id;
        message->changed = true;
    }
    bool raised = receipt_raises(message->status, status);
    if (raised) {
        message->status = status;
        message->changed = true;
        message->at = receipt->provider_at;
        if (!message->sent_at)
            message->sent_at = receipt->provider_at ? receipt->provider_at : applying->events->batch->now;
        message->error_class = message->error_code = message->error = NULL;
        if (text_same(status, "failed"))
            message_failed(message, receipt);
        note_status(applying, message, receipt);
    }
    PB_SET(task->applied, changed, raised);
}

enum status receipt_apply_all(struct event_list *events, struct receipt_task *tasks, size_t count, struct error *error)
{
    struct applying applying = { .events = events, .tasks = tasks, .count = count };
    if (!count)
        return OK;
    TRY(accounts_find(&applying, error));
    TRY(messages_find(&applying, error));
    applying.given_ids = map_new(events->batch->arena, count);
    for (size_t i = 0; i < count; i++)
        if (applying.by_task[i])
            receipt_take_effect(&applying, &tasks[i], applying.by_task[i]);
    for (size_t i = 0; i < count; i++)
        if (applying.by_task[i])
            tasks[i].applied->status = (char *)applying.by_task[i]->status;
    TRY(receipt_write_people(&applying, error));
    receipt_write_messages(&applying);
    receipt_park(&applying);
    return OK;
}

static enum status apply(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    struct receipt_task *tasks = ARENA_ARRAY(batch->arena, struct receipt_task, count);
    for (size_t i = 0; i < count; i++)
        tasks[i].receipt = items[i]->message;
    TRY(receipt_apply_all(&events, tasks, count, error));
    for (size_t i = 0; i < count; i++) {
        if (tasks[i].status != OK)
            item_fail(items[i], REJECT, "unknown_account", "no company has this account on this channel");
        else if (!tasks[i].applied)
            item_fail(items[i], REJECT, "unknown_message", "the receipt names no message");
        else
            items[i]->reply = &tasks[i].applied->base;
    }
    event_flush(&events);
    return OK;
}

void receipt_apply(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *wrong = receipt_wrong(batch->items[i]->message);
        if (wrong)
            item_fail(batch->items[i], REJECT, "bad_receipt", "%s", wrong);
    }
    transaction_run(batch, apply);
}
