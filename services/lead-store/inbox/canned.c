#include "canned.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/page.h"
#include "core/write.h"
#include "placeholder.h"
#include "wire/pbrow.h"

enum { SHORTCUT_BYTES_MAX = 64, CANNED_BYTES_MAX = 16 * 1024 };

#define CANNED_COLUMNS "id, shortcut, title, text, version, created_at, updated_at "

static enum status unknown_reply(struct error *error)
{
    return error_code(error, REJECT, "unknown_canned_reply", "there is no such canned reply");
}

static enum status texts_check(const char *shortcut, const char *title, const char *text, struct error *error)
{
    if (shortcut && (!*shortcut || strlen(shortcut) > SHORTCUT_BYTES_MAX || strpbrk(shortcut, " \t\r\n")))
        return error_code(error, REJECT, "bad_value", "'shortcut' must have 1 to %d bytes and no blank.",
                          SHORTCUT_BYTES_MAX);
    if (title && strlen(title) > NAME_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'title' has more than %d bytes.", NAME_BYTES_MAX);
    if (text && !*text)
        return error_code(error, REJECT, "bad_value", "'text' must not be empty.");
    if (text && strlen(text) > CANNED_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'text' has more than %d bytes.", CANNED_BYTES_MAX);
    return text ? placeholder_check(text, error) : OK;
}

static void take(struct item *item, const struct rows *rows)
{
    Pb__CannedReply *reply = pbrow_read(item->arena, &pb__canned_reply__descriptor, rows, 0);
    item->reply = &reply->base;
}

/* Each item by one statement, in its own way; the rows are the reply's. */
typedef enum status canned_one(struct batch *batch, struct item *item, struct error *error);

static enum status each(struct batch *batch, struct item **items, size_t count, canned_one *one, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(one(batch, items[i], error));
    return OK;
}

static void taken(struct item *item)
{
    item_fail(item, REJECT, "canned_reply_exists", "the company has a canned reply with this shortcut");
}

/* -- store.canned_reply.create */

static const struct statement canned_insert = {
    .name = "canned_insert",
    .sql = "insert into crm.canned_replies (id, company_id, shortcut, title, text, created_at, updated_at) "
           "values ($1, $2, $3, $4, $5, $6, $6) on conflict do nothing returning " CANNED_COLUMNS,
};
static const struct statement canned_known = {
    .name = "canned_known",
    .sql = "select " CANNED_COLUMNS ", shortcut = $3 and title = $4 and text = $5 as same from crm.canned_replies "
           "where company_id = $2 and id = $1",
};

static enum status create_check(const struct item *item, struct error *error)
{
    const Pb__CannedReplyCreateRequest *request = item->message;
    TRY(read_company(item, error));
    return texts_check(text_or(request->shortcut, ""), request->title, text_or(request->text, ""), error);
}

static enum status create_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__CannedReplyCreateRequest *request = item->message;
    const char *key = text_empty(request->idempotency_key) ? NULL : request->idempotency_key;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, key ? ident_named(batch->arena, "canned_reply", item->caller.company_id, key, NULL)
                            : ident_fresh(batch->arena));
    params_text(params, item->caller.company_id);
    params_text(params, request->shortcut);
    params_text(params, text_or(request->title, ""));
    params_text(params, request->text);
    struct params known = *params;
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &canned_insert, params, &rows, error));
    if (!rows.count) {
        TRY(db_run(batch->db, batch->arena, &canned_known, &known, &rows, error));
        if (!rows.count)
            taken(item);
        else if (!rows_bool(&rows, 0, rows_column(&rows, "same")))
            item_fail(item, REJECT, "idempotency_mismatch", "the same Idempotency-Key came with another body before");
    }
    if (item->status == OK)
        take(item, &rows);
    return OK;
}

static enum status create_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    return each(batch, items, count, create_one, error);
}

void canned_create(struct batch *batch)
{
    write_run(batch, create_check, create_work);
}

/* -- store.canned_reply.patch */

static const struct statement canned_look = {
    .name = "canned_look",
    .sql =
        "select r.version, exists (select from crm.canned_replies o where o.company_id = $1 and o.shortcut = $3 and o.id <> r.id) "
        "from crm.canned_replies r where r.company_id = $1 and r.id = $2 for no key update of r",
};
static const struct statement canned_save = {
    .name = "canned_save",
    .sql =
        "update crm.canned_replies set shortcut = coalesce($3, shortcut), title = coalesce($4, title), text = coalesce($5, text), "
        "    version = version + 1, updated_at = $6 where company_id = $1 and id = $2 returning " CANNED_COLUMNS,
};

