#include "refusal.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "core/column.h"
#include "core/page.h"
#include "core/write.h"
#include "wire/pbrow.h"

enum { REFUSALS_MAX = 16 };

/* -- writing */

/* NULL: it says nothing. */
static const cJSON *safe_of(struct arena *arena, const Pb__Json *verdict)
{
    cJSON *root = NULL;
    const char *text = pb_json_text(verdict);
    if (json_parse(arena, text, strlen(text), &root, NULL) != OK)
        return NULL;
    return cJSON_GetObjectItemCaseSensitive(root, "safe");
}

enum status refusals_check(struct arena *arena, const Pb__TurnCommitRequest *request, struct error *error)
{
    if (!text_empty(request->text) && cJSON_IsFalse(safe_of(arena, request->safety_checks)))
        return error_code(error, REJECT, "unsafe", "a text that is not safe is no reply");
    if (request->n_refusals > REFUSALS_MAX)
        return error_code(error, REJECT, "bad_value", "a turn has at most %d refusals", REFUSALS_MAX);
    for (size_t i = 0; i < request->n_refusals; i++)
        if (!cJSON_IsFalse(safe_of(arena, request->refusals[i]->verdict)))
            return error_code(error, REJECT, "bad_value", "a refusal has the verdict of a text that is not safe");
    return OK;
}

static const struct statement refusals_insert = {
    .name = "refusals_insert",
    .sql =
        "insert into crm.safety_refusals (id, company_id, lead_id, conversation_id, turn_id, verdict, provider, model, created_at) "
        "select v.id, v.company_id, v.lead_id, v.conversation_id, v.turn_id, v.verdict::jsonb, v.provider, v.model, $9 "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[]) "
        "    as v(id, company_id, lead_id, conversation_id, turn_id, verdict, provider, model)",
};

/* A refusal and the commit that tells of it. */
struct told {
    const struct commit *commit;
    const Pb__SafetyRefusal *refusal;
};

static size_t told_collect(const struct commit_batch *work, struct told **out)
{
    size_t count = 0;
    for (size_t i = 0; i < work->committing_count; i++)
        count += work->committing[i]->request->n_refusals;
    if (!count)
        return 0;
    struct told *list = *out = ARENA_ARRAY(work->batch->arena, struct told, count);
    for (size_t i = 0; i < work->committing_count; i++)
        for (size_t k = 0; k < work->committing[i]->request->n_refusals; k++)
            *list++ = (struct told){ work->committing[i], work->committing[i]->request->refusals[k] };
    return count;
}

void refusals_write(struct commit_batch *work)
{
    struct told *list;
    size_t count = told_collect(work, &list);
    if (!count)
        return;
    struct arena *arena = work->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, ident_fresh(arena));
    COLUMN_UUIDS(params, count, i, list[i].commit->conversation->company_id);
    COLUMN_UUIDS(params, count, i, list[i].commit->conversation->lead_id);
    COLUMN_UUIDS(params, count, i, list[i].commit->conversation->id);
    COLUMN_UUIDS(params, count, i, list[i].commit->turn->id);
    COLUMN_TEXTS(params, count, i, pb_json_text(list[i].refusal->verdict));
    COLUMN_TEXTS(params, count, i, list[i].refusal->provider);
    COLUMN_TEXTS(params, count, i, list[i].refusal->model);
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &refusals_insert, params, NULL);
}

/* -- store.safety.record */

/* Of a conversation that is the caller's, and of its lead. */
static const struct statement refusal_insert = {
    .name = "refusal_insert",
    .sql =
        "insert into crm.safety_refusals (id, company_id, lead_id, conversation_id, job_id, verdict, provider, model, created_at) "
        "select v.id, c.company_id, c.lead_id, c.id, v.job_id, v.verdict::jsonb, v.provider, v.model, $8 "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[]) "
        "    as v(id, company_id, conversation_id, job_id, verdict, provider, model) "
        "cross join lateral (select id, company_id, lead_id from crm.conversations where id = v.conversation_id "
        "                    and company_id = v.company_id limit 1) c",
};

static const Pb__RefusalRecordRequest *record_of(const struct item *item)
{
    return item->message;
}

static enum status record_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct params *params = params_new(batch->arena);
    COLUMN_UUIDS(params, count, i, ident_fresh(batch->arena));
    COLUMN_UUIDS(params, count, i, items[i]->caller.company_id);
    COLUMN_UUIDS(params, count, i, record_of(items[i])->conversation_id);
    COLUMN_UUIDS(params, count, i, record_of(items[i])->job_id);
    COLUMN_TEXTS(params, count, i, pb_json_text(record_of(items[i])->refusal->verdict));
    COLUMN_TEXTS(params, count, i, record_of(items[i])->refusal->provider);
    COLUMN_TEXTS(params, count, i, record_of(items[i])->refusal->model);
    params_moment(params, batch->now);
    for (size_t i = 0; i < count; i++)
        items[i]->reply = PB_NEW(items[i]->arena, empty);
    return db_run(batch->db, batch->arena, &refusal_insert, params, NULL, error);
}

static enum status record_check(const struct item *item, struct error *error)
{
    const Pb__RefusalRecordRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->conversation_id, "")) || !ident_valid(text_or(request->job_id, "")))
        return error_code(error, REJECT, "bad_value", "conversation_id and job_id must be UUIDs");
    if (!request->refusal || !cJSON_IsFalse(safe_of(item->arena, request->refusal->verdict)))
        return error_code(error, REJECT, "bad_value", "a refusal has the verdict of a text that is not safe");
    return OK;
}

void refusal_record(struct batch *batch)
{
    write_run(batch, record_check, record_work);
}

/* -- store.safety.list, newest first */

#define REFUSALS(condition)                                                                                            \
    "select id, company_id, lead_id, conversation_id, turn_id, job_id, verdict, provider, model, created_at "          \
    "from crm.safety_refusals where " condition                                                                        \
    " and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid)) order by created_at desc, id desc limit $4"

static const struct statement refusals_of_company = { .name = "refusals_of_company",
                                                      .sql = REFUSALS("company_id = $1") };
static const struct statement refusals_of_lead = { .name = "refusals_of_lead",
                                                   .sql = REFUSALS("company_id = $1 and lead_id = $5") };

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__RefusalListRequest *request = item->message;
    struct page page;
    bool one = !text_empty(request->lead_id);
    TRY(page_read(item, &page, error));
    if (one && !ident_valid(request->lead_id))
        return error_code(error, REJECT, "bad_value", "lead_id must be a UUID");
    struct params *params = page_params(item, &page);
    params_int(params, page.limit + 1);
    if (one)
        params_text(params, request->lead_id);
    *step = (struct db_step){ .statement = one ? &refusals_of_lead : &refusals_of_company, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, refusal_list), rows, rows->count, error);
}

void refusal_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}
