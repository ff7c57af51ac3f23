#include "note.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/handover.h"
#include "core/column.h"
#include "core/event.h"
#include "core/page.h"
#include "core/payload.h"
#include "core/write.h"
#include "wire/pbrow.h"

enum { NOTE_BYTES_MAX = 16 * 1024, NOTES_FOR_AI_MAX = 20 };

static enum status unknown_conversation(struct error *error)
{
    return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
}

/* -- store.note.add */

static const struct statement note_insert = {
    .name = "note_insert",
    .sql =
        "with talk as (select id, lead_id from crm.conversations where company_id = $2 and id = $3), "
        "made as (insert into crm.conversation_notes (id, company_id, conversation_id, lead_id, author, text, for_ai, created_at) "
        "         select $1, $2, id, lead_id, $4, $5, $6, $7 from talk on conflict (id) do nothing returning id), "
        "told as (update crm.conversations c set ai_notes = true from talk where $6 and c.id = talk.id and not c.ai_notes) "
        "select lead_id, exists (select from made) from talk",
};
static const struct statement note_read = {
    .name = "note_read",
    .sql = "select id, conversation_id, lead_id, author, text, for_ai, created_at from crm.conversation_notes "
           "where company_id = $1 and id = $2",
};

static const char *author_of(const Pb__NoteCreateRequest *request)
{
    return text_or(request->operator_, "operator");
}

static void note_created(struct event_list *events, const struct item *item, const char *id, const char *lead_id)
{
    const Pb__NoteCreateRequest *request = item->message;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "note_id", id);
    payload_text(&payload, "conversation_id", request->conversation_id);
    payload_bool(&payload, "for_ai", request->for_ai);
    event_note(events, (struct event_note){ .type = "note.created",
                                            .company_id = item->caller.company_id,
                                            .lead_id = lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = handover_actor(events->batch->arena, request->operator_),
                                            .correlation_id = item->caller.correlation_id });
}

static bool same(const Pb__Note *note, const Pb__NoteCreateRequest *request)
{
    return text_same(note->conversation_id, request->conversation_id) && text_same(note->text, request->text) &&
           text_same(note->author, author_of(request)) && note->for_ai == request->for_ai;
}

static enum status answer(struct batch *batch, struct item *item, const char *id, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    TRY(db_run(batch->db, batch->arena, &note_read, params, &rows, error));
    Pb__Note *note = rows.count ? pbrow_read(item->arena, &pb__note__descriptor, &rows, 0) : NULL;
    if (note && same(note, item->message))
        item->reply = &note->base;
    else
        item_fail(item, REJECT, "idempotency_mismatch", "the same Idempotency-Key came with another body before");
    return OK;
}

static enum status add_one(struct event_list *events, struct item *item, struct error *error)
{
    const Pb__NoteCreateRequest *request = item->message;
    struct batch *batch = events->batch;
    const char *key = text_empty(request->idempotency_key) ? NULL : request->idempotency_key;
    const char *id =
        key ? ident_named(batch->arena, "note", item->caller.company_id, key, NULL) : ident_fresh(batch->arena);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, id);
    params_text(params, item->caller.company_id);
    params_text(params, request->conversation_id);
    params_text(params, author_of(request));
    params_text(params, request->text);
    params_bool(params, request->for_ai);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &note_insert, params, &rows, error));
    if (!rows.count) {
        struct error unknown = { 0 };
        unknown_conversation(&unknown);
        write_refuse(item, &unknown);
        return OK;
    }
    if (rows_bool(&rows, 0, 1))
        note_created(events, item, id, rows_text(&rows, 0, 0));
    return answer(batch, item, id, error);
}

static enum status add_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    for (size_t i = 0; i < count; i++)
        TRY(add_one(&events, items[i], error));
    event_flush(&events);
    return OK;
}

static enum status add_check(const struct item *item, struct error *error)
{
    const Pb__NoteCreateRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->conversation_id, "")))
        return unknown_conversation(error);
    if (text_empty(request->text))
        return error_code(error, REJECT, "bad_value", "'text' must not be empty.");
    if (strlen(request->text) > NOTE_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'text' has more than %d bytes.", NOTE_BYTES_MAX);
    return OK;
}

void note_add(struct batch *batch)
{
    write_run(batch, add_check, add_work);
}

/* -- store.note.list, newest first */

static const struct statement notes_read = {
    .name = "notes_read",
    .sql =
        "select w.found, p.* from (select exists (select from crm.conversations where id = $2 and company_id = $1) as found) w "
        "left join lateral (select id, conversation_id, lead_id, author, text, for_ai, created_at from crm.conversation_notes n "
        "    where n.conversation_id = $2 and n.company_id = $1 "
        "      and ($3::timestamptz is null or (n.created_at, n.id) < ($3::timestamptz, $4::uuid)) "
        "    order by n.created_at desc, n.id desc limit $5) p on w.found",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__NoteListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    if (!ident_valid(text_or(request->conversation_id, "")))
        return unknown_conversation(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->conversation_id);
    params_moment(params, page.from.at);
    params_text(params, page.from.id);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &notes_read, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    bool found;
    size_t count = page_rows(rows, &found);
    if (!found)
        return unknown_conversation(error);
    return page_reply(item, PB_NEW(item->arena, note_list), rows, count, error);
}

void note_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

/* -- for the AI */

static const struct statement notes_for_ai = {
    .name = "notes_for_ai",
    .sql = "select v.place, n.text from unnest($1::uuid[]) with ordinality as v(id, place) cross join lateral ( "
           "    select text, created_at, id from crm.conversation_notes where conversation_id = v.id and for_ai "
           "    order by created_at desc, id desc limit $2) n order by v.place, n.created_at, n.id",
};

enum status note_tell_ai(struct batch *batch, Pb__TurnContext *const *contexts, size_t count, struct error *error)
{
    const Pb__TurnContext **noted = ARENA_ARRAY(batch->arena, const Pb__TurnContext *, count + 1);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (contexts[i]->ai_notes)
            noted[wanted++] = contexts[i];
    if (wanted == 0)
        return OK;
    COLUMN_UUIDS(params, wanted, i, noted[i]->conversation_id);
    params_int(params, NOTES_FOR_AI_MAX);
    TRY(db_run(batch->db, batch->arena, &notes_for_ai, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        Pb__TurnContext *context = (Pb__TurnContext *)noted[rows_int(&rows, row, 0) - 1];
        if (!context->notes)
            context->notes = ARENA_ARRAY(batch->arena, char *, NOTES_FOR_AI_MAX);
        context->notes[context->n_notes++] = (char *)rows_text(&rows, row, 1);
    }
    return OK;
}
