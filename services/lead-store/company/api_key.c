#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "company.h"
#include "core/page.h"
#include "core/transaction.h"
#include "wire/pbrow.h"

enum { KEY_ID_BYTES = 8, SECRET_HASH_BYTES = 64, SCOPES_MAX = 5, RATE_MAX = 1000000 };

#define API_KEY_COLUMNS                                                                                                              \
    "id, company_id, name, scopes, every_company, secret_hash, requests_per_minute, expires_at, revoked_at is not null as revoked, " \
    "last_used_at, created_at"

/* The key's company: the caller's, unless the caller is the installation. */
static const char *key_company(const struct item *item, const char *asked)
{
    return text_or(asked, item->caller.company_id);
}

static bool scope_known(const char *scope)
{
    static const char *const scopes[] = { "inbound", "read", "write", "operator", "admin" };
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++)
        if (text_same(scope, scopes[i]))
            return true;
    return false;
}

static const char *key_wrong(const struct item *item)
{
    const Pb__ApiKeyCreateRequest *request = item->message;
    if (!ident_valid(key_company(item, request->company_id)))
        return "company_id must be a UUID";
    if (!request->id || strlen(request->id) != KEY_ID_BYTES || !request->secret_hash ||
        strlen(request->secret_hash) != SECRET_HASH_BYTES)
        return "a key needs a public id of 8 characters and a SHA-256 in hex";
    if (!request->n_scopes || request->n_scopes > SCOPES_MAX)
        return "a key needs at least one scope";
    for (size_t i = 0; i < request->n_scopes; i++)
        if (!scope_known(request->scopes[i]))
            return "scopes are inbound, read, write, operator and admin";
    if (request->name && strlen(request->name) > NAME_BYTES_MAX)
        return "name must have at most 512 bytes";
    if (request->requests_per_minute < 0 || request->requests_per_minute > RATE_MAX)
        return "requests_per_minute is 0 to 1000000";
    return request->expires_at < 0 || request->expires_at > MOMENT_MAX ? "expires_at is out of range" : NULL;
}

static const struct statement key_write = {
    .name = "key_write",
    .sql =
        "insert into crm.api_keys (id, company_id, name, scopes, every_company, secret_hash, requests_per_minute, expires_at, created_at, updated_at) "
        "select $1, c.id, coalesce($3, ''), $4::text[], $5, $6, $7, $8, $9, $9 from crm.companies c where c.id = $2::uuid on conflict do nothing",
};

static const struct statement key_read = {
    .name = "key_read",
    .sql = "select " API_KEY_COLUMNS " from crm.api_keys where id = $1 and company_id = $2::uuid and secret_hash = $3",
};

static const struct statement key_taken = {
    .name = "key_taken",
    .sql = "select exists (select from crm.api_keys where id = $1)",
};

/* A known id comes from a repeated Idempotency-Key, and a secret can't be shown twice. */
static enum status key_refuse(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__ApiKeyCreateRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, request->id);
    TRY(db_run(batch->db, batch->arena, &key_taken, params, &rows, error));
    if (rows_bool(&rows, 0, 0))
        item_fail(item, REJECT, "conflict", "the API key %s has been made before; its secret was shown once",
                  request->id);
    else
        item_fail(item, REJECT, "unknown_company", "there is no such company");
    return OK;
}

static enum status key_create_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__ApiKeyCreateRequest *request = item->message;
    struct params *params = params_new(batch->arena), *by_id = params_new(batch->arena);
    struct rows rows;
    params_text(params, request->id);
    params_text(params, key_company(item, request->company_id));
    params_text(params, request->name);
    params_texts(params, (const char *const *)request->scopes, request->n_scopes);
    params_bool(params, request->every_company);
    params_text(params, request->secret_hash);
    params_int(params, request->requests_per_minute);
    params_moment(params, request->expires_at);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &key_write, params, NULL, error));
    params_text(by_id, request->id);
    params_text(by_id, key_company(item, request->company_id));
    params_text(by_id, request->secret_hash);
    TRY(db_run(batch->db, batch->arena, &key_read, by_id, &rows, error));
    if (rows.count)
        item->reply = pbrow_read(batch->arena, &pb__api_key__descriptor, &rows, 0);
    else
        TRY(key_refuse(batch, item, error));
    return OK;
}

static enum status keys_create(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(key_create_one(batch, items[i], error));
    return OK;
}

static void keys_changed(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK) {
            nudge(batch->arena, &NUDGE_KEYS, PB_NEW(batch->arena, empty));
            return;
        }
}

void api_key_create(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *wrong = key_wrong(batch->items[i]);
        if (wrong)
            item_fail(batch->items[i], REJECT, "bad_api_key", "%s", wrong);
    }
    transaction_run(batch, keys_create);
    keys_changed(batch);
}

/* -- store.api_key.list */

static const struct statement key_list = {
    .name = "key_list",
    .sql =
        "select " API_KEY_COLUMNS " from crm.api_keys "
        "where company_id = $1 and ($3::text is null or (created_at, id) < ($2, $3)) order by created_at desc, id desc limit $4",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    struct page page;
    TRY(page_read_named(item, &page, error));
    struct params *params = page_params(item, &page);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &key_list, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, api_key_list), rows, rows->count, error);
}

void api_key_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

/* -- store.api_key.revoke */

static const struct statement key_revoke = {
    .name = "key_revoke",
    .sql = "update crm.api_keys set revoked_at = coalesce(revoked_at, $3), updated_at = $3 "
           "where id = $1 and ($2::uuid is null or company_id = $2::uuid) returning " API_KEY_COLUMNS,
};

static enum status keys_revoke(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const Pb__ApiKeyRevokeRequest *request = items[i]->message;
        struct params *params = params_new(batch->arena);
        struct rows rows;
        params_text(params, text_or(request->id, ""));
        params_text_if(params, items[i]->caller.company_id);
        params_moment(params, batch->now);
        TRY(db_run(batch->db, batch->arena, &key_revoke, params, &rows, error));
        if (rows.count)
            items[i]->reply = pbrow_read(batch->arena, &pb__api_key__descriptor, &rows, 0);
        else
            item_fail(items[i], REJECT, "unknown_api_key", "there is no such key");
    }
    return OK;
}

void api_key_revoke(struct batch *batch)
{
    transaction_run(batch, keys_revoke);
    keys_changed(batch);
}
