/* What committing and superseded turns leave behind, in set-based statements. */
#include "base/text.h"
#include "commit.h"
#include "conversation/owed.h"
#include "conversation/silence.h"
#include "conversation/uncover.h"
#include "core/column.h"
#include "core/payload.h"
#include "model/usage.h"
#include "progress.h"
#include "refusal.h"
#include "turn_sent.h"
#include "wire/pbjson.h"

static const struct statement turn_cover = {
    .name = "turn_cover",
    .sql =
        "update crm.messages m set turn_id = v.turn_id, updated_at = $2 "
        "from unnest($1::crm.coverage_row[]) as v "
        "where m.conversation_id = v.conversation_id and m.position > v.after_position and m.position <= v.covered_position "
        "  and m.direction = 'inbound'",
};

static void coverage_write(struct commit_batch *work)
{
    struct arena *arena = work->batch->arena;
    size_t count = work->committing_count;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, work->committing[i]->conversation->id);
    RECORD_BIGINTS(rows, i, work->committing[i]->turn->after_position);
    RECORD_BIGINTS(rows, i, work->committing[i]->turn->covered_position);
    RECORD_UUIDS(rows, i, work->committing[i]->turn->id);
    params_records(params, rows, "crm.coverage_row");
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &turn_cover, params, NULL);
}

static const struct statement turn_save = {
    .name = "turn_save",
    .sql =
        "update crm.turns t set state = 'committed', covered_position = v.covered_position, message_id = v.message_id, "
        "    prompt = v.prompt, provider = v.provider, model = v.model, prompt_version = v.prompt_version, "
        "    prompt_tokens = v.prompt_tokens, completion_tokens = v.completion_tokens, latency_ms = v.latency_ms, "
        "    safety_checks = v.safety_checks, document_ids = v.document_ids::uuid[], sources = v.sources, reply_elsewhere = v.reply_elsewhere, "
        "    committed_at = $2, updated_at = $2 from unnest($1::crm.turn_committed_row[]) as v where t.id = v.id",
};

/* An array as one element's text: SQL casts it back. */
static const char *ids_text(struct arena *arena, char *const *ids, size_t count)
{
    struct params *one = params_new(arena);
    params_texts(one, (const char *const *)ids, count);
    return one->values[0];
}

static const char *json_or_null(const Pb__Json *json)
{
    return json && !text_empty(json->text) ? json->text : NULL;
}

/* Which chunks, and how well they fitted; what they say is in their rows, which never change. NULL: none. */
static const char *sources_json(struct arena *arena, const Pb__TurnCommitRequest *request)
{
    struct buffer json = { .arena = arena };
    if (!request->n_sources)
        return NULL;
    for (size_t i = 0; i < request->n_sources; i++)
        buffer_format(&json, "%s{\"chunk_id\":\"%s\",\"document_id\":\"%s\",\"score\":%.6f}", i ? "," : "[",
                      request->sources[i]->chunk_id, request->sources[i]->document_id, request->sources[i]->score);
    buffer_add_char(&json, ']');
    return buffer_text(&json);
}

static void committed_write(struct commit_batch *work)
{
    struct arena *arena = work->batch->arena;
    size_t count = work->committing_count;
    struct commit **list = work->committing;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, list[i]->turn->id);
    RECORD_BIGINTS(rows, i, list[i]->turn->covered_position);
    RECORD_UUIDS(rows, i, list[i]->turn->message_id);
    RECORD_JSONS(rows, i, json_or_null(list[i]->request->prompt));
    RECORD_TEXTS(rows, i, list[i]->request->provider);
    RECORD_TEXTS(rows, i, list[i]->request->model);
    RECORD_INTEGERS(rows, i, list[i]->request->prompt_version);
    RECORD_INTEGERS(rows, i, list[i]->request->prompt_tokens);
    RECORD_INTEGERS(rows, i, list[i]->request->completion_tokens);
    RECORD_INTEGERS(rows, i, list[i]->request->latency_ms);
    RECORD_JSONBS(rows, i, json_or_null(list[i]->request->safety_checks));
    RECORD_TEXTS(rows, i, ids_text(arena, list[i]->request->document_ids, list[i]->request->n_document_ids));
    RECORD_BOOLS(rows, i, list[i]->outbound && list[i]->outbound->conversation != list[i]->conversation);
    RECORD_JSONBS(rows, i, sources_json(arena, list[i]->request));
    params_records(params, rows, "crm.turn_committed_row");
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &turn_save, params, NULL);
}

static void note_committed(struct event_list *events, const struct commit *commit)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "turn_id", commit->turn->id);
    payload_text(&payload, "job_id", commit->turn->job_id);
    payload_text(&payload, "conversation_id", commit->conversation->id);
    payload_text(&payload, "message_id", commit->turn->message_id);
    payload_text(&payload, "channel",
                 (commit->outbound ? commit->outbound->conversation : commit->conversation)->channel);
    payload_moment(&payload, "opened_at", commit->turn->opened_at);
    payload_texts(&payload, "covered", commit->covered_ids, commit->outbound ? commit->covered_count : 0);
    if (commit->hand_over)
        payload_bool(&payload, "handed_over", true);
    payload_text(&payload, "provider", commit->request->provider);
    payload_text(&payload, "model", commit->request->model);
    event_note(events, (struct event_note){
                           .type = "turn.committed",
                           .company_id = commit->conversation->company_id,
                           .lead_id = commit->conversation->lead_id,
                           .payload = payload_end(&payload),
                           .actor = "ai",
                           .correlation_id = commit->item->caller.correlation_id,
                       });
}

