/* store.turn.open: is an answer owed, by this job, now? If so, a turn for its newest claim, and what the model needs to
 * know. */
#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/owed.h"
#include "core/column.h"
#include "core/follow.h"
#include "core/hold.h"
#include "core/map.h"
#include "core/transaction.h"
#include "inbox/mark.h"
#include "inbox/note.h"
#include "opening.h"
#include "turn.h"
#include "turn_rules.h"
#include "turn_sent.h"

/* What can't be looked up is refused before SQL. */
static void turn_open_check(struct item *item)
{
    const Pb__TurnOpenRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->message_id, "")))
        item_fail(item, REJECT, "unknown_message", "there is no such message");
    else if (!ident_valid(text_or(request->job_id, "")))
        item_fail(item, REJECT, "bad_value", "job_id must be a UUID");
    else if (text_empty(request->claim))
        item_fail(item, REJECT, "bad_value", "claim must not be empty");
}

static struct turn_facts facts_of(const struct opening_batch *work, const struct held_conversation *conversation)
{
    const struct context_terms *terms = context_terms_of(&work->contexts, conversation->id);
    return (struct turn_facts){
        .closed = !text_same(conversation->state, "open"),
        .human = text_same(conversation->owner, "human"),
        .epoch = conversation->epoch,
        .covered_position = conversation->covered_position,
        .owed_position = conversation->owed_position,
        .owed_since = conversation->owed_since,
        .buffer_max_ms = terms->buffer_max_ms,
        .opted_out_at = terms->opted_out_at,
        .now = work->batch->now,
    };
}

static struct held_turn *turn_of(const struct opening_batch *work, const struct opening *opening)
{
    return held_turn_of_job(&work->held, text_lower(work->batch->arena, opening->request->job_id));
}

/* This job has answered already: the same reply, the same send. */
static enum status tell_committed(struct opening_batch *work, struct opening *opening, const struct held_turn *turn,
                                  struct error *error)
{
    struct arena *arena = work->batch->arena;
    Pb__TurnOpened *reply = opening->reply;
    TRY(turn_sent_jobs(&work->held, turn, &opening->item->caller, &reply->jobs, &reply->n_jobs, error));
    opening->reply->turn_id = (char *)turn->id;
    opening->reply->message_ids = ARENA_ARRAY(arena, char *, 1);
    if (!text_empty(turn->message_id))
        opening->reply->message_ids[opening->reply->n_message_ids++] = (char *)turn->message_id;
    return OK;
}

/* By a rule of the company, here and now: the customer is told, if at all, by what comes with the answer. */
static void tell_handed_over(const struct opening_batch *work, struct opening *opening,
                             const struct escalation *escalation)
{
    Pb__TurnOpened *reply = opening->reply;
    Pb__JobSpec *notice = escalation_job(escalation);
    PB_SET(reply, state, PB__TURN_STATE__TURN_STATE_NOTHING);
    reply->reason = "handed_over";
    reply->jobs = ARENA_ARRAY(work->batch->arena, Pb__JobSpec *, 1);
    if (notice)
        reply->jobs[reply->n_jobs++] = notice;
}

/* Open on what is owed now. */
static const struct statement turns_under_way = {
    .name = "turns_under_way",
    .sql =
        "select t.conversation_id, t.job_id, t.opened_at from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as v(id, covered, epoch) "
        "cross join lateral (select conversation_id, job_id, opened_at from crm.turns where conversation_id = v.id "
        "    and opened_position > v.covered and after_position = v.covered and epoch = v.epoch and state = 'open' offset 0) t",
};

