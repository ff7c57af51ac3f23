/* store.turn.commit: the reply, what it covers and its events, in one transaction, for the newest claim only. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "commit.h"
#include "conversation/reply_route.h"
#include "core/payload.h"
#include "core/transaction.h"
#include "loop.h"
#include "refusal.h"
#include "turn.h"
#include "turn_rules.h"
#include "turn_sent.h"

static enum status check_json(const Pb__Json *json, const char *name, struct error *error)
{
    if (!json || text_empty(json->text))
        return OK;
    struct error inner;
    if (json_check_own(json->text, strlen(json->text), &inner) != OK)
        return error_code(error, REJECT, "bad_value", "%s must be JSON", name);
    return OK;
}

static enum status check_documents(const Pb__TurnCommitRequest *request, struct error *error)
{
    for (size_t i = 0; i < request->n_document_ids; i++)
        if (!ident_valid(request->document_ids[i]))
            return error_code(error, REJECT, "bad_value", "document_ids must be UUIDs");
    for (size_t i = 0; i < request->n_sources; i++)
        if (!ident_valid(text_or(request->sources[i]->chunk_id, "")) ||
            !ident_valid(text_or(request->sources[i]->document_id, "")))
            return error_code(error, REJECT, "bad_value", "sources must be named by UUIDs");
    return OK;
}

static const Pb__TurnAction *hand_over_of(const Pb__TurnCommitRequest *request)
{
    for (size_t i = 0; i < request->n_actions; i++)
        if (text_same(request->actions[i]->type, "hand_over"))
            return request->actions[i];
    return NULL;
}

static enum status turn_commit_check(const struct item *item, struct error *error)
{
    const Pb__TurnCommitRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->job_id, "")))
        return error_code(error, REJECT, "unknown_turn", "there is no such turn");
    bool speechless = text_empty(request->text) && hand_over_of(request);
    if ((text_empty(request->text) && !speechless) || strlen(text_or(request->text, "")) > REPLY_TEXT_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "text must have 1 to %d bytes", REPLY_TEXT_BYTES_MAX);
    if (!request->has_covered_position || request->covered_position < 1)
        return error_code(error, REJECT, "bad_value", "covered_position must be a position");
    if (request->n_actions > TURN_ACTIONS_MAX)
        return error_code(error, REJECT, "bad_value", "a turn has at most %d actions", TURN_ACTIONS_MAX);
    TRY(check_json(request->prompt, "prompt", error));
    TRY(check_json(request->safety_checks, "safety_checks", error));
    TRY(refusals_check(item->arena, request, error));
    return check_documents(request, error);
}

static enum status tell_committed(const struct commit_batch *work, struct commit *commit, struct error *error)
{
    Pb__TurnCommitted *reply = commit->reply;
    reply->message_id = (char *)commit->turn->message_id;
    return turn_sent_jobs(&work->held, commit->turn, &commit->item->caller, &reply->jobs, &reply->n_jobs, error);
}

static struct turn_verdict commit_judge(const struct commit_batch *work, const struct commit *commit)
{
    const struct held_conversation *conversation = commit->conversation;
    const struct turn_facts facts = {
        .closed = !text_same(conversation->state, "open"),
        .human = text_same(conversation->owner, "human"),
        .epoch = conversation->epoch,
        .covered_position = conversation->covered_position,
        .owed_position = conversation->owed_position,
        .owed_since = conversation->owed_since,
        .buffer_max_ms = conversation->reach->sender->buffer_max_ms,
        .opted_out_at = conversation->reach->opted_out_at,
        .now = work->batch->now,
    };
    const struct turn_offer offer = {
        .newest_claim = text_same(commit->turn->claim, commit->request->claim),
        .taken_back = !text_same(commit->turn->state, "open"),
        .epoch = commit->turn->epoch,
        .after_position = commit->turn->after_position,
        .opened_position = commit->turn->opened_position,
        .covered_position = commit->request->covered_position,
        .opened_at = commit->turn->opened_at,
    };
    return turn_may_commit(&facts, &offer);
}

/* The AI's last word stays where the customer asked; a person answers there. */
static void reply_prepare(struct commit_batch *work, struct commit *commit)
{
    commit->outbound = &work->outbounds[work->outbound_count++];
    *commit->outbound = (struct outbound){
        .id = ident_fresh(work->batch->arena),
        .conversation = commit->hand_over ? commit->conversation : reply_route(&work->held, commit->conversation),
        .caller = &commit->item->caller,
        .sender_type = "ai",
        .sender_id = text_empty(commit->request->model) ? NULL : commit->request->model,
        .cause = "reply",
        .text = commit->request->text,
        .turn_id = commit->turn->id,
        .priority = PRIORITY_REPLY,
    };
    commit->conversation->covered_position = commit->request->covered_position;
    commit->conversation->changed = true;
    loop_answered(commit->conversation, work->batch->now);
    commit->turn->message_id = commit->outbound->id;
    commit->turn->reply_conversation_id = commit->outbound->conversation->id;
}