static enum status superseded_write(struct commit_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ids conversations = { .arena = arena };
    struct ids turns = { .arena = arena };
    for (size_t i = 0; i < work->superseded_count; i++) {
        ids_add(&conversations, work->superseded[i]->conversation->id);
        ids_add(&turns, work->superseded[i]->turn->id);
    }
    turns_supersede(work->batch, &turns);
    struct newest_owed newest;
    TRY(newest_owed_read(&work->held, &conversations, &newest, error));
    for (size_t i = 0; i < work->superseded_count; i++) {
        struct commit *commit = work->superseded[i];
        commit->reply->superseded_by = (char *)newest_owed_key(&newest, commit->conversation);
        turn_note_superseded(&work->events, commit->turn, newest_owed_message(&newest, commit->conversation),
                             &commit->item->caller);
    }
    return OK;
}

static const struct statement turn_actions_save = {
    .name = "turn_actions_save",
    .sql = "update crm.turns t set actions = v.actions::jsonb, handed_over = v.handed_over, updated_at = $4 "
           "from unnest($1::uuid[], $2::text[], $3::boolean[]) as v(id, actions, handed_over) where t.id = v.id",
};

static const char *actions_json(struct arena *arena, const Pb__TurnCommitRequest *request)
{
    struct buffer json = { .arena = arena };
    buffer_add_char(&json, '[');
    for (size_t i = 0; i < request->n_actions; i++) {
        buffer_add(&json, i ? "," : "");
        pbjson_write(&json, &request->actions[i]->base);
    }
    buffer_add_char(&json, ']');
    return buffer_text(&json);
}

/* Most turns have none. */
static void actions_write(struct commit_batch *work)
{
    struct arena *arena = work->batch->arena;
    struct commit **list = ARENA_ARRAY(arena, struct commit *, work->committing_count);
    bool *handed_over = ARENA_ARRAY(arena, bool, work->committing_count);
    size_t count = 0;
    for (size_t i = 0; i < work->committing_count; i++) {
        if (!work->committing[i]->request->n_actions)
            continue;
        handed_over[count] = work->committing[i]->hand_over != NULL;
        list[count++] = work->committing[i];
    }
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, list[i]->turn->id);
    COLUMN_TEXTS(params, count, i, actions_json(arena, list[i]->request));
    params_bools(params, handed_over, count);
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &turn_actions_save, params, NULL);
}

/* What follows from one: the send of its reply or of the notice, and what turn_follow_jobs says. */
static enum status commit_tell(struct commit_batch *work, struct commit *commit, struct error *error)
{
    Pb__TurnCommitted *reply = commit->reply;
    Pb__JobSpec *notice = commit->escalation ? escalation_job(commit->escalation) : NULL;
    reply->message_id = (char *)commit->turn->message_id;
    reply->jobs = ARENA_ARRAY(work->batch->arena, Pb__JobSpec *, TURN_JOBS_MAX);
    if (commit->outbound)
        reply->jobs[reply->n_jobs++] = commit->outbound->job;
    if (notice)
        reply->jobs[reply->n_jobs++] = notice;
    if (!commit->hand_over) /* a person answers the rest */
        TRY(turn_follow_jobs(&work->held, commit->turn, &commit->item->caller, reply->jobs, &reply->n_jobs, error));
    commit->item->state = commit->escalation;
    return OK;
}

/* Also of what came too late: the model was paid all the same. */
static void paid_write(struct commit_batch *work)
{
    struct usage *list = ARENA_ARRAY(work->batch->arena, struct usage, work->count);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++) {
        const struct commit *commit = &work->list[i];
        if (commit->paid)
            list[count++] = (struct usage){ .company_id = commit->turn->company_id,
                                            .conversation_id = commit->turn->conversation_id,
                                            .lead_id = commit->turn->lead_id,
                                            .provider = commit->request->provider,
                                            .model = commit->request->model,
                                            .prompt_tokens = commit->request->prompt_tokens,
                                            .completion_tokens = commit->request->completion_tokens,
                                            .plain = commit->conversation && commit->conversation->reach &&
                                                     !commit->conversation->reach->sender->has_budgets,
                                            .failed = !text_same(commit->turn->state, "committed") };
    }
    usage_write(work->batch, list, count);
}

enum status commits_write(struct commit_batch *work, struct error *error)
{
    TRY(superseded_write(work, error));
    if (work->committing_count) {
        coverage_write(work);
        for (size_t i = 0; i < work->committing_count; i++)
            note_committed(&work->events, work->committing[i]);
        outbound_write(&work->held, work->outbounds, work->outbound_count, &work->events);
        committed_write(work);
        actions_write(work);
        refusals_write(work);
        TRY(progress_write(work, error));
        for (size_t i = 0; i < work->committing_count; i++)
            silence_arm(work->committing[i]->conversation, work->batch->now);
        escalations_save(&work->held, work->escalations, work->escalation_count, &work->events);
    }
    for (size_t i = 0; i < work->committing_count; i++)
        TRY(commit_tell(work, work->committing[i], error));
    event_flush(&work->events);
    paid_write(work);
    return OK;
}
