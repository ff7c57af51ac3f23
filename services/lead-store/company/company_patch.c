/* store.company.get, store.company.patch: the caller's own company, as it is and as it wants to be. */
#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "company.h"
#include "company_view.h"
#include "conversation/hand_over_rules.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/write.h"
#include "llm/offer.h"
#include "model/budget.h"
#include "safety/safety.h"
#include "wire/pbjson.h"

enum {
    OPT_OUT_WORDS_MAX = 100,
    OPT_OUT_WORD_CHARACTERS_MAX = 64,
    BUMPUP_DAYS_MAX = 365,
    SUMMARY_MINUTES_MAX = 7 * 24 * 60,
    MEDIA_WAIT_MS_MAX = 60000
};
enum { MEMBERS_MAX = 24 };

/* -- what is wanted */

/* "08:00" */
static bool is_clock(const char *text)
{
    unsigned hour, minute;
    char end;
    return !text ||
           (strlen(text) == 5 && sscanf(text, "%2u:%2u%c", &hour, &minute, &end) == 2 && hour < 24 && minute < 60);
}

static const char *words_wrong(struct arena *arena, const Pb__Json *words)
{
    static const char WRONG[] = "opt_out_words is an array of at most 100 texts of 1 to 64 characters";
    cJSON *list = NULL;
    if (!words)
        return NULL;
    const char *text = pb_json_text(words);
    if (json_parse(arena, text, strlen(text), &list, NULL) != OK || !cJSON_IsArray(list) ||
        cJSON_GetArraySize(list) > OPT_OUT_WORDS_MAX)
        return WRONG;
    for (const cJSON *word = list->child; word; word = word->next)
        if (!cJSON_IsString(word) || text_empty(text_trim(arena, word->valuestring)) ||
            text_characters(word->valuestring) > OPT_OUT_WORD_CHARACTERS_MAX)
            return WRONG;
    return NULL;
}

static const char *actions_wrong(struct arena *arena, const Pb__Json *actions)
{
    static const char WRONG[] = "ai_actions is an array of hand_over, move_stage and note";
    cJSON *list = NULL;
    if (!actions)
        return NULL;
    const char *text = pb_json_text(actions);
    if (json_parse(arena, text, strlen(text), &list, NULL) != OK || !cJSON_IsArray(list) ||
        cJSON_GetArraySize(list) > LLM_ACTIONS_MAX)
        return WRONG;
    for (const cJSON *action = list->child; action; action = action->next)
        if (!cJSON_IsString(action) || !llm_offers(action->valuestring))
            return WRONG;
    return NULL;
}

static const char *patch_wrong(struct arena *arena, const Pb__CompanyPatchRequest *request)
{
    const struct company_fields fields = { .name = request->name,
                                           .timezone = request->timezone,
                                           .locale = request->locale,
                                           .company_card = request->company_card,
                                           .buffer_ms = request->buffer_ms,
                                           .buffer_max_ms = request->buffer_max_ms };
    const char *wrong = company_fields_wrong(&fields);
    if (wrong)
        return wrong;
    if (!is_clock(request->quiet_from) || !is_clock(request->quiet_to))
        return "quiet_from and quiet_to are times of day such as 08:00";
    if (request->has_bumpup_after_days &&
        (request->bumpup_after_days < 1 || request->bumpup_after_days > BUMPUP_DAYS_MAX))
        return "bumpup_after_days is 1 to 365";
    if (request->has_summary_after_minutes &&
        (request->summary_after_minutes < 0 || request->summary_after_minutes > SUMMARY_MINUTES_MAX))
        return "summary_after_minutes is 0 to 10080";
    if (request->has_media_wait_ms && (request->media_wait_ms < 0 || request->media_wait_ms > MEDIA_WAIT_MS_MAX))
        return "media_wait_ms is 0 to 60000";
    if (!text_empty(request->bumpup_template_id) && !ident_valid(request->bumpup_template_id))
        return "bumpup_template_id is a UUID, or empty";
    wrong = words_wrong(arena, request->opt_out_words);
    wrong = wrong ? wrong : actions_wrong(arena, request->ai_actions);
    wrong = wrong || !request->budgets ? wrong : budgets_wrong(request->budgets);
    if (!wrong && request->ai_policy)
        wrong = safety_policy_wrong(arena, pb_json_text(request->ai_policy));
    return wrong || !request->hand_over ? wrong : hand_over_rules_wrong(request->hand_over);
}

