#include "context.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/config.h"
#include "core/map.h"
#include "core/transaction.h"
#include "media/media_kind.h"
#include "wire/pbrow.h"

enum {
    HISTORY_TEXT_BYTES_MAX = 4 * 1024, /* of one earlier message; its end is cut */
    NOTE_BYTES_MAX = 200,              /* of a quote or file name beside it */
    HISTORY_BYTES_MAX = 64 * 1024,     /* of all; the oldest give way */
    FALLBACKS_MAX = 3,                 /* models after the first */
};

/*
 * One row per conversation: the person, the stage, the model (the stage's before the company's), the session. Lateral
 * queries are fences: whatever the statistics say, every row is found by its key.
 */
static const struct statement context_base = {
    .name = "context_base",
    .sql =
        "select v.id as conversation_id, c.company_id, o.name as company_name, o.company_card, nullif(o.ai_policy, '{}') as ai_policy, o.locale, c.lead_id, "
        "       l.contact_name, s.name as stage, s.ai_config as stage_policy, coalesce(a.provider, '') as provider, "
        "       coalesce(a.model, '') as model, a.temperature, a.max_tokens as tokens_max, a.system_prompt, a.prompt_version, "
        "       a.model_count, e.memory, e.summary, coalesce(k.chunk_count, 0) > 0 as documents, "
        "       c.ai_notes, case when o.ai_typing then c.channel end as typing_channel, "
        "       case jsonb_typeof(s.ai_config -> 'actions') when 'array' then array(select jsonb_array_elements_text(s.ai_config -> 'actions')) "
        "           else o.ai_actions || case when s.ai_config ? 'collect' then '{note}'::text[] else '{}' end "
        "               || case when s.ai_config ? 'moves' then '{move_stage}'::text[] else '{}' end end as actions, "
        "       coalesce(s.ai_config -> 'answers' = 'false', false) as silent, "
        "       case when s.ai_config ? 'collect' then crm.noted_names(l.attributes) end as noted, nullif(o.hand_over, '{}') as hand_over, "
        "       case when o.budgets <> '{}' then crm.ai_budget_reached(o.budgets, c.company_id, v.id, c.lead_id, crm.ai_day($4, o.timezone)) end as budget, "
        "       coalesce(o.buffer_ms, $2) as buffer_ms, coalesce(o.buffer_max_ms, $3) as buffer_max_ms, o.media_wait_ms, l.opted_out_at "
        "from unnest($1::uuid[]) as v(id) "
        "cross join lateral (select company_id, lead_id, channel, ai_notes from crm.conversations where id = v.id limit 1) c "
        "cross join lateral (select stage_id, contact_name, opted_out_at, attributes from crm.leads where id = c.lead_id limit 1) l "
        "cross join lateral (select * from crm.companies where id = c.company_id limit 1) o "
        "cross join lateral (select name, ai_config from crm.stages where id = l.stage_id limit 1) s "
        "left join lateral (select chunk_count from crm.kb_companies where company_id = c.company_id limit 1) k on true "
        "left join lateral (select memory, summary from crm.ai_sessions where conversation_id = v.id limit 1) e on true "
        "left join lateral (select m.*, count(*) over () as model_count from crm.ai_models m where m.company_id = c.company_id "
        "    and (m.stage_id = l.stage_id or m.stage_id is null) order by m.stage_id nulls last, m.position limit 1) a on true",
};
static const struct cell terms_cells[] = {
    CELL(context_terms, conversation_id, CELL_TEXT),
    CELL(context_terms, buffer_ms, CELL_INT),
    CELL(context_terms, buffer_max_ms, CELL_INT),
    CELL(context_terms, opted_out_at, CELL_MOMENT),
    CELL(context_terms, documents, CELL_BOOL),
    CELL(context_terms, ai_notes, CELL_BOOL),
    CELL(context_terms, model_count, CELL_INT),
    CELL(context_terms, hand_over, CELL_TEXT),
    CELL(context_terms, budget, CELL_TEXT),
    CELL(context_terms, silent, CELL_BOOL),
    { 0 },
};

/* What comes after the first, for the companies that have more than one. */
static const struct statement context_models = {
    .name = "context_models",
    .sql =
        "select v.id as conversation_id, m.provider, m.model, m.temperature, m.max_tokens as tokens_max, m.system_prompt, "
        "       m.prompt_version "
        "from unnest($1::uuid[]) as v(id) "
        "cross join lateral (select company_id, lead_id from crm.conversations where id = v.id limit 1) c "
        "cross join lateral (select stage_id from crm.leads where id = c.lead_id limit 1) l "
        "cross join lateral (select m.* from crm.ai_models m where m.company_id = c.company_id "
        "    and (m.stage_id = l.stage_id or m.stage_id is null) order by m.stage_id nulls last, m.position "
        "    offset 1 limit $2) m "
        "order by v.id, m.stage_id nulls last, m.position",
};

