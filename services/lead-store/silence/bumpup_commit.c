/* store.bumpup.commit: the nudge as a message that waits to leave, in one transaction with what it is remembered by. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "bumpup.h"
#include "bumpup_facts.h"
#include "conversation/outbound.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/write.h"
#include "model/usage.h"

static enum status bumpup_commit_check(const struct item *item, struct error *error)
{
    static const char *const openings[] = { "following_up", "checking_in", "circling_back" };
    const Pb__BumpupCommitRequest *request = item->message;
    bool known = false;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->conversation_id, "")))
        return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
    if (!ident_valid(text_or(request->job_id, "")))
        return error_code(error, REJECT, "bad_value", "job_id must be a UUID");
    if (text_empty(request->text) || strlen(request->text) > REPLY_TEXT_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "text must have 1 to %d bytes", REPLY_TEXT_BYTES_MAX);
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        known |= text_same(request->opening, openings[i]);
    if (!known)
        return error_code(error, REJECT, "bad_value", "opening is not known");
    return OK;
}

/* -- the template */

/* Its last place holds the model's words; of the others `company` is the company's name, the rest the person's. */
static const char *parameter_of(const struct bumpup *bumpup, const Pb__BumpupCommitRequest *request, size_t place)
{
    if (place + 1 == bumpup->placeholder_count)
        return request->text;
    if (text_same(bumpup->placeholders[place], "company"))
        return text_or(bumpup->company_name, "us");
    return text_or(bumpup->contact_name, "there");
}

static const char *parameters_json(struct arena *arena, const struct bumpup *bumpup,
                                   const Pb__BumpupCommitRequest *request)
{
    struct buffer json = { .arena = arena };
    buffer_add(&json, "{\"template_params\":[");
    for (size_t i = 0; i < bumpup->placeholder_count; i++) {
        buffer_add(&json, i ? "," : "");
        json_add_string(&json, parameter_of(bumpup, request, i));
    }
    buffer_add(&json, "]}");
    return buffer_text(&json);
}

/* The place that "{{name}}" or "{{2}}" stands for; the count: none. */
static size_t place_of(const struct bumpup *bumpup, const char *name, size_t bytes)
{
    for (size_t i = 0; i < bumpup->placeholder_count; i++) {
        char number[24];
        int digits = snprintf(number, sizeof number, "%zu", i + 1);
        const char *known = bumpup->placeholders[i];
        if ((strlen(known) == bytes && memcmp(known, name, bytes) == 0) ||
            ((size_t)digits == bytes && memcmp(number, name, bytes) == 0))
            return i;
    }
    return bumpup->placeholder_count;
}

/* As the person will read it. */
static const char *template_filled(struct arena *arena, const struct bumpup *bumpup,
                                   const Pb__BumpupCommitRequest *request)
{
    struct buffer text = { .arena = arena };
    const char *at = bumpup->template_text;
    for (const char *open; (open = strstr(at, "{{"));) {
        const char *close = strstr(open, "}}");
        if (!close)
            break;
        size_t place = place_of(bumpup, open + 2, (size_t)(close - open - 2));
        buffer_add_n(&text, at, (size_t)(open - at));
        if (place < bumpup->placeholder_count)
            buffer_add(&text, parameter_of(bumpup, request, place));
        at = close + 2;
    }
    buffer_add(&text, at);
    return buffer_text(&text);
}

static const struct statement bumpup_template = {
    .name = "bumpup_template",
    .sql = "update crm.messages set template_id = $2, extra_metadata = $3::jsonb where id = $1",
};

static void template_write(struct batch *batch, const struct bumpup *bumpup, const Pb__BumpupCommitRequest *request)
{
    struct params *params = params_new(batch->arena);
    params_text(params, bumpup->message_id);
    params_text(params, bumpup->template_id);
    params_text(params, parameters_json(batch->arena, bumpup, request));
    db_queue(batch->db, batch->arena, &bumpup_template, params, NULL);
}

/* -- writing */

static const struct statement bumpup_insert = {
    .name = "bumpup_insert",
    .sql =
        "with lead as (update crm.leads set attributes = attributes || jsonb_build_object('last_bumpup_at', $17::text), version = version + 1, "
        "                  updated_at = $16 where id = $3), "
        "     talk as (update crm.conversations set bumped_position = $18 where id = $4) "
        "insert into crm.bumpups (id, company_id, lead_id, conversation_id, job_id, opening, text, prompt, provider, model, prompt_version, "
        "                         prompt_tokens, completion_tokens, latency_ms, safety_checks, created_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
};

static const char *json_or_null(const Pb__Json *json)
{
    return json && !text_empty(json->text) ? json->text : NULL;
}

static void row_write(struct batch *batch, const struct bumpup *bumpup, const Pb__BumpupCommitRequest *request,
                      int64_t position)
{
    struct params *params = params_new(batch->arena);
    char now[MOMENT_BYTES];
    params_text(params, bumpup->message_id);
    params_text(params, bumpup->conversation->company_id);
    params_text(params, bumpup->conversation->lead_id);
    params_text(params, bumpup->conversation->id);
    params_text(params, request->job_id);
    params_text(params, request->opening);
    params_text(params, request->text);
    params_text(params, json_or_null(request->prompt));
    params_text(params, request->provider);
    params_text(params, request->model);
    params_int(params, request->prompt_version);
    params_int(params, request->prompt_tokens);
    params_int(params, request->completion_tokens);
    params_int(params, request->latency_ms);
    params_text(params, json_or_null(request->safety_checks));
    params_moment(params, batch->now);
    params_text(params, moment_text(batch->now, now));
    params_int(params, position);
    db_queue(batch->db, batch->arena, &bumpup_insert, params, NULL);
}