/* Two machines that answer each other would never end: a person is asked instead, and the answer is not sent. */
static const Pb__TurnAction LOOP = { .type = "hand_over", .reason = "loop" };

static void hand_over_prepare(struct commit_batch *work, struct commit *commit)
{
    commit->escalation = &work->escalations[work->escalation_count++];
    *commit->escalation = (struct escalation){ .conversation = commit->conversation,
                                               .caller = &commit->item->caller,
                                               .reason = text_or(commit->hand_over->reason, "asked_for"),
                                               .urgency = commit->hand_over->urgency,
                                               .by = "ai",
                                               .told = commit->outbound != NULL };
    escalation_take(work->batch->arena, commit->escalation, work->batch->now);
}

/* Later items of this batch see it. Where the AI hands over without a word nothing is answered: a person owes it. */
static void commit_prepare(struct commit_batch *work, struct commit *commit)
{
    work->committing[work->committing_count++] = commit;
    bool spent = !text_empty(commit->request->text) && loop_reached(commit->conversation, work->batch->now);
    commit->hand_over = spent ? &LOOP : hand_over_of(commit->request);
    if (!spent && !text_empty(commit->request->text))
        reply_prepare(work, commit);
    if (commit->hand_over)
        hand_over_prepare(work, commit);
    commit->turn->state = "committed";
    commit->turn->covered_position =
        commit->outbound ? commit->request->covered_position : commit->turn->after_position;
}

/* It will never answer: a person took over, the customer opted out. */
static void note_failed(struct commit_batch *work, const struct commit *commit)
{
    struct payload payload = payload_start(work->batch->arena);
    payload_text(&payload, "turn_id", commit->turn->id);
    payload_text(&payload, "job_id", commit->turn->job_id);
    payload_text(&payload, "conversation_id", commit->conversation->id);
    payload_moment(&payload, "opened_at", commit->turn->opened_at);
    payload_text(&payload, "reason", commit->reply->reason);
    event_note(&work->events, (struct event_note){
                                  .type = "turn.failed",
                                  .company_id = commit->conversation->company_id,
                                  .lead_id = commit->conversation->lead_id,
                                  .payload = payload_end(&payload),
                                  .actor = "system",
                                  .correlation_id = commit->item->caller.correlation_id,
                              });
}

/* Another handling of the same job goes on, or this one opens anew. */
static bool goes_on(const char *reason)
{
    return text_same(reason, "stale_claim") || text_same(reason, "answered");
}

static enum status commit_decide(struct commit_batch *work, struct commit *commit, struct error *error)
{
    commit->conversation = held_conversation(&work->held, commit->turn->conversation_id);
    if (!commit->conversation)
        return error_code(error, RETRY, TRANSACTION_AGAIN, "the turn has just been opened");
    PB_SET(commit->reply, state, PB__TURN_STATE__TURN_STATE_COMMITTED);
    if (text_same(commit->turn->state, "committed"))
        return tell_committed(work, commit, error);
    commit->paid = !text_empty(commit->request->provider);
    struct turn_verdict verdict = commit_judge(work, commit);
    PB_SET(commit->reply, state, verdict.state);
    commit->reply->reason = (char *)verdict.reason;
    if (verdict.state == PB__TURN_STATE__TURN_STATE_SUPERSEDED) {
        PB_SET(commit->reply, delay_ms, turn_superseded_wait_ms(commit->conversation->reach->sender->buffer_ms));
        commit->turn->state = "superseded";
        work->superseded[work->superseded_count++] = commit;
        return OK;
    }
    if (verdict.state != PB__TURN_STATE__TURN_STATE_COMMITTED) {
        if (!goes_on(verdict.reason))
            note_failed(work, commit);
        return OK;
    }
    if (commit->request->covered_position > commit->conversation->last_position) {
        item_fail(commit->item, REJECT, "bad_value", "covered_position is past the conversation's end");
        return OK;
    }
    if (!text_same(commit->covered_in, commit->turn->conversation_id) ||
        commit->covered_after != commit->turn->after_position)
        return error_code(error, RETRY, TRANSACTION_AGAIN, "the turn has just been opened anew");
    commit_prepare(work, commit);
    return OK;
}

