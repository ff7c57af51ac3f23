/* store.media.delete: a file is nobody's any more. store.media.remove: contents that no file names. */
#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/write.h"
#include "media.h"

enum { REMOVAL_WAIT_MS = 5 * MINUTE_MS, PAGE = 100 };

static struct params *id_params(const struct item *item, const char *id)
{
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, id);
    return params;
}

/* -- one file */

/* Its message first, as whoever fetches it does. One that is being fetched has no row of its own yet. */
static const struct statement media_unsay = {
    .name = "media_unsay",
    .sql = "update crm.messages m set media_info = jsonb_set(m.media_info, '{file}', $3::jsonb), updated_at = $4 "
           "where m.company_id = $1 and m.id = $2 and m.direction = 'inbound' and m.media_info ? 'id' "
           "    and m.media_info -> 'file' ->> 'state' is distinct from 'deleted' "
           "returning m.lead_id, m.conversation_id, m.kind, m.correlation_id",
};
static const struct statement media_drop = {
    .name = "media_drop",
    .sql = "delete from crm.media where company_id = $1 and id = $2 returning sha256, kind",
};
static const struct statement media_is_deleted = {
    .name = "media_is_deleted",
    .sql =
        "select from crm.messages where company_id = $1 and id = $2 and media_info -> 'file' ->> 'state' = 'deleted'",
};
static const struct statement media_removal = {
    .name = "media_removal",
    .sql = "insert into crm.media_removals (company_id, sha256, due_at) values ($1, $2, $3) "
           "on conflict (company_id, sha256) do update set due_at = excluded.due_at",
};

void media_forget(struct batch *batch, const char *company_id, const char *sha256)
{
    struct params *params = params_new(batch->arena);
    params_text(params, company_id);
    params_text(params, sha256);
    params_moment(params, batch->now + REMOVAL_WAIT_MS);
    db_queue(batch->db, batch->arena, &media_removal, params, NULL);
}

/* said: of its message, if it has one; dropped: of the file itself, if it was kept. */
static void note_deleted(struct event_list *events, const struct item *item, const struct rows *said,
                         const struct rows *dropped)
{
    const Pb__MediaDeleteRequest *request = item->message;
    struct payload payload = payload_start(events->batch->arena);
    bool message = said->count > 0;
    payload_text(&payload, message ? "message_id" : "media_id", request->id);
    payload_text(&payload, "conversation_id", message ? rows_text(said, 0, 1) : NULL);
    payload_text(&payload, "kind", message ? rows_text(said, 0, 2) : rows_text(dropped, 0, 1));
    event_note(events, (struct event_note){ .type = message ? "message.media_deleted" : "media.deleted",
                                            .company_id = item->caller.company_id,
                                            .lead_id = message ? rows_text(said, 0, 0) : NULL,
                                            .entity_type = message ? NULL : "media",
                                            .entity_id = message ? NULL : request->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

static const char *deleted_json(struct arena *arena, moment now)
{
    struct payload file = payload_start(arena);
    payload_text(&file, "state", "deleted");
    payload_moment(&file, "at", now);
    return payload_end(&file);
}

static enum status delete_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__MediaDeleteRequest *request = item->message;
    Pb__MediaDeleted *reply = PB_NEW(item->arena, media_deleted);
    struct params *unsay = id_params(item, request->id);
    struct rows said, dropped, before = { 0 };
    params_text(unsay, deleted_json(batch->arena, batch->now));
    params_moment(unsay, batch->now);
    TRY(db_run(batch->db, batch->arena, &media_unsay, unsay, &said, error));
    TRY(db_run(batch->db, batch->arena, &media_drop, id_params(item, request->id), &dropped, error));
    if (!said.count && !dropped.count)
        TRY(db_run(batch->db, batch->arena, &media_is_deleted, id_params(item, request->id), &before, error));
    if (!said.count && !dropped.count && !before.count) {
        item_fail(item, REJECT, "unknown_media", "there is no such file");
        return OK;
    }
    if (dropped.count)
        media_forget(batch, item->caller.company_id, rows_text(&dropped, 0, 0));
    if (said.count || dropped.count)
        note_deleted(events, item, &said, &dropped);
    reply->id = request->id;
    reply->state = "deleted";
    item->reply = &reply->base;
    return OK;
}

static enum status delete_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    for (size_t i = 0; i < count; i++)
        TRY(delete_one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

static enum status delete_check(const struct item *item, struct error *error)
{
    const Pb__MediaDeleteRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_media", "there is no such file");
    return OK;
}

void media_delete(struct batch *batch)
{
    write_run(batch, delete_check, delete_work);
}

/* -- contents; of all companies */

static const struct statement removal_done = {
    .name = "media_removal_done",
    .sql = "delete from crm.media_removals r using unnest($1::uuid[], $2::text[]) as v(company_id, sha256) "
           "where r.company_id = v.company_id and r.sha256 = v.sha256",
};
/* The same content came in again meanwhile. */
static const struct statement removal_void = {
    .name = "media_removal_void",
    .sql = "delete from crm.media_removals r where r.due_at <= $1 "
           "    and exists (select from crm.media m where m.company_id = r.company_id and m.sha256 = r.sha256)",
};
static const struct statement removal_find = {
    .name = "media_removal_find",
    .sql = "select company_id, sha256 from crm.media_removals where due_at <= $1 order by due_at limit $2",
};

static void done(struct batch *batch, const Pb__MediaRemoveRequest *request)
{
    struct params *params = params_new(batch->arena);
    if (!request->n_removed)
        return;
    COLUMN_UUIDS(params, request->n_removed, i, request->removed[i]->company_id);
    COLUMN_TEXTS(params, request->n_removed, i, request->removed[i]->sha256);
    db_queue(batch->db, batch->arena, &removal_done, params, NULL);
}

static enum status remove_one(struct batch *batch, struct item *item, struct error *error)
{
    Pb__MediaRemovable *reply = PB_NEW(item->arena, media_removable);
    struct params *due = params_new(batch->arena), *find = params_new(batch->arena);
    struct rows rows;
    done(batch, item->message);
    params_moment(due, batch->now);
    db_queue(batch->db, batch->arena, &removal_void, due, NULL);
    params_moment(find, batch->now);
    params_int(find, PAGE);
    TRY(db_run(batch->db, batch->arena, &removal_find, find, &rows, error));
    reply->items = ARENA_ARRAY(item->arena, Pb__MediaContent *, rows.count + 1);
    for (size_t row = 0; row < rows.count; row++) {
        Pb__MediaContent *content = reply->items[reply->n_items++] = PB_NEW(item->arena, media_content);
        content->company_id = arena_text(item->arena, rows_text(&rows, row, 0));
        content->sha256 = arena_text(item->arena, rows_text(&rows, row, 1));
    }
    item->reply = &reply->base;
    return OK;
}

static enum status remove_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(remove_one(batch, items[i], error));
    return OK;
}

static enum status remove_check(const struct item *item, struct error *error)
{
    const Pb__MediaRemoveRequest *request = item->message;
    bool named = request->n_removed <= PAGE;
    for (size_t i = 0; named && i < request->n_removed; i++)
        named = ident_valid(text_or(request->removed[i]->company_id, "")) && !text_empty(request->removed[i]->sha256);
    if (!named)
        return error_code(error, REJECT, "bad_value", "what was removed is at most %d contents of companies", PAGE);
    return OK;
}

void media_remove(struct batch *batch)
{
    write_run(batch, remove_check, remove_work);
}