struct line {
    const char *conversation_id, *id, *sender, *kind, *text;
    const char *name, *filename, *quoted; /* of an operator, a document, what it answers; NULL: none */
    const char *media_kind, *media_state, *media_type, *media_sha256; /* of what is owed: its file; NULL: none */
    int64_t media_bytes;
    int64_t position, place;
    moment at;
};
static const struct cell line_cells[] = {
    CELL(line, conversation_id, CELL_TEXT),
    CELL(line, id, CELL_TEXT),
    CELL(line, sender, CELL_TEXT),
    CELL(line, kind, CELL_TEXT),
    CELL(line, text, CELL_TEXT),
    CELL(line, name, CELL_TEXT),
    CELL(line, filename, CELL_TEXT),
    CELL(line, quoted, CELL_TEXT),
    CELL(line, position, CELL_INT),
    CELL(line, place, CELL_INT),
    CELL(line, at, CELL_MOMENT),
    { 0 },
};
/* Beside them, of what is owed. */
static const struct cell media_cells[] = {
    CELL(line, media_kind, CELL_TEXT),   CELL(line, media_state, CELL_TEXT), CELL(line, media_type, CELL_TEXT),
    CELL(line, media_sha256, CELL_TEXT), CELL(line, media_bytes, CELL_INT),  { 0 },
};

/* What a message quotes is found by the provider's id; most quote nothing, and nothing is looked for. */
#define QUOTED(message)                                                                                                           \
    "left join lateral (select coalesce(nullif(q.message_text, ''), q.media_info ->> 'caption', '[' || q.kind || ']') as quoted " \
    "    from crm.messages q where " message ".reply_to is not null and q.channel_account_id = " message                          \
    ".channel_account_id and q.external_id = " message ".reply_to limit 1) q on " message ".reply_to is not null "

static const struct statement context_owed = {
    .name = "context_owed",
    .sql =
        "select v.id as conversation_id, m.id, m.sender_type as sender, m.kind, m.message_text as text, null as name, "
        "       m.media_info ->> 'filename' as filename, q.quoted, m.position, m.position as place, m.created_at as at, "
        "       case when m.media_info ? 'id' then m.kind end as media_kind, f.state as media_state, f.sha256 as media_sha256, f.bytes as media_bytes, "
        "       coalesce(f.mime_type, m.media_info ->> 'mime_type') as media_type "
        "from unnest($1::uuid[]) as v(id) "
        "cross join lateral (select covered_position from crm.conversations where id = v.id limit 1) c "
        "cross join lateral (select * from crm.messages m where m.conversation_id = v.id and m.position > c.covered_position "
        "    and m.direction = 'inbound' and m.wants_answer order by m.position limit $2) m "
        "left join lateral jsonb_to_record(m.media_info -> 'file') as f(state text, sha256 text, mime_type text, bytes bigint) on m.media_info ? 'file' " QUOTED(
            "m") " order by v.id, m.position",
};

/* What reached the person or will, and what they wrote, but for what is owed. A reply that went by another channel is
 * told where it belongs. */
static const struct statement context_history = {
    .name = "context_history",
    .sql =
        "select v.id as conversation_id, h.id, h.sender_type as sender, h.kind, h.text, h.name, h.filename, q.quoted, h.position, h.place, "
        "       h.created_at as at "
        "from unnest($1::uuid[]) as v(id) "
        "cross join lateral (select covered_position from crm.conversations where id = v.id limit 1) c "
        "cross join lateral ( "
        "    (select m.id, m.sender_type, m.kind, coalesce(nullif(m.message_text, ''), m.media_info ->> 'caption') as text, m.position, "
        "            2 * m.position as place, m.created_at, case when m.sender_type = 'operator' then m.sender_id end as name, "
        "            m.media_info ->> 'filename' as filename, m.reply_to, m.channel_account_id "
        "     from crm.messages m where m.conversation_id = v.id "
        "       and m.status not in ('cancelled', 'withdrawn', 'held', 'failed') "
        "       and not (m.direction = 'inbound' and m.wants_answer and m.position > c.covered_position) "
        "     order by m.position desc limit $2) "
        "    union all "
        "    (select m.id, m.sender_type, m.kind, m.message_text, t.covered_position, 2 * t.covered_position + 1, m.created_at, null, null, null, null::uuid "
        "     from crm.turns t cross join lateral (select * from crm.messages where id = t.message_id limit 1) m "
        "     where t.conversation_id = v.id and t.reply_elsewhere and t.state = 'committed' and m.conversation_id <> v.id "
        "       and m.status not in ('cancelled', 'withdrawn', 'held', 'failed') "
        "     order by t.opened_position desc limit $2)) h " QUOTED("h") " order by v.id, h.place desc",
};

