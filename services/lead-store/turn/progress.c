#include "progress.h"

#include <strings.h>

#include "base/ident.h"
#include "base/text.h"
#include "core/payload.h"
#include "stage/lead_note.h"

static bool is_progress(const Pb__TurnAction *action)
{
    return text_same(action->type, "note") || text_same(action->type, "move_stage");
}

bool progress_wanted(const Pb__TurnCommitRequest *request)
{
    for (size_t i = 0; i < request->n_actions; i++)
        if (is_progress(request->actions[i]))
            return true;
    return false;
}

/* The lead and its stage, the stages that it leads to, and those of the messages that are this lead's own. */
static const struct statement progress_read = {
    .name = "progress_read",
    .sql =
        "select l.stage_id, s.name as stage, s.ai_config, l.attributes -> 'bant' as bant, l.attributes -> 'collected' as collected, "
        "    array(select m.id from unnest($3::uuid[]) as e(id) join crm.messages m on m.id = e.id and m.lead_id = l.id "
        "        and m.direction = 'inbound') as evidence, r.ids, r.names "
        "from crm.leads l join crm.stages s on s.id = l.stage_id "
        "cross join lateral (select array_agg(w.id order by w.position) as ids, array_agg(w.name order by w.position) as names "
        "    from crm.stages w where w.pipeline_id = s.pipeline_id and w.company_id = l.company_id and w.id <> s.id "
        "      and (s.allowed_transitions is null or w.id = any(s.allowed_transitions))) r "
        "where l.id = $1::uuid and l.company_id = $2::uuid",
};

struct lead_state {
    const char *stage_id, *stage;
    struct lead_notes notes;
    const char *const *evidence, *const *stage_ids, *const *stage_names;
    size_t evidence_count, stage_count;
};

static enum status state_read(struct batch *batch, const struct commit *commit, struct lead_state *out, bool *found,
                              struct error *error)
{
    const Pb__TurnCommitRequest *request = commit->request;
    const char **evidence = ARENA_ARRAY(batch->arena, const char *, request->n_actions + 1);
    size_t count = 0;
    for (size_t i = 0; i < request->n_actions; i++)
        if (is_progress(request->actions[i]) && ident_valid(text_or(request->actions[i]->message_id, "")))
            evidence[count++] = request->actions[i]->message_id;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, commit->conversation->lead_id);
    params_text(params, commit->conversation->company_id);
    params_uuids(params, evidence, count);
    TRY(db_run(batch->db, batch->arena, &progress_read, params, &rows, error));
    *found = rows.count > 0;
    if (!*found)
        return OK;
    out->stage_id = rows_text(&rows, 0, 0);
    out->stage = rows_text(&rows, 0, 1);
    lead_notes_read(batch->arena, rows_text(&rows, 0, 2), rows_text(&rows, 0, 3), rows_text(&rows, 0, 4), &out->notes);
    out->evidence_count = rows_texts(&rows, 0, 5, batch->arena, &out->evidence);
    out->stage_count = rows_texts(&rows, 0, 6, batch->arena, &out->stage_ids);
    rows_texts(&rows, 0, 7, batch->arena, &out->stage_names);
    return OK;
}

static bool supports(const struct lead_state *state, const char *message_id)
{
    for (size_t i = 0; i < state->evidence_count; i++)
        if (text_same(state->evidence[i], message_id))
            return true;
    return false;
}

/* NULL: the present stage does not lead there. */
static const char *stage_named(const struct lead_state *state, const char *name)
{
    for (size_t i = 0; i < state->stage_count; i++)
        if (name && strcasecmp(state->stage_names[i], name) == 0)
            return state->stage_ids[i];
    return NULL;
}

/* Where it moves, why, and by whom; stage_id NULL: it stays. */
struct move {
    const char *stage_id, *stage, *by, *evidence, *reason;
};

static struct move move_of(struct lead_state *state, const Pb__TurnCommitRequest *request)
{
    struct move move = { 0 };
    const char *newest = NULL;
    for (size_t i = 0; i < request->n_actions; i++) {
        const Pb__TurnAction *action = request->actions[i];
        if (!is_progress(action) || !supports(state, action->message_id))
            continue;
        if (text_same(action->type, "note")) {
            if (lead_note_take(&state->notes, action->name, action->value, action->message_id))
                newest = action->message_id;
        } else if (stage_named(state, action->stage)) {
            move = (struct move){ stage_named(state, action->stage), action->stage, "ai", action->message_id,
                                  action->reason };
        }
    }
    const char *wanted = newest ? lead_notes_move(&state->notes) : NULL;
    if (!move.stage_id && stage_named(state, wanted))
        move = (struct move){ stage_named(state, wanted), wanted, "rule", newest, "score" };
    return move;
}

static const struct statement progress_save = {
    .name = "progress_save",
    .sql = "update crm.leads set attributes = attributes || $3::jsonb, stage_id = coalesce($4::uuid, stage_id), "
           "    version = version + 1, updated_at = $5 where id = $1::uuid and company_id = $2::uuid returning version",
};

static void note_event(struct commit_batch *work, const struct commit *commit, const char *type, const char *payload,
                       const char *actor)
{
    event_note(&work->events, (struct event_note){ .type = type,
                                                   .company_id = commit->conversation->company_id,
                                                   .lead_id = commit->conversation->lead_id,
                                                   .payload = payload,
                                                   .actor = actor,
                                                   .correlation_id = commit->item->caller.correlation_id });
}

static void note_moved(struct commit_batch *work, const struct commit *commit, const struct lead_state *state,
                       const struct move *move)
{
    struct payload payload = payload_start(work->batch->arena);
    payload_text(&payload, "from", state->stage_id);
    payload_text(&payload, "from_name", state->stage);
    payload_text(&payload, "to", move->stage_id);
    payload_text(&payload, "to_name", move->stage);
    payload_text(&payload, "by", move->by);
    payload_text(&payload, "evidence", move->evidence);
    payload_text(&payload, "reason", move->reason);
    note_event(work, commit, "lead.stage_changed", payload_end(&payload), text_same(move->by, "ai") ? "ai" : "system");
}

static void note_noted(struct commit_batch *work, const struct commit *commit, int64_t version)
{
    const char *const members[] = { "attributes" };
    struct payload payload = payload_start(work->batch->arena);
    payload_texts(&payload, "changed", members, 1);
    payload_int(&payload, "version", version);
    note_event(work, commit, "lead.updated", payload_end(&payload), "ai");
}

static enum status progress_one(struct commit_batch *work, const struct commit *commit, struct error *error)
{
    struct batch *batch = work->batch;
    struct lead_state state = { 0 };
    bool found;
    TRY(state_read(batch, commit, &state, &found, error));
    if (!found)
        return OK;
    const struct move move = move_of(&state, commit->request);
    if (!state.notes.changed && !move.stage_id)
        return OK;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, commit->conversation->lead_id);
    params_text(params, commit->conversation->company_id);
    params_text(params, state.notes.changed ? lead_notes_json(batch->arena, &state.notes) : "{}");
    params_text(params, move.stage_id);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &progress_save, params, &rows, error));
    if (state.notes.changed && rows.count)
        note_noted(work, commit, rows_int(&rows, 0, 0));
    if (move.stage_id)
        note_moved(work, commit, &state, &move);
    return OK;
}

/* One after the other, for a later one sees what an earlier one noted; most turns have none. */
enum status progress_write(struct commit_batch *work, struct error *error)
{
    for (size_t i = 0; i < work->committing_count; i++)
        if (progress_wanted(work->committing[i]->request))
            TRY(progress_one(work, work->committing[i], error));
    return OK;
}
