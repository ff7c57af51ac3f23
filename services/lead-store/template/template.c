#include "template.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/page.h"
#include "wire/pbrow.h"

static const struct statement template_list_read = {
    .name = "template_list",
    .sql =
        "select id, channel, name, language, category, state, reason, quality, text, parameter_format, components, provider_id, account_group, "
        "       synced_at, created_at, updated_at from crm.templates where company_id = $1 "
        "  and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid)) "
        "  and ($4::text is null or state = $4) and ($5::text is null or name = $5) order by created_at desc, id desc limit $6",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__TemplateListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    struct params *params = page_params(item, &page);
    params_text_if(params, request->state);
    params_text_if(params, request->name);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &template_list_read, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, template_list), rows, rows->count, error);
}

void template_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

static const struct statement template_accounts_read = {
    .name = "template_accounts",
    .sql =
        "select distinct on (credentials ->> 'waba_id') credentials ->> 'waba_id' as account_group, credentials from crm.channel_accounts "
        "where company_id = $1 and channel = 'whatsapp_cloud' and account <> '' and credentials ? 'waba_id' "
        "order by credentials ->> 'waba_id', updated_at desc",
};

static enum status accounts_ask(struct item *item, struct db_step *step, struct error *error)
{
    struct params *params = params_new(item->arena);
    TRY(read_company(item, error));
    params_text(params, item->caller.company_id);
    *step = (struct db_step){ .statement = &template_accounts_read, .params = params };
    return OK;
}

static enum status accounts_tell(struct item *item, const struct rows *rows, struct error *error)
{
    Pb__TemplateAccounts *reply = PB_NEW(item->arena, template_accounts);
    (void)error;
    reply->n_items = pbrow_read_all(item->arena, &pb__template_account__descriptor, rows, (void ***)&reply->items);
    item->reply = &reply->base;
    return OK;
}

void template_accounts(struct batch *batch)
{
    read_run(batch, accounts_ask, accounts_tell);
}