/* Media by a short note: "[document offer.pdf: Our offer]". */
char *context_text(struct arena *arena, const char *kind, const char *filename, const char *text, size_t bytes_max)
{
    const char *gap = text_empty(filename) ? "" : " ", *colon = text_empty(text) ? "" : ": ";
    char *said = text_cut(arena, text_or(text, ""), bytes_max);
    if (text_same(kind, "text"))
        return said;
    return text_format(arena, "[%s%s%s%s%s]", kind, gap, text_cut(arena, text_or(filename, ""), NOTE_BYTES_MAX), colon,
                       said);
}

/* Text as a model reads it: what it answers stands before it. */
static char *line_text(struct arena *arena, const struct line *line, size_t bytes_max)
{
    char *said = context_text(arena, line->kind, line->filename, line->text, bytes_max);
    if (text_empty(line->quoted))
        return said;
    return text_format(arena, "[in reply to \"%s\"] %s", text_cut(arena, line->quoted, NOTE_BYTES_MAX), said);
}

static Pb__TurnMessage *line_message(struct arena *arena, const struct line *line, size_t bytes_max)
{
    Pb__TurnMessage *message = PB_NEW(arena, turn_message);
    message->id = (char *)line->id;
    PB_SET(message, position, line->position);
    message->sender = (char *)line->sender;
    message->name = (char *)line->name;
    message->text = line_text(arena, line, bytes_max);
    PB_SET(message, at, line->at);
    if (!line->media_kind)
        return message;
    message->media_kind = (char *)line->media_kind;
    message->media_state = (char *)line->media_state;
    message->media_type = media_type_bare(arena, line->media_type);
    message->media_sha256 = (char *)line->media_sha256;
    PB_SET(message, media_bytes, line->media_bytes);
    return message;
}

/* Lines stand by conversation. Answers how many follow from `from` on for the same one. */
static size_t lines_together(const struct line *lines, size_t count, size_t from)
{
    size_t to = from;
    while (to < count && text_same(lines[to].conversation_id, lines[from].conversation_id))
        to++;
    return to - from;
}

/* The oldest ones that fit; the first always does. */
static void owed_fill(struct arena *arena, Pb__TurnContext *context, const struct line *lines, size_t count)
{
    size_t bytes = 0;
    context->owed = ARENA_ARRAY(arena, Pb__TurnMessage *, count);
    for (size_t i = 0; i < count; i++) {
        Pb__TurnMessage *message = line_message(arena, &lines[i], TURN_OWED_BYTES_MAX);
        bytes += strlen(message->text);
        if (i && bytes > TURN_OWED_BYTES_MAX)
            return;
        context->owed[context->n_owed++] = message;
    }
}

/* Lines come newest first; the newest that fit are kept, and told oldest first. */
static void history_fill(struct arena *arena, Pb__TurnContext *context, const struct line *lines, size_t count)
{
    size_t kept = 0, bytes = 0;
    Pb__TurnMessage **newest = ARENA_ARRAY(arena, Pb__TurnMessage *, TURN_HISTORY_ITEMS_MAX);
    for (; kept < count && kept < TURN_HISTORY_ITEMS_MAX; kept++) {
        newest[kept] = line_message(arena, &lines[kept], HISTORY_TEXT_BYTES_MAX);
        bytes += strlen(newest[kept]->text);
        if (bytes > HISTORY_BYTES_MAX)
            break;
    }
    context->history = ARENA_ARRAY(arena, Pb__TurnMessage *, kept + 1);
    context->n_history = kept;
    for (size_t i = 0; i < kept; i++)
        context->history[i] = newest[kept - 1 - i];
}

static void lines_add_media(struct arena *arena, const struct rows *rows, struct line *lines)
{
    const struct line *media = cells_read(arena, rows, media_cells, sizeof *media);
    for (size_t i = 0; i < rows->count; i++) {
        lines[i].media_kind = media[i].media_kind;
        lines[i].media_state = media[i].media_state;
        lines[i].media_type = media[i].media_type;
        lines[i].media_sha256 = media[i].media_sha256;
        lines[i].media_bytes = media[i].media_bytes;
    }
}

