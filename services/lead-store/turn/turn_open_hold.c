/* The rows that turns are opened on, found, locked and read. */
#include "base/ident.h"
#include "base/text.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/transaction.h"
#include "opening.h"

static const struct cell asked_cells[] = {
    CELL(asked, id, CELL_TEXT),
    CELL(asked, conversation_id, CELL_TEXT),
    CELL(asked, reply_conversation_id, CELL_TEXT),
    CELL(asked, position, CELL_INT),
    CELL(asked, wants_answer, CELL_BOOL),
    CELL(asked, created_at, CELL_MOMENT),
    CELL(asked, n, CELL_INT),
    { 0 },
};
static const struct statement turn_asked_find = {
    .name = "turn_asked_find",
    .sql =
        "select m.id, m.conversation_id, m.position, m.wants_answer, m.created_at, r.conversation_id as reply_conversation_id, a.n "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as a(message_id, company_id, job_id, n) "
        "cross join lateral (select * from crm.messages where id = a.message_id and company_id = a.company_id "
        "                    and direction = 'inbound' limit 1) m "
        "left join lateral (select message_id from crm.turns where job_id = a.job_id and not taken_back and company_id = a.company_id limit 1) t on true "
        "left join lateral (select conversation_id from crm.messages where id = t.message_id limit 1) r on true",
};

static void asked_queue(struct opening_batch *work, struct rows *rows)
{
    struct arena *arena = work->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, work->count, i, work->list[i].request->message_id);
    COLUMN_UUIDS(params, work->count, i, work->list[i].item->caller.company_id);
    COLUMN_UUIDS(params, work->count, i, work->list[i].request->job_id);
    db_queue(work->batch->db, arena, &turn_asked_find, params, rows);
}

static void asked_take(struct opening_batch *work, const struct rows *rows)
{
    const struct asked *asked = cells_read(work->batch->arena, rows, asked_cells, sizeof *asked);
    for (size_t i = 0; i < work->count; i++)
        work->list[i].asked = NULL;
    for (size_t row = 0; row < rows->count; row++)
        work->list[asked[row].n - 1].asked = &asked[row];
}

static enum status openings_find(struct opening_batch *work, struct error *error)
{
    struct rows rows;
    asked_queue(work, &rows);
    TRY(db_flush(work->batch->db, error));
    asked_take(work, &rows);
    return OK;
}

/* What a job says of its message's place is believed once: the mark stays with the item when its batch is run again. */
static bool all_tell(struct opening_batch *work)
{
    static const char believed;
    bool all = true;
    for (size_t i = 0; i < work->count; i++) {
        struct item *item = work->list[i].item;
        all &= !item->state && ident_valid(text_or(work->list[i].request->conversation_id, ""));
        item->state = (void *)&believed;
    }
    return all;
}

/* In one round trip, where all jobs say it. */
static enum status openings_hold_told(struct opening_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ids conversations = { .arena = arena }, jobs = { .arena = arena };
    struct rows asked;
    for (size_t i = 0; i < work->count; i++) {
        ids_add(&conversations, text_lower(arena, work->list[i].request->conversation_id));
        ids_add(&jobs, text_lower(arena, work->list[i].request->job_id));
    }
    hold_conversations(&work->held, &conversations);
    asked_queue(work, &asked);
    hold_turns_of_jobs(&work->held, &jobs);
    context_queue(work->batch, &conversations, &work->contexts);
    TRY(hold_read(&work->held, error));
    TRY(context_take(work->batch, &conversations, &work->contexts, error));
    asked_take(work, &asked);
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].asked && (!text_empty(work->list[i].asked->reply_conversation_id) ||
                                    !held_conversation(&work->held, work->list[i].asked->conversation_id)))
            return error_code(error, RETRY, TRANSACTION_AGAIN, "more rows are needed than the job names");
    return OK;
}

static enum status openings_hold_found(struct opening_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct ids conversations = { .arena = arena }, replied = { .arena = arena }, jobs = { .arena = arena };
    TRY(openings_find(work, error));
    for (size_t i = 0; i < work->count; i++) {
        if (work->list[i].asked) {
            ids_add(&conversations, work->list[i].asked->conversation_id);
            ids_add(&conversations, work->list[i].asked->reply_conversation_id);
            ids_add(&replied, work->list[i].asked->reply_conversation_id);
        }
        ids_add(&jobs, text_lower(arena, work->list[i].request->job_id));
    }
    hold_conversations(&work->held, &conversations);
    hold_turns_of_jobs(&work->held, &jobs);
    hold_reach(&work->held, &replied);
    context_queue(work->batch, &conversations, &work->contexts);
    TRY(hold_read(&work->held, error));
    return context_take(work->batch, &conversations, &work->contexts, error);
}

/*
 * A merge of two people moves the messages of one of two conversations and closes it; that may have happened between
 * the look and the lock. Nothing else moves a message.
 */
static enum status openings_settle(struct opening_batch *work, struct error *error)
{
    bool closed = false;
    for (size_t i = 0; i < work->held.conversation_count; i++)
        closed |= !text_same(work->held.conversations[i].state, "open");
    if (!closed)
        return OK;
    TRY(openings_find(work, error));
    for (size_t i = 0; i < work->count; i++)
        if (work->list[i].asked && !held_conversation(&work->held, work->list[i].asked->conversation_id))
            return error_code(error, RETRY, TRANSACTION_AGAIN, "the message has just moved to another conversation");
    return OK;
}

enum status openings_hold(struct opening_batch *work, struct error *error)
{
    TRY(all_tell(work) ? openings_hold_told(work, error) : openings_hold_found(work, error));
    return openings_settle(work, error);
}
