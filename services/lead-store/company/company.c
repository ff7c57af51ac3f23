#include "company.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/transaction.h"
#include "wire/pbrow.h"

enum {
    TIMEZONE_BYTES_MAX = 64,
    LOCALE_BYTES_MAX = 35,
    PLAN_BYTES_MAX = 64,
    BUFFER_MS_MAX = 60000,
    BUFFER_MAX_MS_MAX = 600000
};

static bool fits(const char *text, size_t bytes_max)
{
    return !text || strlen(text) <= bytes_max;
}

static bool is_object(const Pb__Json *json)
{
    struct error error;
    if (!json || text_empty(json->text))
        return true;
    return json_check(json->text, strlen(json->text), &error) == OK && json->text[strspn(json->text, " \t\r\n")] == '{';
}

static const char *company_wrong(const Pb__CompanyCreateRequest *request)
{
    if (!text_empty(request->id) && !ident_valid(request->id))
        return "id must be a UUID";
    if (text_empty(request->name) || !fits(request->name, NAME_BYTES_MAX))
        return "name must have 1 to 512 bytes";
    if (!fits(request->timezone, TIMEZONE_BYTES_MAX) || !fits(request->locale, LOCALE_BYTES_MAX) ||
        !fits(request->plan, PLAN_BYTES_MAX))
        return "timezone, locale or plan is too long";
    if (!is_object(request->company_card))
        return "company_card must be a JSON object";
    if (request->buffer_ms < 0 || request->buffer_ms > BUFFER_MS_MAX || request->buffer_max_ms < 0 ||
        request->buffer_max_ms > BUFFER_MAX_MS_MAX)
        return "buffer_ms is 0 to 60000, buffer_max_ms 0 to 600000";
    return NULL;
}

static const struct statement company_write = {
    .name = "company_write",
    .sql =
        "insert into crm.companies (id, name, timezone, locale, plan, company_card, buffer_ms, buffer_max_ms, created_at, updated_at) "
        "values ($1::uuid, $2, coalesce($3, 'UTC'), coalesce($4, 'en'), coalesce($5, 'free'), coalesce($6::jsonb, '{}'), $7::int, $8::int, $9, $9) "
        "on conflict do nothing",
};

static const struct statement company_read = {
    .name = "company_read",
    .sql =
        "select id, name, timezone, locale, plan, company_card, buffer_ms, buffer_max_ms, created_at, updated_at from crm.companies "
        "where id = $1::uuid",
};

static const struct statement timezone_known = {
    .name = "timezone_known",
    .sql = "select exists (select from pg_timezone_names where name = $1)",
};

static void params_given(struct params *params, const char *text)
{
    params_text(params, text_empty(text) ? NULL : text);
}

static void params_number(struct params *params, bool given, int64_t number)
{
    if (given)
        params_int(params, number);
    else
        params_null(params);
}

static enum status zone_check(struct batch *batch, struct item *item, const char *timezone, struct error *error)
{
    if (text_empty(timezone))
        return OK;
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_text(params, timezone);
    TRY(db_run(batch->db, batch->arena, &timezone_known, params, &rows, error));
    if (!rows_bool(&rows, 0, 0))
        item_fail(item, REJECT, "bad_timezone", "timezone is no IANA time zone");
    return OK;
}

static enum status create_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__CompanyCreateRequest *request = item->message;
    TRY(zone_check(batch, item, request->timezone, error));
    if (item->status != OK)
        return OK;
    struct params *params = params_new(batch->arena), *by_id = params_new(batch->arena);
    const char *id = text_empty(request->id) ? ident_fresh(batch->arena) : text_lower(batch->arena, request->id);
    params_text(params, id);
    params_text(params, request->name);
    params_given(params, request->timezone);
    params_given(params, request->locale);
    params_given(params, request->plan);
    params_given(params, request->company_card ? request->company_card->text : NULL);
    params_number(params, request->has_buffer_ms, request->buffer_ms);
    params_number(params, request->has_buffer_max_ms, request->buffer_max_ms);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &company_write, params, NULL, error));
    TRY(company_ensure(batch, &id, 1, error));
    struct rows rows;
    params_text(by_id, id);
    TRY(db_run(batch->db, batch->arena, &company_read, by_id, &rows, error));
    item->reply = pbrow_read(batch->arena, &pb__company__descriptor, &rows, 0);
    return OK;
}

static enum status create(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(create_one(batch, items[i], error));
    return OK;
}

/* A known id gets the company as it is: asking again is harmless. */
void company_create(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *wrong = company_wrong(batch->items[i]->message);
        if (wrong)
            item_fail(batch->items[i], REJECT, "bad_company", "%s", wrong);
    }
    transaction_run(batch, create);
}
