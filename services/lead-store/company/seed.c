#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "channel_account.h"
#include "company.h"
#include "core/config.h"
#include "demo.h"

/* The environment's account is the default company's; its token replaces the stored one. */
static enum status account_seed(struct batch *batch, const char *company_id, struct error *error)
{
    if (text_empty(config_whatsapp_phone_id))
        return OK;
    Pb__ChannelAccountRequest *request = PB_NEW(batch->arena, channel_account_request);
    PB_SET(request, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    request->account = (char *)config_whatsapp_phone_id;
    if (!text_empty(config_whatsapp_token)) {
        struct buffer credentials = { .arena = batch->arena };
        buffer_add(&credentials, "{\"token\":");
        json_add_string(&credentials, config_whatsapp_token);
        if (!text_empty(config_whatsapp_business_id)) {
            buffer_add(&credentials, ",\"waba_id\":");
            json_add_string(&credentials, config_whatsapp_business_id);
        }
        buffer_add(&credentials, "}");
        request->credentials = pb_json(batch->arena, buffer_text(&credentials));
    }
    struct rows rows;
    TRY(channel_account_write(batch, company_id, request, &rows, error));
    if (!rows.count)
        log_line(LOG_WARN, "WHATSAPP_CLOUD_PHONE_ID is another company's account and stays so", "account",
                 config_whatsapp_phone_id, NULL);
    return OK;
}

static enum status seed(struct batch *batch, struct error *error)
{
    const char *company_id = ident_default_company(batch->arena);
    TRY(company_ensure(batch, &company_id, 1, error));
    TRY(account_seed(batch, company_id, error));
    return config_demo ? demo_seed(batch, company_id, error) : OK;
}

enum status company_seed(struct batch *batch, struct error *error)
{
    TRY(db_begin(batch->db, error));
    enum status status = seed(batch, error);
    if (status != OK) {
        db_rollback(batch->db);
        return status;
    }
    TRY(db_commit(batch->db, error));
    nudge(batch->arena, &NUDGE_KEYS, PB_NEW(batch->arena, empty));
    return OK;
}