/* The item's work, once its rows are held. */
static enum status commit_follow(struct commit_batch *work, struct commit *commit, struct error *error)
{
    struct arena *arena = work->batch->arena;
    commit->turn = held_turn_of_job(&work->held, text_lower(arena, commit->request->job_id));
    if (!commit->turn || !text_same(commit->turn->company_id, commit->item->caller.company_id)) {
        item_fail(commit->item, REJECT, "unknown_turn", "there is no such turn");
        return OK;
    }
    if (commit->named && !commit_is_plain(&work->held, commit)) {
        item_fail(commit->item, RETRY, COMMIT_NOT_PLAIN, "more rows are needed than the request names");
        return OK;
    }
    commit->reply = PB_NEW(arena, turn_committed);
    commit->item->reply = &commit->reply->base;
    return commit_decide(work, commit, error);
}

static enum status commits_run(struct batch *batch, struct item **items, size_t count, commits_hold *hold,
                               struct error *error)
{
    struct commit_batch work = {
        .batch = batch, .held = { .batch = batch }, .count = count, .events = { .batch = batch }
    };
    work.list = ARENA_ARRAY(batch->arena, struct commit, count);
    work.outbounds = ARENA_ARRAY(batch->arena, struct outbound, count);
    work.escalations = ARENA_ARRAY(batch->arena, struct escalation, count);
    work.committing = ARENA_ARRAY(batch->arena, struct commit *, count);
    work.superseded = ARENA_ARRAY(batch->arena, struct commit *, count);
    for (size_t i = 0; i < count; i++) {
        work.list[i] = (struct commit){ .item = items[i], .request = items[i]->message };
        items[i]->state = NULL; /* of one that handed over: what the model calls under way are told */
    }
    TRY(hold(&work, error));
    for (size_t i = 0; i < count; i++)
        TRY(commit_follow(&work, &work.list[i], error));
    return commits_write(&work, error);
}

static enum status commit_named(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    return commits_run(batch, items, count, commits_hold_named, error);
}

static enum status commit_found(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    return commits_run(batch, items, count, commits_hold_found, error);
}

static bool is_named(const struct item *item)
{
    return item->status == OK && commit_names_all(item->message);
}

static bool is_left(const struct item *item)
{
    return (item->status == OK && !item->reply) ||
           (item->status == RETRY && text_same(item->error.code, COMMIT_NOT_PLAIN));
}

/* Of those that were checked and fit. */
static void commits_pick(struct batch *batch, bool (*fits)(const struct item *item), transaction_work *work)
{
    struct batch part = *batch;
    part.count = 0;
    part.items = ARENA_ARRAY(batch->arena, struct item *, batch->count + 1);
    for (size_t i = 0; i < batch->count; i++)
        if (fits(batch->items[i]))
            part.items[part.count++] = batch->items[i];
    for (size_t i = 0; i < part.count; i++)
        part.items[i]->status = OK;
    transaction_run(&part, work);
}

void turn_commit(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        enum status status = turn_commit_check(batch->items[i], &error);
        if (status != OK)
            item_fail(batch->items[i], status, error.code, "%s", error.text);
    }
    commits_pick(batch, is_named, commit_named);
    commits_pick(batch, is_left, commit_found);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK && batch->items[i]->state)
            escalation_nudge(batch->arena, batch->items[i]->state);
}