/* Past the maximum wait every job of a burst may open; that many calls of the model for one answer are in vain. */
static enum status under_way_read(struct opening_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    size_t count = 0, held = work->held.conversation_count;
    const struct held_conversation **late = ARENA_ARRAY(arena, const struct held_conversation *, held + 1);
    for (size_t i = 0; i < held; i++) {
        const struct turn_facts facts = facts_of(work, &work->held.conversations[i]);
        if (turn_is_owed(&facts) && facts.now >= turn_answer_by(&facts))
            late[count++] = &work->held.conversations[i];
    }
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, late[i]->id);
    COLUMN_INTS(params, count, i, late[i]->covered_position);
    COLUMN_INTS(params, count, i, late[i]->epoch);
    return db_run(work->batch->db, arena, &turns_under_way, params, &work->under_way, error);
}

/* Another job's call may still be under way, asked for earlier or in this batch. */
static bool another_answers(const struct opening_batch *work, const struct opening *opening)
{
    const Pb__TurnOpenRequest *request = opening->request;
    const char *job_id = text_lower(work->batch->arena, request->job_id);
    int64_t wait_ms = request->has_wait_ms_max ? request->wait_ms_max : MINUTE_MS;
    for (size_t row = 0; row < work->under_way.count; row++)
        if (text_same(rows_text(&work->under_way, row, 0), opening->conversation->id) &&
            !text_same(rows_text(&work->under_way, row, 1), job_id) &&
            rows_moment(&work->under_way, row, 2) + wait_ms > work->batch->now)
            return true;
    for (const struct opening *earlier = work->list; earlier < opening; earlier++)
        if (earlier->turn_id && earlier->conversation == opening->conversation &&
            !text_same(earlier->request->job_id, request->job_id))
            return true;
    return false;
}

/* The newest message's job is never told to wait: the others are told to wait for it. */
static struct turn_verdict opening_judge(const struct opening_batch *work, const struct opening *opening)
{
    struct turn_facts facts = facts_of(work, opening->conversation);
    struct turn_asked asked = { opening->asked->position, opening->asked->wants_answer, opening->asked->created_at };
    struct turn_verdict verdict = turn_may_open(&facts, &asked);
    if (verdict.state == PB__TURN_STATE__TURN_STATE_OPEN && asked.position < facts.owed_position &&
        another_answers(work, opening))
        return (struct turn_verdict){ PB__TURN_STATE__TURN_STATE_SUPERSEDED, "under_way" };
    return verdict;
}

static enum status opening_decide(struct opening_batch *work, struct opening *opening, struct error *error)
{
    opening->conversation = held_conversation(&work->held, opening->asked->conversation_id);
    const struct held_turn *turn = turn_of(work, opening);
    if (turn && !text_same(turn->company_id, opening->conversation->company_id)) {
        item_fail(opening->item, REJECT, "bad_value", "job_id is another company's");
        return OK;
    }
    PB_SET(opening->reply, state, PB__TURN_STATE__TURN_STATE_COMMITTED);
    if (turn && text_same(turn->state, "committed"))
        return tell_committed(work, opening, turn, error);
    const struct escalation *escalation = opening_handed_over(work, opening);
    if (escalation) {
        tell_handed_over(work, opening, escalation);
        return OK;
    }
    struct turn_verdict verdict = opening_judge(work, opening);
    PB_SET(opening->reply, state, verdict.state);
    opening->reply->reason = (char *)verdict.reason;
    if (verdict.state == PB__TURN_STATE__TURN_STATE_SUPERSEDED)
        PB_SET(opening->reply, delay_ms,
               turn_superseded_wait_ms(context_terms_of(&work->contexts, opening->conversation->id)->buffer_ms));
    if (verdict.state == PB__TURN_STATE__TURN_STATE_OPEN)
        opening->turn_id = turn ? turn->id : ident_fresh(work->batch->arena);
    return OK;
}

/* Two claims of one job in one batch: the later is the newer; both are told the same turn. */
static void openings_join(struct opening_batch *work)
{
    for (size_t i = 0; i < work->count; i++)
        for (size_t earlier = 0; earlier < i && work->list[i].turn_id; earlier++)
            if (work->list[earlier].turn_id &&
                text_same(work->list[earlier].request->job_id, work->list[i].request->job_id))
                work->list[i].turn_id = work->list[earlier].turn_id;
}