typedef void context_fill(struct arena *arena, Pb__TurnContext *context, const struct line *lines, size_t count);

static void lines_fill(struct arena *arena, const struct rows *rows, context_fill *fill, const struct map *contexts)
{
    struct line *lines = cells_read(arena, rows, line_cells, sizeof *lines);
    if (rows->count && rows_column(rows, "media_kind") >= 0)
        lines_add_media(arena, rows, lines);
    for (size_t from = 0, together; from < rows->count; from += together) {
        together = lines_together(lines, rows->count, from);
        Pb__TurnContext *context = map_find(contexts, lines[from].conversation_id);
        if (context)
            fill(arena, context, lines + from, together);
    }
}

static Pb__TurnContext *context_of(Pb__TurnContext *const *contexts, size_t count, const char *conversation_id)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(contexts[i]->conversation_id, conversation_id))
            return contexts[i];
    return NULL;
}

static struct params *context_params(struct batch *batch, const struct ids *conversations)
{
    struct params *params = params_new(batch->arena);
    params_uuids(params, conversations->list, conversations->count);
    return params;
}

enum status context_add_models(struct batch *batch, Pb__TurnContext *const *contexts, size_t count, struct error *error)
{
    struct ids conversations = { .arena = batch->arena };
    for (size_t i = 0; i < count; i++)
        if (contexts[i]->fallbacks)
            ids_add(&conversations, contexts[i]->conversation_id);
    if (!conversations.count)
        return OK;
    struct params *params = context_params(batch, &conversations);
    params_int(params, FALLBACKS_MAX);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &context_models, params, &rows, error));
    int conversation = rows_column(&rows, "conversation_id");
    for (size_t row = 0; row < rows.count; row++) {
        Pb__TurnContext *context = context_of(contexts, count, rows_text(&rows, row, conversation));
        assert(context && context->fallbacks && context->n_fallbacks < FALLBACKS_MAX);
        context->fallbacks[context->n_fallbacks++] = pbrow_read(batch->arena, &pb__turn_model__descriptor, &rows, row);
    }
    return OK;
}

static void lines_queue(struct batch *batch, const struct statement *statement, int64_t lines_max,
                        const struct ids *conversations, struct rows *rows)
{
    struct params *params = context_params(batch, conversations);
    params_int(params, lines_max);
    db_queue(batch->db, batch->arena, statement, params, rows);
}

void context_queue(struct batch *batch, const struct ids *conversations, struct context_reading *reading)
{
    *reading = (struct context_reading){ 0 };
    if (!conversations->count)
        return;
    struct params *params = context_params(batch, conversations);
    params_int(params, config_buffer_ms);
    params_int(params, config_buffer_max_ms);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &context_base, params, &reading->base);
    lines_queue(batch, &context_owed, TURN_OWED_ITEMS_MAX, conversations, &reading->owed);
    lines_queue(batch, &context_history, TURN_HISTORY_ITEMS_MAX, conversations, &reading->history);
}

enum status context_take(struct batch *batch, const struct ids *conversations, struct context_reading *reading,
                         struct error *error)
{
    struct context_terms *terms = cells_read(batch->arena, &reading->base, terms_cells, sizeof *terms);
    reading->terms = terms;
    reading->rows = map_new(batch->arena, reading->base.count);
    for (size_t row = 0; row < reading->base.count; row++)
        *map_at(reading->rows, terms[row].conversation_id) = &terms[row];
    if (reading->base.count < conversations->count)
        return error_code(error, RETRY, TRANSACTION_AGAIN, "the lead is being changed");
    return OK;
}

const struct context_terms *context_terms_of(const struct context_reading *reading, const char *conversation_id)
{
    return map_find(reading->rows, conversation_id);
}

void context_read(struct arena *arena, const struct context_reading *reading, struct context_task *tasks, size_t count)
{
    struct map *contexts = map_new(arena, count);
    for (size_t i = 0; i < count; i++) {
        const struct context_terms *terms = context_terms_of(reading, tasks[i].conversation->id);
        tasks[i].context =
            pbrow_read(arena, &pb__turn_context__descriptor, &reading->base, (size_t)(terms - reading->terms));
        tasks[i].unfinished = terms->documents || terms->ai_notes || terms->model_count > 1;
        if (terms->model_count > 1)
            tasks[i].context->fallbacks = ARENA_ARRAY(arena, Pb__TurnModel *, FALLBACKS_MAX);
        *map_at(contexts, tasks[i].conversation->id) = tasks[i].context;
    }
    lines_fill(arena, &reading->owed, owed_fill, contexts);
    lines_fill(arena, &reading->history, history_fill, contexts);
}
