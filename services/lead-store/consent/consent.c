#include "consent.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/handover.h"
#include "core/column.h"
#include "core/page.h"
#include "core/payload.h"
#include "core/write.h"
#include "wire/pbjson.h"
#include "wire/pbrow.h"

enum { PROOF_BYTES_MAX = 16 * 1024, CLOCKS_APART_MS = 60 * 1000 };

#define CONSENT_COLUMNS                                                                                                \
    "id, lead_id, scope, granted, channel, source, text_version, proof, given_at, recorded_by, created_at "

static enum status unknown_lead(struct error *error)
{
    return error_code(error, REJECT, "unknown_lead", "there is no such lead");
}

/* -- store.consent.record */

/* Whoever became another is that one; one that becomes it just now is looked for again. */
static const struct statement consent_lock = {
    .name = "consent_lock",
    .sql =
        "select l.id, l.merged_into is not null as gone from unnest($1::uuid[], $2::uuid[]) as v(id, company_id) "
        "join crm.leads f on f.id = v.id and f.company_id = v.company_id join crm.leads l on l.id = coalesce(f.merged_into, f.id) "
        "order by l.id for no key update of l",
};
static const struct statement consent_insert = {
    .name = "consent_insert",
    .sql =
        "with w as (select coalesce(merged_into, id) as lead_id from crm.leads where id = $3 and company_id = $2), "
        "made as (insert into crm.lead_consents (id, company_id, lead_id, scope, granted, channel, source, text_version, proof, given_at, "
        "             recorded_by, correlation_id, created_at) "
        "         select $1, $2, w.lead_id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 from w on conflict (id) do nothing returning id), "
        "counts as (update crm.leads l set consent = l.consent || jsonb_build_object($4::text, $5::boolean), version = l.version + 1, updated_at = $13 "
        "           from w where l.id = w.lead_id and exists (select from made) and not exists (select from crm.lead_consents c "
        "               where c.lead_id = w.lead_id and c.scope = $4 and c.given_at > $10) returning l.id) "
        "select w.lead_id, exists (select from made) as made, exists (select from counts) as counts from w",
};
static const struct statement consent_read = {
    .name = "consent_read",
    .sql = "select " CONSENT_COLUMNS "from crm.lead_consents where company_id = $1 and id = $2",
};

static void note_changed(struct event_list *events, const struct item *item, const char *id, const struct rows *rows)
{
    const Pb__ConsentRecordRequest *request = item->message;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "consent_id", id);
    payload_text(&payload, "scope", request->scope);
    payload_bool(&payload, "granted", request->granted);
    payload_bool(&payload, "counts", rows_bool(rows, 0, 2));
    payload_text(&payload, "source", request->source);
    event_note(events, (struct event_note){ .type = "lead.consent_changed",
                                            .company_id = item->caller.company_id,
                                            .lead_id = rows_text(rows, 0, 0),
                                            .payload = payload_end(&payload),
                                            .actor = handover_actor(events->batch->arena, request->operator_),
                                            .correlation_id = item->caller.correlation_id });
}

static struct params *insert_params(const struct batch *batch, const struct item *item, const char *id)
{
    const Pb__ConsentRecordRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, id);
    params_text(params, item->caller.company_id);
    params_text(params, request->lead_id);
    params_text(params, request->scope);
    params_bool(params, request->granted);
    params_text(params,
                request->has_channel ? pbjson_enum_word(&pb__channel__descriptor, (int)request->channel) : NULL);
    params_text(params, request->source);
    params_text(params, text_or(request->text_version, ""));
    params_text(params, text_or(request->proof, ""));
    params_moment(params, request->has_given_at ? request->given_at : batch->now);
    params_text(params, text_or(request->operator_, "operator"));
    params_text_if(params, item->caller.correlation_id);
    params_moment(params, batch->now);
    return params;
}

