/* store.usage.read: GET /usage. */
#include <string.h>

#include "base/text.h"
#include "core/read.h"
#include "usage.h"
#include "wire/pbrow.h"

enum { DAYS = 30, DAYS_MAX = 366, LINES_MAX = 1000, DAY_BYTES = sizeof "2026-11-20" - 1 };

/* By one word of the three; the others are left out. */
static const struct statement usage_lines = {
    .name = "usage_lines",
    .sql =
        "select r.first::text as \"from\", r.last::text as \"to\", r.last - r.first as days, n.* from (select crm.ai_day($5, timezone) as today "
        "    from crm.companies where id = $1) o "
        "cross join lateral (select coalesce($3::date, o.today) as last) e "
        "cross join lateral (select coalesce($2::date, e.last - $6::integer) as first, e.last) r "
        "left join lateral (select case when $4 = 'day' then u.day::text end as day, case when $4 in ('provider', 'model') then u.provider end as provider, "
        "        case when $4 = 'model' then u.model end as model, sum(u.calls) as calls, sum(u.failed) as failed, "
        "        sum(u.prompt_tokens) as prompt_tokens, sum(u.completion_tokens) as completion_tokens, sum(u.cost) as cost "
        "    from crm.ai_usage u where u.company_id = $1 and u.day between r.first and r.last "
        "    group by 1, 2, 3 order by 1 desc nulls last, 8 desc, 2, 3 limit $7) n on true",
};

/* SQL knows no year 0. */
static enum status check_day(struct arena *arena, const char *day, const char *name, struct error *error)
{
    moment at;
    if (text_empty(day) || (strlen(day) == DAY_BYTES && !text_starts(day, "0000") &&
                            moment_from_text(text_format(arena, "%sT00:00:00Z", day), &at, NULL) == OK))
        return OK;
    return error_code(error, REJECT, "bad_value", "%s must be a day such as 2026-11-20", name);
}

static enum status lines_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__UsageRequest *request = item->message;
    const char *group = text_or(request->group, "");
    TRY(read_company(item, error));
    TRY(check_day(item->arena, request->from, "from", error));
    TRY(check_day(item->arena, request->to, "to", error));
    if (*group && !text_same(group, "day") && !text_same(group, "provider") && !text_same(group, "model"))
        return error_code(error, REJECT, "bad_value", "group must be day, provider or model");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text_if(params, request->from);
    params_text_if(params, request->to);
    params_text(params, group);
    params_moment(params, moment_now());
    params_int(params, DAYS - 1);
    params_int(params, LINES_MAX);
    *step = (struct db_step){ .statement = &usage_lines, .params = params };
    return OK;
}

static enum status lines_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    int64_t days = rows_int(rows, 0, rows_column(rows, "days"));
    if (days < 0 || days >= DAYS_MAX)
        return error_code(error, REJECT, "bad_value", "from must be before to, by at most %d days", DAYS_MAX - 1);
    Pb__Usage *usage = pbrow_read(item->arena, &pb__usage__descriptor, rows, 0);
    bool any = rows_text(rows, 0, rows_column(rows, "calls")) != NULL;
    if (any)
        usage->n_items = pbrow_read_all(item->arena, &pb__usage_line__descriptor, rows, (void ***)&usage->items);
    item->reply = &usage->base;
    return OK;
}

void usage_read(struct batch *batch)
{
    read_run(batch, lines_ask, lines_tell);
}
