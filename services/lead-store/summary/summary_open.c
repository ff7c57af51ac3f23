/* store.summary.open: what of a lead is to be told or remembered next, and by which model. */
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/silence.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/hold.h"
#include "core/transaction.h"
#include "summary.h"
#include "turn/context.h"

enum { CONVERSATIONS_MAX = 8, LINE_BYTES_MAX = 2 * 1024 };

/* A conversation of the lead with what its session's summary does not hold, oldest first. */
struct thread {
    const char *id;
    int64_t n, last_position, remembered_position; /* n: of the item, from 1 */
    const char *summary;                           /* of what is remembered */
    const struct said *said;
    size_t count;
};
static const struct cell thread_cells[] = {
    CELL(thread, id, CELL_TEXT),           CELL(thread, n, CELL_INT),
    CELL(thread, last_position, CELL_INT), CELL(thread, remembered_position, CELL_INT),
    CELL(thread, summary, CELL_TEXT),      { 0 },
};

struct said {
    const char *conversation_id, *id, *sender, *name, *kind, *filename, *text;
    int64_t position;
    moment at;
};
static const struct cell said_cells[] = {
    CELL(said, conversation_id, CELL_TEXT),
    CELL(said, id, CELL_TEXT),
    CELL(said, sender, CELL_TEXT),
    CELL(said, name, CELL_TEXT),
    CELL(said, kind, CELL_TEXT),
    CELL(said, filename, CELL_TEXT),
    CELL(said, text, CELL_TEXT),
    CELL(said, position, CELL_INT),
    CELL(said, at, CELL_MOMENT),
    { 0 },
};

struct opening {
    struct item *item;
    const Pb__SummaryOpenRequest *request;
    const struct thread *threads; /* newest first */
    size_t count;
    const struct thread *remember; /* NULL: nothing has to be remembered first */
    int64_t covered_position;      /* of that */
    Pb__SummaryOpened *reply;
};

/* Whoever became somebody else is that one. */
static const struct statement threads_find = {
    .name = "summary_threads",
    .sql =
        "select v.n, c.id, c.last_position, c.remembered_position, e.summary "
        "from unnest($1::uuid[], $2::uuid[]) with ordinality as v(lead_id, company_id, n) "
        "cross join lateral (select coalesce(merged_into, id) as id from crm.leads where id = v.lead_id and company_id = v.company_id limit 1) l "
        "cross join lateral (select * from crm.conversations where lead_id = l.id and company_id = v.company_id "
        "                    order by updated_at desc, id limit $3) c "
        "left join lateral (select summary from crm.ai_sessions where conversation_id = c.id limit 1) e on true "
        "order by v.n, c.updated_at desc, c.id",
};
static const struct statement said_find = {
    .name = "summary_said",
    .sql =
        "select m.conversation_id, m.id, m.sender_type as sender, case when m.sender_type = 'operator' then m.sender_id end as name, m.kind, "
        "       m.media_info ->> 'filename' as filename, coalesce(nullif(m.message_text, ''), m.media_info ->> 'caption') as text, "
        "       m.position, m.created_at as at "
        "from (select distinct * from unnest($1::uuid[], $2::bigint[]) as asked(id, remembered_position)) v "
        "cross join lateral (select * from crm.messages m where m.conversation_id = v.id and m.position > v.remembered_position "
        "    and m.status not in ('cancelled', 'withdrawn', 'held', 'failed') order by m.position limit $3) m "
        "order by m.conversation_id, m.position",
};

static enum status threads_read(struct batch *batch, struct opening *list, size_t count, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows, lines;
    COLUMN_TEXTS(params, count, i, list[i].request->lead_id);
    COLUMN_TEXTS(params, count, i, list[i].item->caller.company_id);
    params_int(params, CONVERSATIONS_MAX);
    TRY(db_run(batch->db, batch->arena, &threads_find, params, &rows, error));
    struct thread *threads = cells_read(batch->arena, &rows, thread_cells, sizeof *threads);
    params = params_new(batch->arena);
    COLUMN_TEXTS(params, rows.count, i, threads[i].id);
    COLUMN_INTS(params, rows.count, i, threads[i].remembered_position);
    params_int(params, MEMORY_CHUNK);
    TRY(db_run(batch->db, batch->arena, &said_find, params, &lines, error));
    const struct said *said = cells_read(batch->arena, &lines, said_cells, sizeof *said);
    for (size_t i = 0; i < rows.count; i++) {
        struct opening *opening = &list[threads[i].n - 1];
        opening->threads = opening->count ? opening->threads : &threads[i];
        opening->count++;
        for (size_t line = 0; line < lines.count; line++)
            if (text_same(said[line].conversation_id, threads[i].id)) {
                threads[i].said = threads[i].count ? threads[i].said : &said[line];
                threads[i].count++;
            }
    }
    return OK;
}

/* -- which step */

/* The newest position that may go into the session's summary now; 0: none. */
static int64_t memory_end(const struct thread *thread)
{
    int64_t end = 0, left = thread->last_position - MEMORY_LEFT;
    if (thread->last_position - thread->remembered_position < MEMORY_DUE)
        return 0;
    for (size_t i = 0; i < thread->count && thread->said[i].position <= left; i++)
        end = thread->said[i].position;
    return end;
}

static void step_choose(struct opening *opening)
{
    for (size_t i = 0; i < opening->count && !opening->remember; i++) {
        opening->covered_position = memory_end(&opening->threads[i]);
        opening->remember = opening->covered_position ? &opening->threads[i] : NULL;
    }
}

