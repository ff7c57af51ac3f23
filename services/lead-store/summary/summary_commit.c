/* store.summary.commit: a step's result, unless something newer is there. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/write.h"
#include "model/usage.h"
#include "summary.h"

enum {
    MEMORY_BYTES_MAX = 8 * 1024,
    DIGEST_BYTES_MAX = 4 * 1024, /* of one member */
    KEY_POINTS_MAX = 10,
    INSIGHTS_BYTES_MAX = 8 * 1024,
};

static enum status digest_check(struct arena *arena, const Pb__SummaryDigest *digest, struct error *error)
{
    static const char *const sentiments[] = { "positive", "neutral", "negative" };
    bool known = false;
    cJSON *insights;
    struct error inner;
    if (!digest || text_empty(digest->summary) || strlen(digest->summary) > DIGEST_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "summary must have 1 to %d bytes", DIGEST_BYTES_MAX);
    for (size_t i = 0; i < sizeof sentiments / sizeof *sentiments; i++)
        known |= text_same(digest->sentiment, sentiments[i]);
    if (!known)
        return error_code(error, REJECT, "bad_value", "sentiment must be positive, neutral or negative");
    if (digest->n_key_points > KEY_POINTS_MAX)
        return error_code(error, REJECT, "bad_value", "there are more than %d key points", KEY_POINTS_MAX);
    const char *text = pb_json_text(digest->insights);
    if (strlen(text) > INSIGHTS_BYTES_MAX || json_parse(arena, text, strlen(text), &insights, &inner) != OK ||
        !cJSON_IsObject(insights))
        return error_code(error, REJECT, "bad_value", "insights must be a JSON object of at most %d bytes",
                          INSIGHTS_BYTES_MAX);
    return OK;
}

static enum status summary_commit_check(const struct item *item, struct error *error)
{
    const Pb__SummaryCommitRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->lead_id, "")) ||
        !ident_valid(text_or(request->conversation_id, "")))
        return error_code(error, REJECT, "unknown_lead", "there is no such lead");
    if (!request->has_covered_position || request->covered_position < 1)
        return error_code(error, REJECT, "bad_value", "covered_position must be a position");
    if (request->step == PB__SUMMARY_STEP__SUMMARY_STEP_TELL)
        return digest_check(item->arena, request->digest, error);
    if (request->step != PB__SUMMARY_STEP__SUMMARY_STEP_REMEMBER)
        return error_code(error, REJECT, "bad_value", "step must be remember or tell");
    if (text_empty(request->memory) || strlen(request->memory) > MEMORY_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "memory must have 1 to %d bytes", MEMORY_BYTES_MAX);
    return OK;
}

/* -- remember */

static const struct statement memory_write = {
    .name = "summary_memory_write",
    .sql =
        "with held as (select id, company_id, lead_id from crm.conversations where id = $1 and company_id = $2 and remembered_position = $3 "
        "              for no key update), "
        "     kept as (insert into crm.ai_sessions (id, company_id, lead_id, conversation_id, summary, created_at, updated_at) "
        "              select $6, company_id, lead_id, id, $5, $7, $7 from held "
        "              on conflict (conversation_id) do update set summary = excluded.summary, updated_at = excluded.updated_at) "
        "update crm.conversations c set remembered_position = $4 from held where c.id = held.id and $4 <= c.last_position returning c.id",
};

/* Only who began where the memory ends may go on with it. */
static enum status memory_commit(struct batch *batch, struct item *item, Pb__SummaryCommitted *reply,
                                 struct error *error)
{
    const Pb__SummaryCommitRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, request->conversation_id);
    params_text(params, item->caller.company_id);
    params_int(params, request->after_position);
    params_int(params, request->covered_position);
    params_text(params, request->memory);
    params_text(params, ident_fresh(batch->arena));
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &memory_write, params, &rows, error));
    PB_SET(reply, stale, !rows.count);
    return OK;
}

/* -- tell */

/*
 * Inside one conversation newer is what reaches further, else what was written later. Attributes are anybody's to
 * write: what is no number or no time of ours was covered by nobody, and times of one form are compared as they stand.
 */
static const struct statement digest_write = {
    .name = "summary_digest_write",
    .sql =
        "update crm.leads l set version = version + 1, updated_at = $6, attributes = l.attributes || jsonb_build_object('ai_summary', $3::jsonb) "
        "    || case when $7::jsonb = '{}' then '{}' else jsonb_build_object('insights', "
        "           case when jsonb_typeof(l.attributes -> 'insights') = 'object' then l.attributes -> 'insights' else '{}' end || $7::jsonb) end "
        "where l.id = (select lead_id from crm.conversations where id = $1 and company_id = $2) and l.company_id = $2 and l.merged_into is null "
        "  and case when l.attributes #>> '{ai_summary,conversation_id}' = $1::uuid::text "
        "           then coalesce(substring(l.attributes #>> '{ai_summary,covered_sequence}' from '^[0-9]{1,18}$')::bigint, 0) <= $4::bigint "
        "           else coalesce(substring(l.attributes #>> '{ai_summary,covered_at}' "
        "               from '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z$'), '') collate \"C\" <= $5 end "
        "returning l.id, l.version",
};

