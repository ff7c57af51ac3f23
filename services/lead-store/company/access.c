#include "company.h"
#include "core/column.h"
#include "core/transaction.h"
#include "wire/pbrow.h"

/* Several gateways may have seen a key: the latest use counts. */
static const struct statement keys_used = {
    .name = "keys_used",
    .sql =
        "with used as materialized (select k.id, u.at from crm.api_keys k join unnest($1::text[], $2::timestamptz[]) as u(id, at) on u.id = k.id "
        "  where k.last_used_at is null or k.last_used_at < u.at order by k.id for no key update of k) "
        "update crm.api_keys k set last_used_at = used.at from used where k.id = used.id",
};

static const struct statement keys_read = {
    .name = "keys_read",
    .sql = "select id, company_id, scopes, every_company, secret_hash, requests_per_minute, expires_at "
           "from crm.api_keys where revoked_at is null and (expires_at is null or expires_at > $1)",
};

static const struct statement signers_read = {
    .name = "signers_read",
    .sql =
        "select id, company_id, channel, account, webhook_secrets, verify_token from crm.channel_accounts where account <> ''",
};

static enum status note_uses(struct batch *batch, const Pb__AccessRequest *request, struct error *error)
{
    if (!request->n_uses)
        return OK;
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, request->n_uses, i, request->uses[i]->id);
    COLUMN_MOMENTS(params, request->n_uses, i, request->uses[i]->used_at);
    return db_run(batch->db, batch->arena, &keys_used, params, NULL, error);
}

static enum status read_all(struct batch *batch, Pb__Access *access, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows keys, accounts;
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &keys_read, params, &keys, error));
    TRY(db_run(batch->db, batch->arena, &signers_read, params_new(batch->arena), &accounts, error));
    access->n_keys = pbrow_read_all(batch->arena, &pb__api_key__descriptor, &keys, (void ***)&access->keys);
    access->n_accounts =
        pbrow_read_all(batch->arena, &pb__channel_account__descriptor, &accounts, (void ***)&access->accounts);
    return OK;
}

static enum status read_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        Pb__Access *access = PB_NEW(batch->arena, access);
        TRY(note_uses(batch, items[i]->message, error));
        TRY(read_all(batch, access, error));
        items[i]->reply = &access->base;
    }
    return OK;
}

void access_read(struct batch *batch)
{
    transaction_run(batch, read_work);
}
