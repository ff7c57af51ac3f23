#include "company_view.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/hand_over_rules.h"
#include "model/budget.h"
#include "wire/pbrow.h"

enum {
    TIMEZONE_BYTES_MAX = 64,
    LOCALE_BYTES_MAX = 35,
    PLAN_BYTES_MAX = 64,
    BUFFER_MS_MAX = 60000,
    BUFFER_MAX_MS_MAX = 600000
};

static const struct statement company_read = {
    .name = "company_read",
    .sql =
        "select id, name, timezone, locale, plan, company_card, buffer_ms, buffer_max_ms, to_char(quiet_from, 'HH24:MI') as quiet_from, "
        "       to_char(quiet_to, 'HH24:MI') as quiet_to, opt_out_words, bumpup_after_days, hand_over as rules, ai_actions, budgets as limits, ai_policy, ai_typing, version, "
        "       summary_after_minutes, bumpup_template_id, media_wait_ms, created_at, "
        "       updated_at from crm.companies where id = $1::uuid",
};

enum status company_show(struct batch *batch, struct arena *arena, const char *id, Pb__Company **out,
                         struct error *error)
{
    struct rows rows;
    struct params *params = params_new(batch->arena);
    params_text(params, id);
    TRY(db_run(batch->db, batch->arena, &company_read, params, &rows, error));
    *out = rows.count ? pbrow_read(arena, &pb__company__descriptor, &rows, 0) : NULL;
    if (!*out)
        return OK;
    /* messages of their own, which no column can be */
    (*out)->hand_over = (Pb__HandOverRules *)hand_over_rules(arena, rows_text(&rows, 0, rows_column(&rows, "rules")));
    (*out)->budgets = budgets_read(arena, rows_text(&rows, 0, rows_column(&rows, "limits")));
    return OK;
}

static const struct statement timezone_known = {
    .name = "timezone_known",
    .sql = "select exists (select from pg_timezone_names where name = $1)",
};

enum status company_zone_known(struct batch *batch, const char *timezone, bool *known, struct error *error)
{
    struct rows rows;
    struct params *params = params_new(batch->arena);
    *known = true;
    if (text_empty(timezone))
        return OK;
    params_text(params, timezone);
    TRY(db_run(batch->db, batch->arena, &timezone_known, params, &rows, error));
    *known = rows_bool(&rows, 0, 0);
    return OK;
}

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

const char *company_fields_wrong(const struct company_fields *fields)
{
    if (fields->name && (!*fields->name || !fits(fields->name, NAME_BYTES_MAX)))
        return "name must have 1 to 512 bytes";
    if (fields->timezone && !*fields->timezone)
        return "timezone must be an IANA time zone";
    if (!fits(fields->timezone, TIMEZONE_BYTES_MAX) || !fits(fields->locale, LOCALE_BYTES_MAX) ||
        !fits(fields->plan, PLAN_BYTES_MAX))
        return "timezone, locale or plan is too long";
    if (!is_object(fields->company_card))
        return "company_card must be a JSON object";
    if (fields->buffer_ms < 0 || fields->buffer_ms > BUFFER_MS_MAX || fields->buffer_max_ms < 0 ||
        fields->buffer_max_ms > BUFFER_MAX_MS_MAX)
        return "buffer_ms is 0 to 60000, buffer_max_ms 0 to 600000";
    return NULL;
}