/* -- the change */

static const struct statement company_lock = {
    .name = "company_lock",
    .sql = "select version from crm.companies where id = $1::uuid for no key update",
};

static const struct statement company_save = {
    .name = "company_save",
    .sql =
        "update crm.companies c set name = coalesce($2, c.name), timezone = coalesce($3, c.timezone), locale = coalesce($4, c.locale), "
        "    company_card = coalesce($5::jsonb, c.company_card), buffer_ms = coalesce($6::integer, c.buffer_ms), "
        "    buffer_max_ms = coalesce($7::integer, c.buffer_max_ms), quiet_from = coalesce($8::time, c.quiet_from), "
        "    quiet_to = coalesce($9::time, c.quiet_to), opt_out_words = case when $10::jsonb is null then c.opt_out_words "
        "        else array(select jsonb_array_elements_text($10::jsonb)) end, "
        "    bumpup_after_days = coalesce($11::integer, c.bumpup_after_days), hand_over = coalesce($12::jsonb, c.hand_over), "
        "    ai_actions = case when $14::jsonb is null then c.ai_actions else array(select jsonb_array_elements_text($14::jsonb)) end, "
        "    budgets = coalesce($15::jsonb, c.budgets), ai_policy = coalesce($16::jsonb, c.ai_policy), "
        "    ai_typing = coalesce($17::boolean, c.ai_typing), version = c.version + 1, updated_at = $13 where c.id = $1::uuid",
};

/* What a silence brings, and what an answer waits for. */
static const struct statement company_more_save = {
    .name = "company_more_save",
    .sql =
        "update crm.companies set summary_after_minutes = coalesce($2::integer, summary_after_minutes), "
        "    media_wait_ms = coalesce($4::integer, media_wait_ms), bumpup_template_id = case when $3::text is null then bumpup_template_id else nullif($3::text, '')::uuid end "
        "where id = $1::uuid",
};

static const struct statement company_template_known = {
    .name = "company_template_known",
    .sql = "select from crm.templates where id = $2::uuid and company_id = $1::uuid",
};

static const char *json_given(const Pb__Json *json)
{
    return json ? pb_json_text(json) : NULL;
}

static const char *whole_given(struct arena *arena, const ProtobufCMessage *whole)
{
    struct buffer json = { .arena = arena };
    if (!whole)
        return NULL;
    pbjson_write(&json, whole);
    return buffer_text(&json);
}

static void more_save(struct batch *batch, const struct item *item)
{
    const Pb__CompanyPatchRequest *request = item->message;
    if (!request->has_summary_after_minutes && !request->bumpup_template_id && !request->has_media_wait_ms)
        return;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_int_if(params, request->has_summary_after_minutes, request->summary_after_minutes);
    params_text(params, request->bumpup_template_id);
    params_int_if(params, request->has_media_wait_ms, request->media_wait_ms);
    db_queue(batch->db, batch->arena, &company_more_save, params, NULL);
}

static enum status template_known(struct batch *batch, const struct item *item, bool *known, struct error *error)
{
    const Pb__CompanyPatchRequest *request = item->message;
    struct rows rows;
    *known = true;
    if (text_empty(request->bumpup_template_id))
        return OK;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->bumpup_template_id);
    TRY(db_run(batch->db, batch->arena, &company_template_known, params, &rows, error));
    *known = rows.count > 0;
    return OK;
}

static void save(struct batch *batch, const struct item *item)
{
    const Pb__CompanyPatchRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->name);
    params_text(params, request->timezone);
    params_text(params, request->locale);
    params_text(params, json_given(request->company_card));
    params_int_if(params, request->has_buffer_ms, request->buffer_ms);
    params_int_if(params, request->has_buffer_max_ms, request->buffer_max_ms);
    params_text(params, request->quiet_from);
    params_text(params, request->quiet_to);
    params_text(params, json_given(request->opt_out_words));
    params_int_if(params, request->has_bumpup_after_days, request->bumpup_after_days);
    params_text(params, whole_given(batch->arena, request->hand_over ? &request->hand_over->base : NULL));
    params_moment(params, batch->now);
    params_text(params, json_given(request->ai_actions));
    params_text(params, whole_given(batch->arena, request->budgets ? &request->budgets->base : NULL));
    params_text(params, json_given(request->ai_policy));
    if (request->has_ai_typing)
        params_bool(params, request->ai_typing);
    else
        params_null(params);
    db_queue(batch->db, batch->arena, &company_save, params, NULL);
    more_save(batch, item);
}

