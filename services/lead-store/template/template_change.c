/* store.template.record, store.template.update: what the provider says, and what follows from it. */
#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/transaction.h"
#include "template.h"

/* Before they are written: what they were is read by the statement that writes, and must stay what it was. */
static const struct statement template_lock = {
    .name = "template_lock",
    .sql =
        "select t.id from unnest($2::text[], $3::text[]) as v(name, language) "
        "cross join lateral (select id from crm.templates where company_id = $1 and channel = 'whatsapp_cloud' and name = v.name "
        "    and language = v.language limit 1 for update) t",
};
/*
 * One page: new ones come into being, known ones are brought up to date. A state that a webhook told after this list
 * was begun is newer than the list's.
 */
static const struct statement template_upsert = {
    .name = "template_upsert",
    .sql =
        "with old as (select t.id, v.name, v.language, t.state from unnest($3::text[], $4::text[]) as v(name, language) "
        "             cross join lateral (select id, state from crm.templates where company_id = $1 and channel = 'whatsapp_cloud' "
        "                 and name = v.name and language = v.language limit 1) t), "
        "     now as (insert into crm.templates as t (id, company_id, channel, name, language, external_name, text, state, category, reason, quality, "
        "                 parameter_format, components, provider_id, account_group, synced_at, created_at, updated_at) "
        "             select u.id, $1, 'whatsapp_cloud', u.name, u.language, u.name, u.text, u.state, u.category, u.reason, u.quality, u.format, "
        "                 u.components::jsonb, u.provider_id, $12, $13, $14, $14 "
        "             from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $15::text[]) "
        "                 as u(id, name, language, text, state, category, reason, quality, format, components, provider_id) "
        "             on conflict (company_id, channel, name, language) do update set external_name = excluded.external_name, text = excluded.text, "
        "                 state = case when t.updated_at > $13 then t.state else excluded.state end, category = excluded.category, "
        "                 reason = case when t.updated_at > $13 then t.reason else excluded.reason end, quality = coalesce(excluded.quality, t.quality), "
        "                 parameter_format = excluded.parameter_format, components = excluded.components, provider_id = excluded.provider_id, "
        "                 account_group = excluded.account_group, synced_at = excluded.synced_at, "
        "                 updated_at = case when t.state is distinct from excluded.state and t.updated_at <= $13 then $14 else t.updated_at end "
        "             returning t.id, t.name, t.language, t.state, t.reason) "
        "select now.id, now.name, now.language, old.state as was, now.state, now.reason from now left join old using (name, language) "
        "where old.state is distinct from now.state",
};
/* A list that has ended names all there are. */
static const struct statement template_gone = {
    .name = "template_gone",
    .sql =
        "update crm.templates t set state = 'disabled', reason = 'gone', updated_at = $4 "
        "from (select id, state from crm.templates where company_id = $1 and account_group = $2 and state <> 'disabled' and synced_at < $3 "
        "      and updated_at < $3 order by id for update) o where t.id = o.id "
        "returning t.id, t.name, t.language, o.state as was, t.state, t.reason",
};
/* The provider names its business account and the template; one that only the name finds is the list's that is not in
 * yet. */
static const struct statement template_change = {
    .name = "template_change",
    .sql =
        "update crm.templates t set state = coalesce($5, t.state), reason = case when $5::text is null then t.reason else $6 end, "
        "       category = coalesce($7, t.category), quality = coalesce($8, t.quality), updated_at = $9 "
        "from (select id, state from crm.templates where account_group = $1 and (provider_id = $2 or (name = $3 and language = $4)) "
        "      order by id for update) o where t.id = o.id "
        "returning t.id, t.name, t.language, o.state as was, t.state, t.reason, t.company_id",
};
static const struct statement template_owner = {
    .name = "template_owner",
    .sql =
        "select distinct company_id from crm.channel_accounts where credentials ->> 'waba_id' = $1 and credentials ? 'waba_id'",
};
/* What waits to leave with it; each is held by the gate when its turn comes. */
static const struct statement template_waiting = {
    .name = "template_waiting",
    .sql = "select count(*) from crm.messages where status = 'queued' and template_id = $1 and company_id = $2",
};

static enum status note_change(struct event_list *events, const char *company_id, const struct rows *rows, size_t row,
                               struct error *error)
{
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    struct rows waiting;
    params_text(params, rows_text(rows, row, 0));
    params_text(params, company_id);
    TRY(db_run(batch->db, batch->arena, &template_waiting, params, &waiting, error));
    struct payload payload = payload_start(batch->arena);
    payload_text(&payload, "template_id", rows_text(rows, row, 0));
    payload_text(&payload, "name", rows_text(rows, row, 1));
    payload_text(&payload, "language", rows_text(rows, row, 2));
    payload_text(&payload, "from", rows_text(rows, row, 3));
    payload_text(&payload, "to", rows_text(rows, row, 4));
    payload_text(&payload, "reason", rows_text(rows, row, 5));
    payload_int(&payload, "queued", rows_int(&waiting, 0, 0));
    event_note(events, (struct event_note){ .type = "template.changed",
                                            .company_id = company_id,
                                            .entity_type = "template",
                                            .entity_id = rows_text(rows, row, 0),
                                            .payload = payload_end(&payload),
                                            .actor = "system" });
    return OK;
}

