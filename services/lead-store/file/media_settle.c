/* store.media.settle: what came of fetching an inbound file: in its message, as a row of its own, as an event. */
#include <stdlib.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/write.h"
#include "media.h"

/* What is stored stays stored, what was deleted stays deleted; a failure may be followed by a better word. */
static const struct statement media_note = {
    .name = "media_note",
    .sql = "update crm.messages m set media_info = jsonb_set(m.media_info, '{file}', $3::jsonb), updated_at = $4 "
           "where m.company_id = $1 and m.id = $2 and m.media_info is not null "
           "    and coalesce(m.media_info -> 'file' ->> 'state', 'failed') = 'failed' "
           "returning m.lead_id, m.conversation_id, m.kind, m.media_info ->> 'filename' as filename, m.correlation_id",
};
static const struct statement media_state = {
    .name = "media_state",
    .sql =
        "select coalesce(media_info -> 'file' ->> 'state', 'failed') from crm.messages where company_id = $1 and id = $2",
};
static const struct statement media_keep = {
    .name = "media_keep",
    .sql =
        "insert into crm.media (id, company_id, message_id, kind, mime_type, filename, bytes, sha256, created_at, updated_at) "
        "values ($1, $2, $1, $3, $4, $5, $6, $7, $8, $8) on conflict (id) do nothing",
};

static const char *file_json(struct arena *arena, const Pb__MediaSettleRequest *request, moment now)
{
    struct payload file = payload_start(arena);
    payload_text(&file, "state", request->stored ? "stored" : "failed");
    payload_moment(&file, "at", now);
    if (!request->stored) {
        payload_text(&file, "reason", request->reason);
        return payload_end(&file);
    }
    payload_text(&file, "link", text_format(arena, "/media/%s", request->message_id));
    payload_text(&file, "mime_type", request->mime_type);
    payload_int(&file, "bytes", request->bytes);
    payload_text(&file, "sha256", request->sha256);
    return payload_end(&file);
}

static void keep(struct batch *batch, const struct item *item, const struct rows *noted)
{
    const Pb__MediaSettleRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, request->message_id);
    params_text(params, item->caller.company_id);
    params_text(params, rows_text(noted, 0, 2));
    params_text(params, request->mime_type);
    params_text(params, rows_text(noted, 0, 3));
    params_int(params, request->bytes);
    params_text(params, request->sha256);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &media_keep, params, NULL);
}

static void note(struct event_list *events, const struct item *item, const struct rows *noted)
{
    const Pb__MediaSettleRequest *request = item->message;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "message_id", request->message_id);
    payload_text(&payload, "conversation_id", rows_text(noted, 0, 1));
    payload_text(&payload, "kind", rows_text(noted, 0, 2));
    if (request->stored) {
        payload_text(&payload, "mime_type", request->mime_type);
        payload_int(&payload, "bytes", request->bytes);
    } else
        payload_text(&payload, "reason", request->reason);
    event_note(events, (struct event_note){ .type = request->stored ? "message.media_stored" : "message.media_failed",
                                            .company_id = item->caller.company_id,
                                            .lead_id = rows_text(noted, 0, 0),
                                            .payload = payload_end(&payload),
                                            .actor = "system",
                                            .correlation_id = rows_text(noted, 0, 4) });
}

static enum status settle_state(struct batch *batch, struct item *item, Pb__MediaSettled *reply, struct error *error)
{
    const Pb__MediaSettleRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, request->message_id);
    TRY(db_run(batch->db, batch->arena, &media_state, params, &rows, error));
    if (rows.count)
        reply->state = (char *)rows_text(&rows, 0, 0);
    if (rows.count && request->stored && text_same(reply->state, "deleted")) /* meanwhile: nobody names what came */
        media_forget(batch, item->caller.company_id, request->sha256);
    else if (!rows.count)
        item_fail(item, REJECT, "unknown_message", "there is no such message");
    return OK;
}

static enum status settle_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__MediaSettleRequest *request = item->message;
    Pb__MediaSettled *reply = PB_NEW(batch->arena, media_settled);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    item->reply = &reply->base;
    params_text(params, item->caller.company_id);
    params_text(params, request->message_id);
    params_text(params, file_json(batch->arena, request, batch->now));
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &media_note, params, &rows, error));
    if (!rows.count)
        return settle_state(batch, item, reply, error);
    reply->state = request->stored ? "stored" : "failed";
    if (request->stored)
        keep(batch, item, &rows);
    note(events, item, &rows);
    return OK;
}

static int by_message(const void *a, const void *b)
{
    const Pb__MediaSettleRequest *one = (*(struct item *const *)a)->message,
                                 *other = (*(struct item *const *)b)->message;
    return strcmp(one->message_id, other->message_id);
}

/* Files are few: one statement each, in the order of the rows they lock. */
static enum status settle_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    struct item **ordered = arena_copy(batch->arena, items, count * sizeof *items);
    qsort(ordered, count, sizeof *ordered, by_message);
    for (size_t i = 0; i < count; i++)
        TRY(settle_one(batch, ordered[i], &events, error));
    event_flush(&events);
    return OK;
}

static enum status settle_check(const struct item *item, struct error *error)
{
    const Pb__MediaSettleRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->message_id, "")))
        return error_code(error, REJECT, "unknown_message", "there is no such message");
    if (request->stored ? text_empty(request->sha256) || text_empty(request->mime_type) || request->bytes < 1
                        : text_empty(request->reason))
        return error_code(error, REJECT, "bad_value",
                          "a stored file needs its content's hash, type and size, another its reason");
    return OK;
}

void media_settle(struct batch *batch)
{
    write_run(batch, settle_check, settle_work);
}