static size_t members_given(const Pb__CompanyPatchRequest *request, const char *members[MEMBERS_MAX])
{
    const struct {
        bool given;
        const char *name;
    } all[] = {
        { request->name, "name" },
        { request->timezone, "timezone" },
        { request->locale, "locale" },
        { request->company_card, "company_card" },
        { request->has_buffer_ms, "buffer_ms" },
        { request->has_buffer_max_ms, "buffer_max_ms" },
        { request->quiet_from, "quiet_from" },
        { request->quiet_to, "quiet_to" },
        { request->opt_out_words, "opt_out_words" },
        { request->has_bumpup_after_days, "bumpup_after_days" },
        { request->hand_over, "hand_over" },
        { request->has_ai_typing, "ai_typing" },
        { request->ai_actions, "ai_actions" },
        { request->budgets, "budgets" },
        { request->has_summary_after_minutes, "summary_after_minutes" },
        { request->bumpup_template_id, "bumpup_template_id" },
        { request->ai_policy, "ai_policy" },
        { request->has_media_wait_ms, "media_wait_ms" },
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].given)
            members[count++] = all[i].name;
    return count;
}

/* Which members, not their values: the company itself has them. */
static void note_updated(struct event_list *events, const struct item *item, int64_t version)
{
    const char *members[MEMBERS_MAX];
    size_t count = members_given(item->message, members);
    struct payload payload = payload_start(events->batch->arena);
    payload_texts(&payload, "changed", members, count);
    payload_int(&payload, "version", version);
    event_note(events, (struct event_note){ .type = "company.updated",
                                            .company_id = item->caller.company_id,
                                            .entity_type = "company",
                                            .entity_id = item->caller.company_id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

static enum status judge(struct batch *batch, struct item *item, const struct rows *rows, struct error *error)
{
    const Pb__CompanyPatchRequest *request = item->message;
    bool zone_known, template_is_known;
    struct error stale = { 0 };
    TRY(company_zone_known(batch, request->timezone, &zone_known, error));
    TRY(template_known(batch, item, &template_is_known, error));
    if (!rows->count)
        item_fail(item, REJECT, "unknown_company", "there is no such company");
    else if (write_version(request->has_if_version, request->if_version, rows_int(rows, 0, 0), "the company", &stale) !=
             OK)
        write_refuse(item, &stale);
    else if (!zone_known)
        item_fail(item, REJECT, "bad_timezone", "timezone is no IANA time zone");
    else if (!template_is_known)
        item_fail(item, REJECT, "bad_value", "bumpup_template_id is none of the company's templates");
    return OK;
}

static enum status patch_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const char *members[MEMBERS_MAX];
    struct rows before;
    Pb__Company *company;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    TRY(db_run(batch->db, batch->arena, &company_lock, params, &before, error));
    TRY(judge(batch, item, &before, error));
    if (item->status != OK)
        return OK;
    if (members_given(item->message, members)) {
        save(batch, item);
        note_updated(events, item, rows_int(&before, 0, 0) + 1);
    }
    TRY(company_show(batch, item->arena, item->caller.company_id, &company, error));
    item->reply = &company->base;
    return OK;
}

/* One after the other, for a later one sees an earlier one's version; settings are changed by hand. */
static enum status patch_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    for (size_t i = 0; i < count; i++)
        TRY(patch_one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

static bool names_company(struct item *item)
{
    bool named = ident_valid(item->caller.company_id);
    if (!named)
        item_fail(item, REJECT, "unknown_company", "there is no such company");
    return named;
}

void company_patch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const char *wrong = names_company(item) ? patch_wrong(item->arena, item->message) : NULL;
        if (wrong)
            item_fail(item, REJECT, "bad_value", "%s", wrong);
    }
    transaction_run(batch, patch_work);
}

static enum status get_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        Pb__Company *company;
        TRY(company_show(batch, items[i]->arena, items[i]->caller.company_id, &company, error));
        if (company)
            items[i]->reply = &company->base;
        else
            item_fail(items[i], REJECT, "unknown_company", "there is no such company");
    }
    return OK;
}

void company_get(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        names_company(batch->items[i]);
    transaction_run(batch, get_work);
}