/* -- the list */

static struct params *page_params(struct batch *batch, const struct item *item)
{
    const Pb__TemplateRecordRequest *request = item->message;
    Pb__Template *const *list = request->items;
    size_t count = request->n_items;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    COLUMN_TEXTS(params, count, i, ident_fresh(batch->arena));
    COLUMN_TEXTS(params, count, i, list[i]->name);
    COLUMN_TEXTS(params, count, i, list[i]->language);
    COLUMN_TEXTS(params, count, i, text_or(list[i]->text, ""));
    COLUMN_TEXTS(params, count, i, list[i]->state);
    COLUMN_TEXTS(params, count, i, list[i]->category);
    COLUMN_TEXTS(params, count, i, list[i]->reason);
    COLUMN_TEXTS(params, count, i, list[i]->quality);
    COLUMN_TEXTS(params, count, i, text_or(list[i]->parameter_format, "positional"));
    COLUMN_TEXTS(params, count, i, pb_json_text(list[i]->components));
    params_text(params, request->account_group);
    params_moment(params, request->started_at);
    params_moment(params, batch->now);
    COLUMN_TEXTS(params, count, i, list[i]->provider_id);
    return params;
}

static void page_lock(struct batch *batch, const struct item *item)
{
    const Pb__TemplateRecordRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    COLUMN_TEXTS(params, request->n_items, i, request->items[i]->name);
    COLUMN_TEXTS(params, request->n_items, i, request->items[i]->language);
    db_queue(batch->db, batch->arena, &template_lock, params, NULL);
}

static enum status list_ends(struct batch *batch, const struct item *item, struct rows *rows, struct error *error)
{
    const Pb__TemplateRecordRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->account_group);
    params_moment(params, request->started_at);
    params_moment(params, batch->now);
    return db_run(batch->db, batch->arena, &template_gone, params, rows, error);
}

static enum status record_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__TemplateRecordRequest *request = item->message;
    Pb__TemplateRecorded *reply = PB_NEW(batch->arena, template_recorded);
    struct rows changed = { 0 }, gone = { 0 };
    if (request->n_items)
        page_lock(batch, item);
    if (request->n_items)
        TRY(db_run(batch->db, batch->arena, &template_upsert, page_params(batch, item), &changed, error));
    if (request->ends)
        TRY(list_ends(batch, item, &gone, error));
    for (size_t row = 0; row < changed.count; row++)
        TRY(note_change(events, item->caller.company_id, &changed, row, error));
    for (size_t row = 0; row < gone.count; row++)
        TRY(note_change(events, item->caller.company_id, &gone, row, error));
    PB_SET(reply, changed, (int32_t)(changed.count + gone.count));
    item->reply = &reply->base;
    return OK;
}

static enum status record_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    for (size_t i = 0; i < count; i++)
        TRY(record_one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

void template_record(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__TemplateRecordRequest *request = batch->items[i]->message;
        struct error error = { 0 };
        if (read_company(batch->items[i], &error) != OK || text_empty(request->account_group) || !request->started_at)
            item_fail(batch->items[i], REJECT, "bad_value", "company, account_group and started_at are needed");
    }
    transaction_run(batch, record_work);
}

/* -- one that changed */

static Pb__JobSpec *sync_job(struct arena *arena, const char *company_id, moment now)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = arena_text(arena, company_id);
    job->task = arena_text(arena, WORK_TEMPLATE_SYNC.task);
    job->idempotency_key =
        text_format(arena, "template_sync_%s_%lld", company_id, (long long)(now / MINUTE_MS)); /* once a minute */
    job->params = pb_json(arena, "{}");
    return job;
}

/* Nobody knows it yet: whoever has that business account asks for its list. */
static enum status update_unknown(struct batch *batch, const Pb__TemplateUpdateRequest *request,
                                  Pb__TemplateUpdated *reply, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, request->account_group);
    TRY(db_run(batch->db, batch->arena, &template_owner, params, &rows, error));
    reply->jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, rows.count + 1);
    for (size_t row = 0; row < rows.count; row++)
        reply->jobs[reply->n_jobs++] = sync_job(batch->arena, rows_text(&rows, row, 0), batch->now);
    return OK;
}

static enum status update_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__TemplateUpdateRequest *request = item->message;
    Pb__TemplateUpdated *reply = PB_NEW(batch->arena, template_updated);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, request->account_group);
    params_text(params, request->provider_id);
    params_text(params, request->name);
    params_text(params, request->language);
    params_text(params, request->state);
    params_text(params, request->reason);
    params_text(params, request->category);
    params_text(params, request->quality);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &template_change, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        if (!text_same(rows_text(&rows, row, 3), rows_text(&rows, row, 4)))
            TRY(note_change(events, rows_text(&rows, row, 6), &rows, row, error));
    PB_SET(reply, changed, (int32_t)rows.count);
    item->reply = &reply->base;
    return rows.count ? OK : update_unknown(batch, request, reply, error);
}

static enum status update_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    for (size_t i = 0; i < count; i++)
        TRY(update_one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

void template_update(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__TemplateUpdateRequest *request = batch->items[i]->message;
        if (text_empty(request->account_group))
            item_fail(batch->items[i], REJECT, "bad_value", "account_group is needed");
    }
    transaction_run(batch, update_work);
}