static const struct said *newest_said(const struct opening *opening)
{
    const struct said *newest = NULL;
    for (size_t i = 0; i < opening->count; i++) {
        const struct thread *thread = &opening->threads[i];
        const struct said *last = thread->count ? &thread->said[thread->count - 1] : NULL;
        newest = last && (!newest || last->at > newest->at) ? last : newest;
    }
    return newest;
}

/* Whose model is asked; NULL: nothing is to be done. */
static const char *conversation_of(const struct opening *opening)
{
    const struct said *newest = newest_said(opening);
    if (opening->remember)
        return opening->remember->id;
    return newest && !opening->request->memory_only ? newest->conversation_id : NULL;
}

/* -- what is told */

static Pb__TurnMessage *message_of(struct arena *arena, const struct said *said)
{
    Pb__TurnMessage *message = PB_NEW(arena, turn_message);
    message->id = (char *)said->id;
    PB_SET(message, position, said->position);
    message->sender = (char *)said->sender;
    message->name = (char *)said->name;
    message->text = context_text(arena, said->kind, said->filename, said->text, LINE_BYTES_MAX);
    PB_SET(message, at, said->at);
    return message;
}

static void history_add(struct arena *arena, Pb__TurnContext *context, const struct thread *thread, int64_t end)
{
    for (size_t i = 0; i < thread->count && thread->said[i].position <= end; i++)
        context->history[context->n_history++] = message_of(arena, &thread->said[i]);
}

static void remember_fill(struct arena *arena, const struct opening *opening, Pb__TurnContext *context)
{
    Pb__SummaryOpened *reply = opening->reply;
    PB_SET(reply, step, PB__SUMMARY_STEP__SUMMARY_STEP_REMEMBER);
    PB_SET(reply, after_position, opening->remember->remembered_position);
    PB_SET(reply, covered_position, opening->covered_position);
    context->summary = (char *)opening->remember->summary;
    history_add(arena, context, opening->remember, opening->covered_position);
}

/* All conversations of the lead: what is remembered of each, then what is not, the newest last. */
static void tell_fill(struct arena *arena, const struct opening *opening, Pb__TurnContext *context)
{
    Pb__SummaryOpened *reply = opening->reply;
    const struct said *newest = newest_said(opening);
    struct buffer summary = { .arena = arena };
    PB_SET(reply, step, PB__SUMMARY_STEP__SUMMARY_STEP_TELL);
    PB_SET(reply, covered_position, newest->position);
    PB_SET(reply, covered_at, newest->at);
    for (size_t i = opening->count; i-- > 0;) {
        const struct thread *thread = &opening->threads[i];
        if (!text_empty(thread->summary))
            buffer_format(&summary, "%s%s", summary.bytes ? "\n" : "", thread->summary);
        history_add(arena, context, thread, thread->last_position);
    }
    context->summary = (char *)buffer_text(&summary);
}

static void opening_tell(struct arena *arena, struct opening *opening, Pb__TurnContext *context)
{
    size_t lines = 0;
    for (size_t i = 0; i < opening->count; i++)
        lines += opening->threads[i].count;
    opening->reply->conversation_id = context->conversation_id;
    opening->reply->context = context;
    context->history = ARENA_ARRAY(arena, Pb__TurnMessage *, lines + 1);
    context->n_history = context->n_owed = 0;
    if (opening->remember)
        remember_fill(arena, opening, context);
    else
        tell_fill(arena, opening, context);
}

/* -- the batch */

static enum status contexts_read(struct batch *batch, struct opening *list, size_t count, struct error *error)
{
    struct arena *arena = batch->arena;
    struct held held = { .batch = batch };
    struct ids conversations = { .arena = arena };
    struct context_reading reading;
    for (size_t i = 0; i < count; i++)
        ids_add(&conversations, conversation_of(&list[i]));
    if (!conversations.count)
        return OK;
    hold_conversations(&held, &conversations);
    context_queue(batch, &conversations, &reading);
    TRY(hold_read(&held, error));
    TRY(context_take(batch, &conversations, &reading, error));
    struct context_task *tasks = ARENA_ARRAY(arena, struct context_task, count);
    for (size_t i = 0; i < count; i++) {
        const char *conversation_id = conversation_of(&list[i]);
        if (!conversation_id)
            continue;
        const char *budget = context_terms_of(&reading, conversation_id)->budget;
        if (!text_empty(budget)) {
            list[i].reply->reason = (char *)budget;
            continue;
        }
        tasks[i].conversation = held_conversation(&held, conversation_id);
        context_read(arena, &reading, &tasks[i], 1);
        if (tasks[i].context->fallbacks)
            TRY(context_add_models(batch, &tasks[i].context, 1, error));
        opening_tell(arena, &list[i], tasks[i].context);
    }
    return OK;
}

static enum status summary_open_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct opening *list = ARENA_ARRAY(batch->arena, struct opening, count);
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct opening){ .item = items[i], .request = items[i]->message };
        list[i].reply = PB_NEW(batch->arena, summary_opened);
        items[i]->reply = &list[i].reply->base;
        PB_SET(list[i].reply, step, PB__SUMMARY_STEP__SUMMARY_STEP_NOTHING);
        list[i].reply->reason = list[i].request->memory_only ? "remembered" : "no_messages";
    }
    TRY(threads_read(batch, list, count, error));
    for (size_t i = 0; i < count; i++)
        step_choose(&list[i]);
    return contexts_read(batch, list, count, error);
}

void summary_open(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__SummaryOpenRequest *request = item->message;
        if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->lead_id, "")))
            item_fail(item, REJECT, "unknown_lead", "there is no such lead");
    }
    transaction_run(batch, summary_open_work);
}
