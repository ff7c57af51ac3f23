/* The rows that commits are decided on: at once where the request names them, else looked for first. */
#include "base/ident.h"
#include "base/text.h"
#include "commit.h"
#include "core/column.h"
#include "progress.h"

/* -- looked for first */

/*
 * The conversation asked in, where the reply stands if it exists, where it may go if the person prefers another
 * channel, and the messages that it would cover. These are read before the locks: nothing but a merge of two people or
 * a newer opening changes them, and then place and beginning of the turn are others than here. Lateral queries are
 * fences: whatever the statistics say, every row is found by its key.
 */
static const struct statement turn_commit_find = {
    .name = "turn_commit_find",
    .sql =
        "select v.n, t.after_position, array(select m.id from crm.messages m where m.conversation_id = t.conversation_id "
        "           and m.position > t.after_position and m.position <= v.covered_position and m.direction = 'inbound' "
        "           order by m.position) as covered, c.lead_id, t.conversation_id, r.conversation_id as reply_id, y.id as preferred_id "
        "from unnest($1::uuid[], $2::uuid[], $3::bigint[]) with ordinality as v(job_id, company_id, covered_position, n) "
        "cross join lateral (select * from crm.turns where job_id = v.job_id and not taken_back and company_id = v.company_id limit 1) t "
        "cross join lateral (select lead_id from crm.conversations where id = t.conversation_id limit 1) c "
        "cross join lateral (select preferred_channel from crm.leads where id = c.lead_id limit 1) l "
        "left join lateral (select conversation_id from crm.messages where id = t.message_id limit 1) r on true "
        "left join lateral (select y.id from crm.conversations y where y.lead_id = c.lead_id and y.state = 'open' "
        "    and y.channel = l.preferred_channel and y.id <> t.conversation_id offset 0) y on l.preferred_channel is not null",
};

enum { FOUND_N, FOUND_AFTER, FOUND_COVERED, FOUND_LEAD, FOUND_CONVERSATIONS }; /* from there on */

static void covered_take(struct commit_batch *work, const struct rows *rows, size_t row)
{
    struct commit *commit = &work->list[rows_int(rows, row, FOUND_N) - 1];
    commit->covered_after = rows_int(rows, row, FOUND_AFTER);
    commit->covered_in = rows_text(rows, row, FOUND_CONVERSATIONS);
    commit->covered_count = rows_texts(rows, row, FOUND_COVERED, work->batch->arena, &commit->covered_ids);
}

enum status commits_hold_found(struct commit_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, work->count, i, work->list[i].request->job_id);
    COLUMN_UUIDS(params, work->count, i, work->list[i].item->caller.company_id);
    COLUMN_BIGINTS(params, work->count, i, work->list[i].request->covered_position);
    struct rows rows;
    TRY(db_run(work->batch->db, arena, &turn_commit_find, params, &rows, error));
    struct ids conversations = { .arena = arena }, jobs = { .arena = arena }, leads = { .arena = arena };
    for (size_t row = 0; row < rows.count; row++) {
        covered_take(work, &rows, row);
        if (progress_wanted(work->list[rows_int(&rows, row, FOUND_N) - 1].request))
            ids_add(&leads, rows_text(&rows, row, FOUND_LEAD));
        for (int column = FOUND_CONVERSATIONS; column < (int)rows.columns; column++)
            ids_add(&conversations, rows_text(&rows, row, column));
    }
    for (size_t i = 0; i < work->count; i++)
        ids_add(&jobs, text_lower(arena, work->list[i].request->job_id));
    hold_leads(&work->held, &leads);
    hold_conversations(&work->held, &conversations);
    hold_turns_of_jobs(&work->held, &jobs);
    hold_reach(&work->held, &conversations);
    return hold_read(&work->held, error);
}

/* -- named by the request */

bool commit_names_all(const Pb__TurnCommitRequest *request)
{
    return ident_valid(request->conversation_id) && !progress_wanted(request); /* that one's lead is held first */
}

/* As turn_commit_find, of turns that stand where the request says, and under the conversation's lock. */
static const struct statement turn_commit_covers = {
    .name = "turn_commit_covers",
    .sql =
        "select v.n, t.after_position, array(select m.id from crm.messages m where m.conversation_id = v.conversation_id "
        "           and m.position > t.after_position and m.position <= v.covered_position and m.direction = 'inbound' "
        "           order by m.position) as covered, null as lead_id, v.conversation_id "
        "from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[]) with ordinality "
        "    as v(job_id, company_id, covered_position, conversation_id, n) "
        "cross join lateral (select after_position, conversation_id from crm.turns where job_id = v.job_id and not taken_back "
        "    and company_id = v.company_id limit 1) t where t.conversation_id = v.conversation_id",
};

static void covers_queue(struct commit_batch *work, struct rows *rows)
{
    struct params *params = params_new(work->batch->arena);
    COLUMN_UUIDS(params, work->count, i, work->list[i].request->job_id);
    COLUMN_UUIDS(params, work->count, i, work->list[i].item->caller.company_id);
    COLUMN_BIGINTS(params, work->count, i, work->list[i].request->covered_position);
    COLUMN_UUIDS(params, work->count, i, work->list[i].request->conversation_id);
    db_queue(work->batch->db, work->batch->arena, &turn_commit_covers, params, rows);
}

enum status commits_hold_named(struct commit_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ids conversations = { .arena = arena }, jobs = { .arena = arena };
    struct rows covers = { 0 };
    for (size_t i = 0; i < work->count; i++) {
        work->list[i].named = true;
        ids_add(&conversations, text_lower(arena, work->list[i].request->conversation_id));
        ids_add(&jobs, text_lower(arena, work->list[i].request->job_id));
    }
    hold_conversations(&work->held, &conversations);
    hold_turns_of_jobs(&work->held, &jobs);
    hold_reach(&work->held, &conversations);
    work->held.reach_wanted = 0; /* whoever named a conversation that is not there is judged alone */
    covers_queue(work, &covers);
    TRY(hold_read(&work->held, error));
    for (size_t row = 0; row < covers.count; row++)
        covered_take(work, &covers, row);
    return OK;
}

/* Its rows are all held: nothing was committed before, and the reply leaves where the customer wrote. */
bool commit_is_plain(const struct held *held, const struct commit *commit)
{
    const struct held_conversation *conversation = held_conversation(held, commit->turn->conversation_id);
    if (!conversation || !conversation->reach || text_same(commit->turn->state, "committed"))
        return false;
    const char *preferred = conversation->reach->preferred_channel;
    return text_empty(preferred) || text_same(preferred, conversation->channel);
}
