/* What the customer wrote, or how the conversation goes, meets a rule of the company, or its budget is used up: a
 * person answers. */
#include "base/text.h"
#include "conversation/hand_over_rules.h"
#include "core/column.h"
#include "model/budget.h"
#include "opening.h"

/* A conversation whose company has rules, and the rule that is met. */
struct ruled {
    struct held_conversation *conversation;
    const Pb__HandOverRules *rules;
    const char *reason; /* NULL: none is met */
};

static bool waits(const struct held_conversation *conversation)
{
    return text_same(conversation->state, "open") && text_same(conversation->owner, "ai") &&
           conversation->owed_position > conversation->covered_position;
}

/* Of most companies there are none. */
static size_t ruled_collect(struct opening_batch *work, struct ruled *out)
{
    size_t count = 0;
    for (size_t i = 0; i < work->held.conversation_count; i++) {
        struct held_conversation *conversation = &work->held.conversations[i];
        const struct context_terms *terms = context_terms_of(&work->contexts, conversation->id);
        bool ruled = !text_empty(terms->hand_over) || !text_empty(terms->budget) || terms->silent;
        if (ruled && waits(conversation))
            out[count++] = (struct ruled){ .conversation = conversation,
                                           .reason = terms->silent ? "stage" : terms->budget,
                                           .rules = hand_over_rules(work->batch->arena, terms->hand_over) };
    }
    return count;
}

static void said_judge(const struct opening_batch *work, struct ruled *list, size_t count)
{
    const struct rows *owed = &work->contexts.owed;
    int conversation = rows_column(owed, "conversation_id"), text = rows_column(owed, "text");
    for (size_t row = 0; row < owed->count; row++)
        for (size_t i = 0; i < count; i++)
            if (!list[i].reason && text_same(list[i].conversation->id, rows_text(owed, row, conversation)))
                list[i].reason = hand_over_said(work->batch->arena, list[i].rules, rows_text(owed, row, text));
}

/* The last so many turns of this epoch, and none of them noted anything or reached a stage. */
static const struct statement turns_in_vain = {
    .name = "turns_in_vain",
    .sql =
        "select v.id from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as v(id, epoch, wanted) "
        "cross join lateral (select count(*) as turns from ( "
        "        select epoch, actions from crm.turns where conversation_id = v.id and state = 'committed' "
        "        order by opened_position desc limit v.wanted) t "
        "    where t.epoch = v.epoch and not coalesce(t.actions @? '$[*] ? (@.type == \"note\" || @.type == \"move_stage\")', false)) t "
        "where t.turns >= v.wanted",
};

static enum status progress_judge(const struct opening_batch *work, struct ruled *list, size_t count,
                                  struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ruled **asked = ARENA_ARRAY(arena, struct ruled *, count + 1);
    size_t asked_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!list[i].reason && list[i].rules->turns_without_progress > 0)
            asked[asked_count++] = &list[i];
    if (!asked_count)
        return OK;
    struct rows rows;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, asked_count, i, asked[i]->conversation->id);
    COLUMN_BIGINTS(params, asked_count, i, asked[i]->conversation->epoch);
    COLUMN_BIGINTS(params, asked_count, i, asked[i]->rules->turns_without_progress);
    TRY(db_run(work->batch->db, arena, &turns_in_vain, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        for (size_t i = 0; i < asked_count; i++)
            if (text_same(asked[i]->conversation->id, rows_text(&rows, row, 0)))
                asked[i]->reason = "no_progress";
    return OK;
}

static const struct caller *caller_of(const struct opening_batch *work, const char *conversation_id)
{
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].asked && text_same(work->list[i].asked->conversation_id, conversation_id))
            return &work->list[i].item->caller;
    return &work->list[0].item->caller;
}

/* Its account and address, for the notice: held once more, for most openings need neither. */
static enum status ruled_hold(const struct opening_batch *work, const struct ruled *list, size_t count,
                              struct held *out, struct error *error)
{
    struct ids ids = { .arena = work->batch->arena };
    for (size_t i = 0; i < count; i++)
        if (list[i].reason)
            ids_add(&ids, list[i].conversation->id);
    *out = (struct held){ .batch = work->batch };
    hold_conversations(out, &ids);
    hold_reach(out, &ids);
    return hold_read(out, error);
}

static enum status ruled_hand_over(struct opening_batch *work, struct ruled *list, size_t count, struct error *error)
{
    struct batch *batch = work->batch;
    struct event_list events = { .batch = batch };
    struct held *held = ARENA_NEW(batch->arena, struct held);
    TRY(ruled_hold(work, list, count, held, error));
    for (size_t i = 0; i < count; i++) {
        if (!list[i].reason)
            continue;
        struct escalation *escalation = &work->escalations[work->escalation_count++];
        *escalation = (struct escalation){ .conversation = held_conversation(held, list[i].conversation->id),
                                           .caller = caller_of(work, list[i].conversation->id),
                                           .reason = list[i].reason,
                                           .by = "system" };
        escalation_take(batch->arena, escalation, batch->now);
        list[i].conversation->owner = "human";
        list[i].conversation->epoch = escalation->conversation->epoch;
        if (budget_is(list[i].reason))
            TRY(budget_note(&events, escalation->conversation, list[i].reason, error));
    }
    escalations_save(held, work->escalations, work->escalation_count, &events);
    event_flush(&events);
    return OK;
}

enum status openings_hand_over(struct opening_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ruled *list = ARENA_ARRAY(arena, struct ruled, work->held.conversation_count + 1);
    size_t count = ruled_collect(work, list), met = 0;
    if (!count)
        return OK;
    said_judge(work, list, count);
    TRY(progress_judge(work, list, count, error));
    for (size_t i = 0; i < count; i++)
        met += list[i].reason != NULL;
    work->escalations = ARENA_ARRAY(arena, struct escalation, count);
    return met ? ruled_hand_over(work, list, count, error) : OK;
}

const struct escalation *opening_handed_over(const struct opening_batch *work, const struct opening *opening)
{
    for (size_t i = 0; i < work->escalation_count; i++)
        if (text_same(work->escalations[i].conversation->id, opening->conversation->id))
            return &work->escalations[i];
    return NULL;
}

static const struct statement wait_for_disk = {
    .name = "wait_for_disk",
    .sql = "select set_config(name, reset_val, true) from pg_settings where name = 'synchronous_commit'",
};

void openings_wait_for_disk(const struct opening_batch *work)
{
    if (work->escalation_count)
        db_queue(work->batch->db, work->batch->arena, &wait_for_disk, params_new(work->batch->arena), NULL);
}