static void note_bumped(struct event_list *events, const struct bumpup *bumpup, const Pb__BumpupCommitRequest *request,
                        bool by_template)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "message_id", bumpup->message_id);
    payload_text(&payload, "conversation_id", bumpup->conversation->id);
    payload_text(&payload, "opening", request->opening);
    payload_bool(&payload, "template", by_template);
    event_note(events, (struct event_note){ .type = "lead.bumped",
                                            .company_id = bumpup->conversation->company_id,
                                            .lead_id = bumpup->conversation->lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "ai",
                                            .correlation_id = bumpup->item->caller.correlation_id });
}

static Pb__JobSpec *bumpup_write(struct bumpup_batch *work, struct bumpup *bumpup, struct event_list *events)
{
    struct batch *batch = work->batch;
    const Pb__BumpupCommitRequest *request = bumpup->item->message;
    bool by_template = !bumpup->facts.in_window;
    struct outbound outbound = {
        .id = bumpup->message_id = ident_fresh(batch->arena),
        .conversation = bumpup->conversation,
        .caller = &bumpup->item->caller,
        .sender_type = "ai",
        .sender_id = text_empty(request->model) ? NULL : request->model,
        .cause = "proactive",
        .text = by_template ? template_filled(batch->arena, bumpup, request) : request->text,
        .priority = PRIORITY_BUMPUP,
    };
    outbound_write(&work->held, &outbound, 1, events);
    if (by_template)
        template_write(batch, bumpup, request);
    row_write(batch, bumpup, request, outbound.position);
    note_bumped(events, bumpup, request, by_template);
    return outbound.job;
}

/* Two jobs of one silence in one batch: the second finds the first one's message. */
static void bumpup_decide(struct bumpup_batch *work, struct bumpup *bumpup, struct event_list *events)
{
    struct arena *arena = work->batch->arena;
    if (!bumpup->conversation) {
        item_fail(bumpup->item, REJECT, "unknown_conversation", "there is no such conversation");
        return;
    }
    Pb__BumpupCommitted *reply = PB_NEW(arena, bumpup_committed);
    bumpup->item->reply = &reply->base;
    bumpup->facts.silent &= bumpup->conversation->last_position == bumpup->position;
    const char *refusal = bumpup->message_id ? NULL : bumpup_refusal(&bumpup->facts);
    if (refusal) {
        PB_SET(reply, state, PB__BUMPUP_STATE__BUMPUP_STATE_DROPPED);
        reply->reason = (char *)refusal;
        return;
    }
    PB_SET(reply, state, PB__BUMPUP_STATE__BUMPUP_STATE_COMMITTED);
    Pb__JobSpec *job = bumpup->message_id ? bumpup_job(arena, bumpup) : bumpup_write(work, bumpup, events);
    reply->message_id = (char *)bumpup->message_id;
    reply->jobs = ARENA_ARRAY(arena, Pb__JobSpec *, 1);
    reply->jobs[reply->n_jobs++] = job;
}

/* The model was paid, whatever came of it. */
static void paid_write(struct bumpup_batch *work)
{
    struct usage *list = ARENA_ARRAY(work->batch->arena, struct usage, work->count);
    size_t paid = 0;
    for (size_t i = 0; i < work->count; i++) {
        const struct item *item = work->list[i].item;
        const Pb__BumpupCommitRequest *request = item->message;
        const Pb__BumpupCommitted *reply = (const Pb__BumpupCommitted *)item->reply;
        if (reply && request->prompt_tokens + request->completion_tokens > 0)
            list[paid++] = (struct usage){ .company_id = item->caller.company_id,
                                           .conversation_id = request->conversation_id,
                                           .lead_id = request->lead_id,
                                           .provider = text_or(request->provider, ""),
                                           .model = text_or(request->model, ""),
                                           .prompt_tokens = request->prompt_tokens,
                                           .completion_tokens = request->completion_tokens,
                                           .failed = reply->state != PB__BUMPUP_STATE__BUMPUP_STATE_COMMITTED };
    }
    if (paid)
        usage_write(work->batch, list, paid);
}

static enum status bumpup_commit_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct bumpup_batch work = { .batch = batch, .count = count };
    struct event_list events = { .batch = batch };
    work.list = ARENA_ARRAY(batch->arena, struct bumpup, count);
    for (size_t i = 0; i < count; i++) {
        const Pb__BumpupCommitRequest *request = items[i]->message;
        work.list[i] = (struct bumpup){ .item = items[i],
                                        .job_id = request->job_id,
                                        .lead_id = request->lead_id,
                                        .conversation_id = request->conversation_id,
                                        .position = request->position,
                                        .epoch = request->epoch };
    }
    TRY(bumpups_hold(&work, error));
    TRY(hold_read(&work.held, error));
    TRY(bumpups_read(&work, error));
    for (size_t i = 0; i < count; i++)
        bumpup_decide(&work, &work.list[i], &events);
    hold_save(&work.held);
    event_flush(&events);
    paid_write(&work);
    return OK;
}

void bumpup_commit(struct batch *batch)
{
    write_run(batch, bumpup_commit_check, bumpup_commit_work);
}