static bool is_newest(const struct opening_batch *work, size_t index)
{
    for (size_t later = index + 1; later < work->count; later++)
        if (work->list[later].turn_id == work->list[index].turn_id)
            return false;
    return true;
}

/*
 * Its commit need not wait for the disk: of a turn that a crash of the server forgets, commit says `unknown_turn`, and
 * ai-engage opens again.
 */
static const struct statement turn_upsert = {
    .name = "turn_upsert",
    .sql =
        "insert into crm.turns as t (id, company_id, conversation_id, lead_id, job_id, claim, state, epoch, opened_position, "
        "    after_position, answer_by, opened_at, created_at, updated_at) "
        "select v.id, v.company_id, v.conversation_id, v.lead_id, v.job_id, v.claim, 'open', v.epoch, v.opened_position, "
        "    v.after_position, v.answer_by, $2, $2, $2 from unnest($1::crm.turn_opened_row[]) as v "
        "where set_config('synchronous_commit', 'off', true) is not null "
        "on conflict (job_id) where not taken_back do update set conversation_id = excluded.conversation_id, lead_id = excluded.lead_id, "
        "    claim = excluded.claim, state = 'open', epoch = excluded.epoch, "
        "    opened_position = excluded.opened_position, after_position = excluded.after_position, covered_position = null, "
        "    message_id = null, answer_by = excluded.answer_by, opened_at = excluded.opened_at, updated_at = excluded.updated_at "
        "where t.company_id = excluded.company_id",
};

static void turns_write(struct opening_batch *work)
{
    struct arena *arena = work->batch->arena;
    struct opening **newest = ARENA_ARRAY(arena, struct opening *, work->count);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].turn_id && is_newest(work, i))
            newest[count++] = &work->list[i];
    if (!count)
        return;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, newest[i]->turn_id);
    RECORD_UUIDS(rows, i, newest[i]->conversation->company_id);
    RECORD_UUIDS(rows, i, newest[i]->conversation->id);
    RECORD_UUIDS(rows, i, newest[i]->conversation->lead_id);
    RECORD_UUIDS(rows, i, newest[i]->request->job_id);
    RECORD_TEXTS(rows, i, newest[i]->request->claim);
    RECORD_BIGINTS(rows, i, newest[i]->conversation->epoch);
    RECORD_BIGINTS(rows, i, newest[i]->conversation->owed_position);
    RECORD_BIGINTS(rows, i, newest[i]->conversation->covered_position);
    RECORD_MOMENTS(rows, i,
                   newest[i]->conversation->owed_since +
                       context_terms_of(&work->contexts, newest[i]->conversation->id)->buffer_max_ms);
    params_records(params, rows, "crm.turn_opened_row");
    params_moment(params, work->batch->now);
    db_queue(work->batch->db, arena, &turn_upsert, params, NULL);
}

static void contexts_tell(struct opening_batch *work)
{
    struct arena *arena = work->batch->arena;
    struct context_task *tasks = ARENA_ARRAY(arena, struct context_task, work->count);
    struct map *by_conversation = map_new(arena, work->count);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++) {
        if (!work->list[i].turn_id)
            continue;
        void **task = map_at(by_conversation, work->list[i].conversation->id);
        if (*task)
            continue;
        *task = &tasks[count];
        tasks[count++].conversation = work->list[i].conversation;
    }
    context_read(arena, &work->contexts, tasks, count);
    for (size_t task = 0; task < count; task++) {
        const struct turn_facts facts = facts_of(work, tasks[task].conversation);
        PB_SET(tasks[task].context, answer_by_at, turn_answer_by(&facts));
    }
    for (size_t i = 0; i < work->count; i++) {
        if (!work->list[i].turn_id)
            continue;
        const struct context_task *task = map_find(by_conversation, work->list[i].conversation->id);
        work->list[i].reply->turn_id = (char *)work->list[i].turn_id;
        work->list[i].reply->context = task->context;
        work->list[i].item->state = task->unfinished ? task->context : NULL;
    }
}

