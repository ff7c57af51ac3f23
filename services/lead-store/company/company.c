#include "company.h"

#include "base/ident.h"
#include "base/text.h"
#include "company_view.h"
#include "core/transaction.h"

static const char *company_wrong(const Pb__CompanyCreateRequest *request)
{
    if ((!text_empty(request->id) && !ident_valid(request->id)) ||
        (!text_empty(request->request_id) && !ident_valid(request->request_id)))
        return "id must be a UUID";
    if (text_empty(request->name))
        return "name must have 1 to 512 bytes";
    return company_fields_wrong(&(struct company_fields){ .name = request->name,
                                                          .timezone = request->timezone,
                                                          .locale = request->locale,
                                                          .plan = request->plan,
                                                          .company_card = request->company_card,
                                                          .buffer_ms = request->buffer_ms,
                                                          .buffer_max_ms = request->buffer_max_ms });
}

static const struct statement company_write = {
    .name = "company_write",
    .sql =
        "insert into crm.companies (id, name, timezone, locale, plan, company_card, buffer_ms, buffer_max_ms, created_at, updated_at, request_id) "
        "values ($1::uuid, $2, coalesce($3, 'UTC'), coalesce($4, 'en'), coalesce($5, 'free'), coalesce($6::jsonb, '{}'), $7::int, $8::int, $9, $9, $10::uuid) "
        "on conflict do nothing",
};

/* What the same request has made before, else whatever has the id. */
static const struct statement company_made = {
    .name = "company_made",
    .sql =
        "select id from crm.companies where id = $1::uuid or request_id = $2::uuid order by request_id is not distinct from $2::uuid desc limit 1",
};

static const char *company_id(struct arena *arena, const Pb__CompanyCreateRequest *request)
{
    if (!text_empty(request->id))
        return text_lower(arena, request->id);
    return text_empty(request->request_id) ? ident_fresh(arena) : request->request_id;
}

static enum status company_find(struct batch *batch, const char *id, const char *request_id, const char **found,
                                struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, id);
    params_text_if(params, request_id);
    TRY(db_run(batch->db, batch->arena, &company_made, params, &rows, error));
    *found = rows_text(&rows, 0, 0);
    return OK;
}

static enum status company_insert(struct batch *batch, const Pb__CompanyCreateRequest *request, const char *id,
                                  struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_text(params, id);
    params_text(params, request->name);
    params_text_if(params, request->timezone);
    params_text_if(params, request->locale);
    params_text_if(params, request->plan);
    params_text_if(params, request->company_card ? request->company_card->text : NULL);
    params_int_if(params, request->has_buffer_ms, request->buffer_ms);
    params_int_if(params, request->has_buffer_max_ms, request->buffer_max_ms);
    params_moment(params, batch->now);
    params_text_if(params, request->request_id);
    return db_run(batch->db, batch->arena, &company_write, params, NULL, error);
}

static enum status create_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__CompanyCreateRequest *request = item->message;
    bool zone_known;
    TRY(company_zone_known(batch, request->timezone, &zone_known, error));
    if (!zone_known) {
        item_fail(item, REJECT, "bad_timezone", "timezone is no IANA time zone");
        return OK;
    }
    const char *id = company_id(batch->arena, request);
    TRY(company_insert(batch, request, id, error));
    TRY(company_find(batch, id, request->request_id, &id, error));
    TRY(company_ensure(batch, &id, 1, error));
    Pb__Company *company;
    TRY(company_show(batch, batch->arena, id, &company, error));
    item->reply = &company->base;
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