static const char *digest_json(struct arena *arena, const Pb__SummaryCommitRequest *request, moment now)
{
    const Pb__SummaryDigest *digest = request->digest;
    struct payload payload = payload_start(arena);
    payload_text(&payload, "summary", digest->summary);
    payload_texts(&payload, "key_points", (const char *const *)digest->key_points, digest->n_key_points);
    payload_text(&payload, "sentiment", digest->sentiment);
    payload_text(&payload, "next_action", digest->next_action);
    payload_moment(&payload, "at", now);
    payload_int(&payload, "covered_sequence", request->covered_position);
    payload_moment(&payload, "covered_at", request->covered_at);
    payload_text(&payload, "conversation_id", request->conversation_id);
    return payload_end(&payload);
}

static void note_summarised(struct event_list *events, const struct item *item, const char *lead_id, int64_t version)
{
    const Pb__SummaryCommitRequest *request = item->message;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "conversation_id", request->conversation_id);
    payload_int(&payload, "covered_sequence", request->covered_position);
    payload_text(&payload, "sentiment", request->digest->sentiment);
    payload_int(&payload, "version", version);
    event_note(events, (struct event_note){ .type = "lead.summarised",
                                            .company_id = item->caller.company_id,
                                            .lead_id = lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "ai",
                                            .correlation_id = item->caller.correlation_id });
}

static enum status digest_commit(struct batch *batch, struct item *item, Pb__SummaryCommitted *reply,
                                 struct event_list *events, struct error *error)
{
    const Pb__SummaryCommitRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    char covered_at[MOMENT_BYTES];
    params_text(params, request->conversation_id);
    params_text(params, item->caller.company_id);
    params_text(params, digest_json(batch->arena, request, batch->now));
    params_int(params, request->covered_position);
    params_text(params, moment_text(request->covered_at, covered_at));
    params_moment(params, batch->now);
    params_text(params, pb_json_text(request->digest->insights));
    TRY(db_run(batch->db, batch->arena, &digest_write, params, &rows, error));
    PB_SET(reply, stale, !rows.count);
    if (rows.count)
        note_summarised(events, item, rows_text(&rows, 0, 0), rows_int(&rows, 0, 1));
    return OK;
}

/* -- the batch */

static const struct statement summary_lock = {
    .name = "summary_lock",
    .sql = "select id from crm.leads where id = any($1::uuid[]) order by id for no key update",
};

/* The model was paid, whatever came of it. */
static void paid_write(struct batch *batch, struct item **items, size_t count)
{
    struct usage *list = ARENA_ARRAY(batch->arena, struct usage, count);
    size_t paid = 0;
    for (size_t i = 0; i < count; i++) {
        const Pb__SummaryCommitRequest *request = items[i]->message;
        const Pb__SummaryCommitted *reply = (const Pb__SummaryCommitted *)items[i]->reply;
        if (!text_empty(request->provider))
            list[paid++] = (struct usage){ .company_id = items[i]->caller.company_id,
                                           .conversation_id = request->conversation_id,
                                           .lead_id = request->lead_id,
                                           .provider = request->provider,
                                           .model = text_or(request->model, ""),
                                           .prompt_tokens = request->prompt_tokens,
                                           .completion_tokens = request->completion_tokens,
                                           .failed = reply->stale };
    }
    if (paid)
        usage_write(batch, list, paid);
}

/* All leads first, in order; then one after the other, for a later item sees what an earlier one wrote. */
static enum status summary_commit_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, ((const Pb__SummaryCommitRequest *)items[i]->message)->lead_id);
    db_queue(batch->db, batch->arena, &summary_lock, params, NULL);
    for (size_t i = 0; i < count; i++) {
        const Pb__SummaryCommitRequest *request = items[i]->message;
        Pb__SummaryCommitted *reply = PB_NEW(batch->arena, summary_committed);
        items[i]->reply = &reply->base;
        if (request->step == PB__SUMMARY_STEP__SUMMARY_STEP_TELL)
            TRY(digest_commit(batch, items[i], reply, &events, error));
        else
            TRY(memory_commit(batch, items[i], reply, error));
    }
    event_flush(&events);
    paid_write(batch, items, count);
    return OK;
}

void summary_commit(struct batch *batch)
{
    write_run(batch, summary_commit_check, summary_commit_work);
}