static enum status patch_check(const struct item *item, struct error *error)
{
    const Pb__CannedReplyPatchRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_reply(error);
    return texts_check(request->shortcut, request->title, request->text, error);
}

static enum status patch_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__CannedReplyPatchRequest *request = item->message;
    struct error refused = { 0 };
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    params_text(params, request->shortcut);
    TRY(db_run(batch->db, batch->arena, &canned_look, params, &rows, error));
    if (!rows.count)
        item_fail(item, REJECT, "unknown_canned_reply", "there is no such canned reply");
    else if (write_version(request->has_if_version, request->if_version, rows_int(&rows, 0, 0), "the canned reply",
                           &refused) != OK)
        write_refuse(item, &refused);
    else if (rows_bool(&rows, 0, 1))
        taken(item);
    if (item->status != OK)
        return OK;
    params_text(params, request->title);
    params_text(params, request->text);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &canned_save, params, &rows, error));
    take(item, &rows);
    return OK;
}

static enum status patch_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    return each(batch, items, count, patch_one, error);
}

void canned_patch(struct batch *batch)
{
    write_run(batch, patch_check, patch_work);
}

/* -- store.canned_reply.get, .delete */

static const struct statement canned_read = {
    .name = "canned_read",
    .sql = "select " CANNED_COLUMNS "from crm.canned_replies where company_id = $1 and id = $2",
};
static const struct statement canned_remove = {
    .name = "canned_remove",
    .sql = "delete from crm.canned_replies where company_id = $1 and id = $2 returning " CANNED_COLUMNS,
};

static enum status id_ask(struct item *item, struct db_step *step, const struct statement *statement,
                          struct error *error)
{
    const Pb__CannedReplyRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_reply(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = statement, .params = params };
    return OK;
}

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    return id_ask(item, step, &canned_read, error);
}

static enum status delete_ask(struct item *item, struct db_step *step, struct error *error)
{
    return id_ask(item, step, &canned_remove, error);
}

static enum status id_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_reply(error);
    take(item, rows);
    return OK;
}

void canned_get(struct batch *batch)
{
    read_run(batch, get_ask, id_tell);
}

void canned_delete(struct batch *batch)
{
    read_run(batch, delete_ask, id_tell);
}

/* -- store.canned_reply.list, by shortcut; the cursor is the last one's id */

static const struct statement canned_page = {
    .name = "canned_page",
    .sql =
        "select " CANNED_COLUMNS "from crm.canned_replies r where r.company_id = $1 and starts_with(r.shortcut, $2) "
        "  and ($3::uuid is null or r.shortcut > (select shortcut from crm.canned_replies where company_id = $1 and id = $3)) "
        "order by r.shortcut limit $4",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__CannedReplyListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, text_or(request->shortcut, ""));
    params_text(params, page.from.id);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &canned_page, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    Pb__CannedReplyList *reply = PB_NEW(item->arena, canned_reply_list);
    const void *last;
    TRY(page_items(item, &reply->base, rows, rows->count, &last, error));
    if (last)
        reply->next_cursor = cursor_text(item->arena, &(struct cursor){ .id = ((const Pb__CannedReply *)last)->id });
    return OK;
}

void canned_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

/* -- as it is sent */

static const struct statement canned_for = {
    .name = "canned_for",
    .sql =
        "select r.text, l.contact_name, l.phone_number, o.name from crm.canned_replies r join crm.companies o on o.id = r.company_id "
        "left join crm.leads l on l.id = $3 and l.company_id = $1 where r.company_id = $1 and r.id = $2",
};

enum status canned_text(struct batch *batch, const struct caller *caller, const char *id, const char *lead_id,
                        const char *operator, const char ** text, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, caller->company_id);
    params_text(params, id);
    params_text(params, lead_id);
    TRY(db_run(batch->db, batch->arena, &canned_for, params, &rows, error));
    *text = NULL;
    if (!rows.count)
        return OK;
    const struct placeholder_values values = { .name = rows_text(&rows, 0, 1),
                                               .phone = rows_text(&rows, 0, 2),
                                               .operator= operator,
                                               .company = rows_text(&rows, 0, 3) };
    *text = placeholder_fill(batch->arena, rows_text(&rows, 0, 0), &values);
    return OK;
}
