#include "usage.h"

#include <unistd.h>

#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/write.h"

enum { SHARDS = 8 };

/*
 * Added up before a row is touched, in the order of their keys: two batches never wait for each other in a circle. Of a
 * company without budgets no conversation is counted, of one that is gone nothing.
 */
static const struct statement usage_add = {
    .name = "usage_add",
    .sql =
        "with paid as (select v.*, o.timezone, o.budgets, crm.ai_day($9, o.timezone) as day, "
        "        case when o.budgets ? 'prices' then crm.ai_cost(o.budgets, v.provider, v.model, v.prompt, v.completion) else 0 end as cost "
        "    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[]) "
        "        as v(company_id, conversation_id, lead_id, provider, model, prompt, completion, failed) "
        "    cross join lateral (select timezone, budgets from crm.companies where id = v.company_id limit 1) o), "
        "spent as (insert into crm.ai_spent as s (conversation_id, company_id, lead_id, day, tokens, cost) "
        "    select conversation_id, company_id, lead_id, day, sum(prompt + completion), sum(cost) from paid "
        "    where budgets <> '{}' and conversation_id is not null and lead_id is not null "
        "    group by conversation_id, company_id, lead_id, day order by conversation_id "
        "    on conflict (conversation_id) do update set lead_id = excluded.lead_id, day = excluded.day, "
        "        tokens = case when s.day = excluded.day then s.tokens else 0 end + excluded.tokens, "
        "        cost = case when s.day = excluded.day then s.cost else 0 end + excluded.cost where s.company_id = excluded.company_id) "
        "insert into crm.ai_usage as u (company_id, day, provider, model, shard, calls, failed, prompt_tokens, completion_tokens, cost) "
        "select company_id, day, provider, model, $10, count(*), sum(failed), sum(prompt), sum(completion), sum(cost) from paid "
        "group by company_id, day, provider, model order by company_id, day, provider, model "
        "on conflict (company_id, day, provider, model, shard) do update set calls = u.calls + excluded.calls, "
        "    failed = u.failed + excluded.failed, prompt_tokens = u.prompt_tokens + excluded.prompt_tokens, "
        "    completion_tokens = u.completion_tokens + excluded.completion_tokens, cost = u.cost + excluded.cost",
};

/* The same without budgets and prices: what nearly every batch needs. */
static const struct statement usage_count = {
    .name = "usage_count",
    .sql =
        "insert into crm.ai_usage as u (company_id, day, provider, model, shard, calls, failed, prompt_tokens, completion_tokens, cost) "
        "select v.company_id, crm.ai_day($7, o.timezone), v.provider, v.model, $8, count(*), sum(v.failed), sum(v.prompt), sum(v.completion), 0 "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) "
        "    as v(company_id, provider, model, prompt, completion, failed) "
        "cross join lateral (select timezone from crm.companies where id = v.company_id limit 1) o group by 1, 2, 3, 4 order by 1, 2, 3, 4 "
        "on conflict (company_id, day, provider, model, shard) do update set calls = u.calls + excluded.calls, "
        "    failed = u.failed + excluded.failed, prompt_tokens = u.prompt_tokens + excluded.prompt_tokens, "
        "    completion_tokens = u.completion_tokens + excluded.completion_tokens",
};

static void usage_queue(struct batch *batch, const struct usage *const *list, size_t count, bool plain)
{
    if (!count)
        return;
    struct params *params = params_new(batch->arena);
    COLUMN_UUIDS(params, count, i, list[i]->company_id);
    if (!plain) {
        COLUMN_UUIDS(params, count, i, list[i]->conversation_id);
        COLUMN_UUIDS(params, count, i, list[i]->lead_id);
    }
    COLUMN_TEXTS(params, count, i, list[i]->provider);
    COLUMN_TEXTS(params, count, i, text_or(list[i]->model, ""));
    COLUMN_BIGINTS(params, count, i, list[i]->prompt_tokens);
    COLUMN_BIGINTS(params, count, i, list[i]->completion_tokens);
    COLUMN_BIGINTS(params, count, i, list[i]->failed);
    params_moment(params, batch->now);
    params_int(params, getpid() % SHARDS);
    db_queue(batch->db, batch->arena, plain ? &usage_count : &usage_add, params, NULL);
}

/* The plain ones last: their companies, and so their rows, are others. */
void usage_write(struct batch *batch, const struct usage *list, size_t count)
{
    const struct usage **whole = ARENA_ARRAY(batch->arena, const struct usage *, count);
    const struct usage **plain = ARENA_ARRAY(batch->arena, const struct usage *, count);
    size_t whole_count = 0, plain_count = 0;
    for (size_t i = 0; i < count; i++)
        if (list[i].plain)
            plain[plain_count++] = &list[i];
        else
            whole[whole_count++] = &list[i];
    usage_queue(batch, whole, whole_count, false);
    usage_queue(batch, plain, plain_count, true);
}

/* -- store.usage.record */

static enum status usage_check(const struct item *item, struct error *error)
{
    const Pb__UsageRecordRequest *request = item->message;
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    if (text_empty(request->provider) || request->prompt_tokens < 0 || request->completion_tokens < 0)
        return error_code(error, REJECT, "bad_value", "a provider and numbers of tokens are needed");
    bool nobodys = text_empty(request->conversation_id) && text_empty(request->lead_id);
    if (!nobodys &&
        (!ident_valid(text_or(request->conversation_id, "")) || !ident_valid(text_or(request->lead_id, ""))))
        return error_code(error, REJECT, "bad_value", "conversation_id and lead_id must be UUIDs");
    return OK;
}

/* A conversation that is another company's, or none, is counted for nobody but the company. */
static const struct statement usage_owner = {
    .name = "usage_owner",
    .sql =
        "select v.n, c.lead_id from unnest($1::uuid[], $2::uuid[]) with ordinality as v(id, company_id, n) "
        "cross join lateral (select lead_id from crm.conversations where id = v.id and company_id = v.company_id limit 1) c",
};

static const char *given(const char *text)
{
    return text_empty(text) ? NULL : text;
}

static enum status record_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct usage *list = ARENA_ARRAY(batch->arena, struct usage, count);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    for (size_t i = 0; i < count; i++) {
        const Pb__UsageRecordRequest *request = items[i]->message;
        list[i] = (struct usage){ .company_id = items[i]->caller.company_id,
                                  .provider = request->provider,
                                  .model = request->model,
                                  .prompt_tokens = request->prompt_tokens,
                                  .completion_tokens = request->completion_tokens,
                                  .failed = !request->succeeded };
        items[i]->reply = PB_NEW(items[i]->arena, empty);
    }
    COLUMN_TEXTS(params, count, i, given(((const Pb__UsageRecordRequest *)items[i]->message)->conversation_id));
    COLUMN_UUIDS(params, count, i, items[i]->caller.company_id);
    TRY(db_run(batch->db, batch->arena, &usage_owner, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        struct usage *usage = &list[rows_int(&rows, row, 0) - 1];
        usage->conversation_id =
            ((const Pb__UsageRecordRequest *)items[rows_int(&rows, row, 0) - 1]->message)->conversation_id;
        usage->lead_id = rows_text(&rows, row, 1);
    }
    usage_write(batch, list, count);
    return OK;
}

void usage_record(struct batch *batch)
{
    write_run(batch, usage_check, record_work);
}
