#include "media.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/write.h"
#include "media/media_kind.h"
#include "wire/pbrow.h"

static enum status unknown_media(struct error *error)
{
    return error_code(error, REJECT, "unknown_media", "there is no such file");
}

static enum status unknown_message(struct error *error)
{
    return error_code(error, REJECT, "unknown_message", "there is no such message");
}

static struct params *id_params(const struct item *item, const char *id)
{
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, id);
    return params;
}

/* -- what is to be fetched */

static const struct statement media_find_read = {
    .name = "media_find",
    .sql =
        "select m.company_id, m.channel, a.account, a.credentials, m.kind, m.media_info ->> 'id' as provider_id, "
        "       m.media_info ->> 'mime_type' as mime_type, m.media_info ->> 'sha256' as sha256, m.media_info -> 'file' ->> 'state' as state "
        "from crm.messages m join crm.channel_accounts a on a.id = m.channel_account_id where m.company_id = $1 and m.id = $2",
};

static enum status find_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__MediaFindRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->message_id, "")))
        return unknown_message(error);
    *step = (struct db_step){ .statement = &media_find_read, .params = id_params(item, request->message_id) };
    return OK;
}

static enum status find_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_message(error);
    Pb__MediaFound *found = pbrow_read(item->arena, &pb__media_found__descriptor, rows, 0);
    item->reply = &found->base;
    return OK;
}

void media_find(struct batch *batch)
{
    read_run(batch, find_ask, find_tell);
}

/* -- a file that is kept */

static const struct statement media_read = {
    .name = "media_read",
    .sql =
        "select id, company_id, kind, mime_type, filename, bytes, sha256, created_at from crm.media where company_id = $1 and id = $2",
};

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__MediaGetRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_media(error);
    *step = (struct db_step){ .statement = &media_read, .params = id_params(item, request->id) };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_media(error);
    Pb__MediaFile *file = pbrow_read(item->arena, &pb__media_file__descriptor, rows, 0);
    item->reply = &file->base;
    return OK;
}

void media_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
}

/* -- an uploaded file */

static const struct statement media_insert = {
    .name = "media_insert",
    .sql =
        "insert into crm.media (id, company_id, kind, mime_type, filename, bytes, sha256, created_at, updated_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (id) do update set updated_at = crm.media.updated_at "
        "where crm.media.company_id = excluded.company_id and crm.media.sha256 = excluded.sha256 "
        "returning id, company_id, kind, mime_type, filename, bytes, sha256, created_at",
};

static bool hash_valid(const char *sha256)
{
    return sha256 && strlen(sha256) == 64 && strspn(sha256, "0123456789abcdef") == 64;
}

static enum status create_check(const struct item *item, struct error *error)
{
    const Pb__MediaCreateRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")) || !hash_valid(request->sha256) || request->bytes < 1)
        return error_code(error, REJECT, "bad_value", "id, sha256 or bytes are wrong");
    if (!media_kind_takes(text_or(request->kind, ""), text_or(request->mime_type, "")))
        return error_code(error, REJECT, "bad_value", "mime_type is none of this kind's");
    if (request->filename && strlen(request->filename) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "filename has more than %d bytes", KEY_BYTES_MAX);
    return OK;
}

static enum status create_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const Pb__MediaCreateRequest *request = items[i]->message;
        struct params *params = params_new(batch->arena);
        struct rows rows;
        params_text(params, request->id);
        params_text(params, items[i]->caller.company_id);
        params_text(params, request->kind);
        params_text(params, request->mime_type);
        params_text(params, request->filename);
        params_int(params, request->bytes);
        params_text(params, request->sha256);
        params_moment(params, batch->now);
        TRY(db_run(batch->db, batch->arena, &media_insert, params, &rows, error));
        if (rows.count)
            items[i]->reply = pbrow_read(batch->arena, &pb__media_file__descriptor, &rows, 0);
        else
            item_fail(items[i], REJECT, "idempotency_mismatch",
                      "the same Idempotency-Key came with another file before");
    }
    return OK;
}

void media_create(struct batch *batch)
{
    write_run(batch, create_check, create_work);
}