static enum status superseded_tell(struct opening_batch *work, struct error *error)
{
    struct ids conversations = { .arena = work->batch->arena };
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].reply && work->list[i].reply->state == PB__TURN_STATE__TURN_STATE_SUPERSEDED)
            ids_add(&conversations, work->list[i].conversation->id);
    struct newest_owed newest;
    TRY(newest_owed_read(&work->held, &conversations, &newest, error));
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].reply && work->list[i].reply->state == PB__TURN_STATE__TURN_STATE_SUPERSEDED)
            work->list[i].reply->superseded_by = (char *)newest_owed_key(&newest, work->list[i].conversation);
    return OK;
}

static enum status turn_open_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct opening_batch work = { .batch = batch, .held = { .batch = batch }, .count = count };
    work.list = ARENA_ARRAY(batch->arena, struct opening, count);
    for (size_t i = 0; i < count; i++)
        work.list[i] = (struct opening){ .item = items[i], .request = items[i]->message };
    TRY(openings_hold(&work, error));
    for (size_t i = 0; i < count; i++)
        items[i]->state = NULL; /* of a company with documents or several models: the context, which lacks them */
    TRY(openings_hand_over(&work, error));
    TRY(under_way_read(&work, error));
    for (size_t i = 0; i < count; i++) {
        if (!work.list[i].asked) {
            item_fail(items[i], REJECT, "unknown_message", "there is no such message");
            continue;
        }
        work.list[i].reply = PB_NEW(batch->arena, turn_opened);
        items[i]->reply = &work.list[i].reply->base;
        TRY(opening_decide(&work, &work.list[i], error));
    }
    openings_join(&work);
    TRY(superseded_tell(&work, error));
    contexts_tell(&work);
    turns_write(&work);
    openings_wait_for_disk(&work);
    return OK;
}

/* Those that lack something. Two claims of one conversation share their context. */
static size_t contexts_to_complete(const struct batch *batch, Pb__TurnContext **out,
                                   const Pb__TurnOpenRequest **requests)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        Pb__TurnContext *context = batch->items[i]->state;
        if (batch->items[i]->status != OK || !context)
            continue;
        size_t place = 0;
        while (place < count && !text_same(out[place]->conversation_id, context->conversation_id))
            place++;
        requests[place] = batch->items[i]->message;
        out[place] = context;
        count += place == count;
    }
    return count;
}

/* Asked again, the same claim is told the same turn. */
static void openings_withdraw(struct batch *batch, const struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i]->status == OK && batch->items[i]->state)
            item_fail(batch->items[i], RETRY, "database_error", "%s", error->text);
    }
}

void turn_open(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        turn_open_check(batch->items[i]);
    transaction_run(batch, turn_open_work);
    Pb__TurnContext **contexts = ARENA_ARRAY(batch->arena, Pb__TurnContext *, batch->count + 1);
    const Pb__TurnOpenRequest **requests = ARENA_ARRAY(batch->arena, const Pb__TurnOpenRequest *, batch->count + 1);
    size_t count = contexts_to_complete(batch, contexts, requests);
    struct error error = { 0 };
    if (context_add_models(batch, contexts, count, &error) != OK ||
        context_add_passages(batch, contexts, requests, count, &error) != OK ||
        note_tell_ai(batch, contexts, count, &error) != OK)
        openings_withdraw(batch, &error);
    for (size_t i = 0; i < batch->count; i++) {
        Pb__TurnOpened *opened = (Pb__TurnOpened *)batch->items[i]->reply;
        if (batch->items[i]->status == OK && opened && opened->state == PB__TURN_STATE__TURN_STATE_OPEN)
            mark_turn(batch->items[i], opened, batch->now);
    }
}
