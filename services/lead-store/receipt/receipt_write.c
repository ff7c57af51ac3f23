#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "receipt_rules.h"
#include "receipt_work.h"
#include "wire/pbjson.h"

/* A provider's id that another row has already stays there: the status counts all the same. */
static const struct statement receipt_update = {
    .name = "receipt_update",
    .sql =
        "update crm.messages m set status = u.status, "
        "       external_id = case when u.external_id is null or m.external_id is not null or exists (select from crm.messages o "
        "           where o.channel_account_id = m.channel_account_id and o.external_id = u.external_id) then m.external_id "
        "           else u.external_id end, "
        "       claim = case when m.status = u.status then m.claim end, "
        "       go_until = case when m.status = u.status then m.go_until end, "
        "       error_class = case when m.status = u.status then m.error_class else u.error_class end, "
        "       error_code = case when m.status = u.status then m.error_code else u.error_code end, "
        "       error = case when m.status = u.status then m.error else u.error end, sent_at = coalesce(m.sent_at, u.sent_at), "
        "       updated_at = $2 "
        "from unnest($1::crm.message_status_row[]) as u where m.id = u.id",
};

void receipt_write_messages(struct applying *applying)
{
    struct batch *batch = applying->events->batch;
    struct spoken_of **changed = ARENA_ARRAY(batch->arena, struct spoken_of *, applying->message_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < applying->message_count; i++)
        if (applying->messages[i].changed)
            changed[count++] = &applying->messages[i];
    if (!count)
        return;
    struct params *params = params_new(batch->arena);
    struct records *rows = records_new(params->arena, count);
    RECORD_UUIDS(rows, i, changed[i]->id);
    RECORD_TEXTS(rows, i, changed[i]->status);
    RECORD_TEXTS(rows, i, NULL); /* claim and go_until follow from the change */
    RECORD_MOMENTS(rows, i, 0);
    RECORD_TEXTS(rows, i, changed[i]->external_id);
    RECORD_TEXTS(rows, i, changed[i]->error_class);
    RECORD_TEXTS(rows, i, changed[i]->error_code);
    RECORD_TEXTS(rows, i, changed[i]->error);
    RECORD_MOMENTS(rows, i, text_same(changed[i]->status, "failed") ? 0 : changed[i]->sent_at);
    params_records(params, rows, "crm.message_status_row");
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &receipt_update, params, NULL);
}

static const struct statement receipt_suppress = {
    .name = "receipt_suppress",
    .sql =
        "update crm.leads set opted_out_at = $2, version = version + 1, updated_at = $2 where id = any($1::uuid[]) and opted_out_at is null "
        "returning id, company_id",
};

static enum status suppress(struct applying *applying, const char *const *leads, size_t count, struct error *error)
{
    struct batch *batch = applying->events->batch;
    struct params *params = params_new(batch->arena);
    params_texts(params, leads, count);
    params_moment(params, batch->now);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &receipt_suppress, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        event_note(applying->events, (struct event_note){ .type = "lead.opted_out",
                                                          .company_id = rows_text(&rows, row, 1),
                                                          .lead_id = rows_text(&rows, row, 0),
                                                          .payload = "{\"scope\":\"marketing\"}",
                                                          .actor = "customer" });
    return OK;
}

/* The contact that the provider names, else the one that the conversation writes to. */
static const struct statement receipt_unreachable = {
    .name = "receipt_unreachable",
    .sql =
        "update crm.lead_contacts c set unreachable_at = $4, updated_at = $4 "
        "from unnest($1::uuid[], $2::uuid[], $3::text[]) as u(lead_id, contact_id, recipient) "
        "where c.lead_id = u.lead_id and case when u.recipient = '' then c.id = u.contact_id "
        "                                     else c.address = u.recipient or c.value in (u.recipient, '+' || u.recipient) end",
};

enum status receipt_write_people(struct applying *applying, struct error *error)
{
    struct batch *batch = applying->events->batch;
    const char **stopped = ARENA_ARRAY(batch->arena, const char *, applying->message_count + 1);
    struct spoken_of **gone = ARENA_ARRAY(batch->arena, struct spoken_of *, applying->message_count + 1);
    size_t stopped_count = 0, gone_count = 0;
    for (size_t i = 0; i < applying->message_count; i++) {
        struct spoken_of *message = &applying->messages[i];
        if (message->suppressed_recipient)
            stopped[stopped_count++] = message->lead_id;
        if (message->unreachable_recipient)
            gone[gone_count++] = message;
    }
    if (stopped_count)
        TRY(suppress(applying, stopped, stopped_count, error));
    if (!gone_count)
        return OK;
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, gone_count, i, gone[i]->lead_id);
    COLUMN_TEXTS(params, gone_count, i, gone[i]->contact_id);
    COLUMN_TEXTS(params, gone_count, i, gone[i]->unreachable_recipient);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &receipt_unreachable, params, NULL);
    return OK;
}

/* $4: the packed receipt in hex. The same receipt again is the same row. */
static const struct statement park_insert = {
    .name = "park_insert",
    .sql =
        "insert into crm.parked_receipts (id, channel, account, external_id, receipt, created_at) "
        "select u.id, u.channel, u.account, u.external_id, decode(u.receipt, 'hex'), $6 "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) as u(id, channel, account, external_id, receipt) "
        "order by u.id on conflict do nothing",
};

static const char *receipt_hex(struct arena *arena, const Pb__Receipt *receipt)
{
    ProtobufCBinaryData data;
    pb_pack(arena, receipt, &data);
    return text_hex(arena, data.data, data.len);
}

void receipt_park(struct applying *applying)
{
    struct batch *batch = applying->events->batch;
    struct arena *arena = batch->arena;
    const Pb__Receipt **parked = ARENA_ARRAY(arena, const Pb__Receipt *, applying->count);
    size_t count = 0;
    for (size_t i = 0; i < applying->count; i++) {
        struct receipt_task *task = &applying->tasks[i];
        if (task->status != OK || task->applied || text_empty(task->receipt->external_id))
            continue;
        parked[count++] = task->receipt;
        task->applied = PB_NEW(arena, receipt_applied);
        PB_SET(task->applied, parked, true);
    }
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i,
                 ident_named(arena, "receipt", parked[i]->account, parked[i]->external_id,
                             receipt_status_word(parked[i]->status), NULL));
    COLUMN_TEXTS(params, count, i, pbjson_enum_word(&pb__channel__descriptor, (int)parked[i]->channel));
    COLUMN_TEXTS(params, count, i, parked[i]->account);
    COLUMN_TEXTS(params, count, i, parked[i]->external_id);
    COLUMN_TEXTS(params, count, i, receipt_hex(arena, parked[i]));
    params_moment(params, batch->now);
    db_queue(batch->db, arena, &park_insert, params, NULL);
}