/* A known id is answered with what it made: asking again is harmless. */
static enum status record_one(struct event_list *events, struct item *item, struct error *error)
{
    const Pb__ConsentRecordRequest *request = item->message;
    struct batch *batch = events->batch;
    const char *id = text_empty(request->id) ? ident_fresh(batch->arena) : request->id;
    struct error refused = { 0 };
    struct rows rows;
    if (request->has_given_at && (request->given_at < 0 || request->given_at > batch->now + CLOCKS_APART_MS)) {
        error_code(&refused, REJECT, "bad_value", "'given_at' must be a time since 1970, and not in the future.");
        write_refuse(item, &refused);
        return OK;
    }
    TRY(db_run(batch->db, batch->arena, &consent_insert, insert_params(batch, item, id), &rows, error));
    if (!rows.count) {
        unknown_lead(&refused);
        write_refuse(item, &refused);
        return OK;
    }
    if (rows_bool(&rows, 0, 1))
        note_changed(events, item, id, &rows);
    return write_show(batch, item, &consent_read, &pb__consent__descriptor, id, error);
}

static enum status record_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    struct rows rows;
    COLUMN_TEXTS(params, count, i, ((const Pb__ConsentRecordRequest *)items[i]->message)->lead_id);
    COLUMN_TEXTS(params, count, i, items[i]->caller.company_id);
    TRY(db_run(batch->db, batch->arena, &consent_lock, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        if (rows_bool(&rows, row, 1))
            return error_code(error, RETRY, TRANSACTION_AGAIN, "two people have just become one");
    for (size_t i = 0; i < count; i++)
        TRY(record_one(&events, items[i], error));
    event_flush(&events);
    return OK;
}

static bool scope_known(const char *scope)
{
    return text_same(scope, "marketing") || text_same(scope, "transactional");
}

static enum status record_check(const struct item *item, struct error *error)
{
    const Pb__ConsentRecordRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->lead_id, "")))
        return unknown_lead(error);
    if (request->id && !ident_valid(request->id))
        return error_code(error, REJECT, "bad_value", "'id' must be a UUID.");
    if (!scope_known(request->scope))
        return error_code(error, REJECT, "bad_value", "'scope' must be marketing or transactional.");
    if (!request->has_granted)
        return error_code(error, REJECT, "missing_field", "'granted' must be true or false.");
    if (text_empty(request->source))
        return error_code(error, REJECT, "missing_field", "'source' must say where this comes from.");
    if (request->has_channel && request->channel == PB__CHANNEL__CHANNEL_UNSPECIFIED)
        return error_code(error, REJECT, "bad_value", "'channel' must be a channel.");
    if (strlen(text_or(request->proof, "")) > PROOF_BYTES_MAX || strlen(request->source) > NAME_BYTES_MAX ||
        strlen(text_or(request->text_version, "")) > NAME_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'source', 'text_version' or 'proof' is too long.");
    return OK;
}

void consent_record(struct batch *batch)
{
    write_run(batch, record_check, record_work);
}

/* -- store.consent.list, newest first */

static const struct statement consents_read = {
    .name = "consents_read",
    .sql =
        "select w.lead_id is not null as found, p.* from (select (select coalesce(merged_into, id) from crm.leads where id = $2 and company_id = $1) "
        "    as lead_id) w left join lateral (select " CONSENT_COLUMNS
        "from crm.lead_consents c where c.lead_id = w.lead_id and c.company_id = $1 "
        "      and ($3::timestamptz is null or (c.created_at, c.id) < ($3::timestamptz, $4::uuid)) "
        "    order by c.created_at desc, c.id desc limit $5) p on true",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__ConsentListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    if (!ident_valid(text_or(request->lead_id, "")))
        return unknown_lead(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->lead_id);
    params_moment(params, page.from.at);
    params_text(params, page.from.id);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &consents_read, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    bool found;
    size_t count = page_rows(rows, &found);
    if (!found)
        return unknown_lead(error);
    return page_reply(item, PB_NEW(item->arena, consent_list), rows, count, error);
}

void consent_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}
