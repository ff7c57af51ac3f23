#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channel_account.h"
#include "company.h"
#include "core/page.h"
#include "core/transaction.h"
#include "wire/pbjson.h"
#include "wire/pbrow.h"

enum { SECRETS_MAX = 8 };

#define ACCOUNT_COLUMNS                                                                                                                  \
    "id, company_id, channel, account, address, webhook_secrets, verify_token, credentials is not null as has_credentials, created_at, " \
    "updated_at"

/* What is given replaces what is stored. */
static const struct statement account_update = {
    .name = "account_update",
    .sql =
        "update crm.channel_accounts set address = coalesce($4, address), credentials = coalesce($5::jsonb, credentials), "
        "  webhook_secrets = case when cardinality($6::text[]) > 0 then $6::text[] else webhook_secrets end, "
        "  verify_token = coalesce($7, verify_token), updated_at = $8 "
        "where company_id = $1::uuid and channel = $2 and account = $3 returning " ACCOUNT_COLUMNS,
};

/* The company's first real account takes the place of its own: the people who wrote there stay the same people. */
static const struct statement account_adopt = {
    .name = "account_adopt",
    .sql =
        "update crm.channel_accounts set account = $3, address = $4, credentials = $5::jsonb, webhook_secrets = $6::text[], verify_token = $7, "
        "  updated_at = $8 "
        "where company_id = $1::uuid and channel = $2 and account = '' "
        "  and not exists (select from crm.channel_accounts x where x.channel = $2 and x.account = $3) returning " ACCOUNT_COLUMNS,
};

static const struct statement account_insert = {
    .name = "account_insert",
    .sql =
        "insert into crm.channel_accounts (company_id, channel, account, address, credentials, webhook_secrets, verify_token, created_at, "
        "                                  updated_at, id) "
        "select c.id, $2, $3, $4, $5::jsonb, $6::text[], $7, $8, $8, $9::uuid from crm.companies c where c.id = $1::uuid "
        "on conflict do nothing returning " ACCOUNT_COLUMNS,
};

static struct params *account_params(struct batch *batch, const char *company_id,
                                     const Pb__ChannelAccountRequest *request)
{
    struct params *params = params_new(batch->arena);
    const char *credentials =
        request->credentials && !text_empty(request->credentials->text) ? request->credentials->text : NULL;
    params_text(params, company_id);
    params_text(params, pbjson_enum_word(&pb__channel__descriptor, (int)request->channel));
    params_text(params, request->account);
    params_text_if(params, request->address);
    params_text(params, credentials);
    params_texts(params, (const char *const *)request->webhook_secrets, request->n_webhook_secrets);
    params_text_if(params, request->verify_token);
    params_moment(params, batch->now);
    return params;
}

enum status channel_account_write(struct batch *batch, const char *company_id, const Pb__ChannelAccountRequest *request,
                                  struct rows *rows, struct error *error)
{
    struct params *params = account_params(batch, company_id, request);
    TRY(db_run(batch->db, batch->arena, &account_update, params, rows, error));
    if (rows->count)
        return OK;
    TRY(db_run(batch->db, batch->arena, &account_adopt, params, rows, error));
    if (rows->count)
        return OK;
    params_text(params, ident_fresh(batch->arena));
    return db_run(batch->db, batch->arena, &account_insert, params, rows, error);
}

static const char *account_wrong(const struct item *item)
{
    const Pb__ChannelAccountRequest *request = item->message;
    struct error error;
    if (!ident_valid(text_or(request->company_id, item->caller.company_id)))
        return "company_id must be a UUID";
    if (request->channel == PB__CHANNEL__CHANNEL_UNSPECIFIED ||
        !pbjson_enum_word(&pb__channel__descriptor, (int)request->channel))
        return "the channel is unknown";
    if (text_empty(request->account) || strlen(request->account) > KEY_BYTES_MAX)
        return "account must have 1 to 255 bytes";
    if ((request->address && strlen(request->address) > NAME_BYTES_MAX) ||
        (request->verify_token && strlen(request->verify_token) > NAME_BYTES_MAX))
        return "address and verify_token have at most 512 bytes";
    if (request->n_webhook_secrets > SECRETS_MAX)
        return "at most 8 webhook secrets";
    if (request->credentials && !text_empty(request->credentials->text) &&
        json_check(request->credentials->text, strlen(request->credentials->text), &error) != OK)
        return "credentials must be JSON";
    return NULL;
}

static enum status accounts_create(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const Pb__ChannelAccountRequest *request = items[i]->message;
        struct rows rows;
        TRY(channel_account_write(batch, text_or(request->company_id, items[i]->caller.company_id), request, &rows,
                                  error));
        if (rows.count)
            items[i]->reply = pbrow_read(batch->arena, &pb__channel_account__descriptor, &rows, 0);
        else
            item_fail(items[i], REJECT, "account_taken",
                      "there is no such company, or the account is another company's");
    }
    return OK;
}

void channel_account_create(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *wrong = account_wrong(batch->items[i]);
        if (wrong)
            item_fail(batch->items[i], REJECT, "bad_channel_account", "%s", wrong);
    }
    transaction_run(batch, accounts_create);
    nudge(batch->arena, &NUDGE_KEYS, PB_NEW(batch->arena, empty));
}

/* -- store.channel_account.list */

static const struct statement account_list = {
    .name = "account_list",
    .sql =
        "select " ACCOUNT_COLUMNS " from crm.channel_accounts "
        "where company_id = $1 and account <> '' and ($3::uuid is null or (created_at, id) < ($2, $3)) order by created_at desc, id desc limit $4",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    struct page page;
    TRY(page_read(item, &page, error));
    struct params *params = page_params(item, &page);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &account_list, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, channel_account_list), rows, rows->count, error);
}

void channel_account_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}
