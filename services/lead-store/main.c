/*
 * lead-store - the only door to customers, conversations, messages and what the AI knows; the gate; the event log.
 *
 *   takes   store.*                 batched requests, one status per item
 *   emits   EVENTS                  the relay publishes the event log in commit order
 *           nudge.conversation      after a commit that may end a model call under way
 *           nudge.events            whose events the relay has published
 *   asks    jobs.enqueue            the sweep: what is owed and has no live job
 */
#include "company/company.h"
#include "consent/consent.h"
#include "conversation/conversation.h"
#include "core/config.h"
#include "core/stats.h"
#include "file/media.h"
#include "gate/gate.h"
#include "inbound/inbound.h"
#include "inbox/canned.h"
#include "inbox/inbox.h"
#include "inbox/mark.h"
#include "inbox/note.h"
#include "knowledge/knowledge.h"
#include "model/model.h"
#include "model/usage.h"
#include "people/lead.h"
#include "people/message.h"
#include "people/operator.h"
#include "receipt/receipt.h"
#include "receipt/settle.h"
#include "service/migrations.h"
#include "service/service.h"
#include "silence/bumpup.h"
#include "stage/stage.h"
#include "stream/log.h"
#include "summary/summary.h"
#include "sweep/relay.h"
#include "sweep/sweep.h"
#include "template/template.h"
#include "turn/refusal.h"
#include "turn/turn.h"

static const struct route routes[] = {
    { .takes = &STORE_INBOUND_RECORD, .handle = inbound_record, .threads = 2 },
    { .takes = &STORE_RECEIPT_APPLY, .handle = receipt_apply },
    { .takes = &STORE_TURN_OPEN, .handle = turn_open, .batch_max = 64, .threads = 2 },
    { .takes = &STORE_TURN_COMMIT, .handle = turn_commit, .batch_max = 64 },
    { .takes = &STORE_SEND_AUTHORIZE, .handle = send_authorize },
    { .takes = &STORE_SEND_SETTLE, .handle = send_settle },
    { .takes = &STORE_CONVERSATION_TAKE, .handle = conversation_take },
    { .takes = &STORE_CONVERSATION_GIVE_BACK, .handle = conversation_give_back },
    { .takes = &STORE_OPERATOR_POST, .handle = operator_post },
    { .takes = &STORE_LEAD_LIST, .handle = lead_list },
    { .takes = &STORE_LEAD_GET, .handle = lead_get },
    { .takes = &STORE_LEAD_PATCH, .handle = lead_patch },
    { .takes = &STORE_LEAD_MESSAGES, .handle = lead_messages },
    { .takes = &STORE_LEAD_EVENTS, .handle = lead_events },
    { .takes = &STORE_CONSENT_RECORD, .handle = consent_record },
    { .takes = &STORE_CONSENT_LIST, .handle = consent_list },
    { .takes = &STORE_MESSAGE_GET, .handle = message_get },
    { .takes = &STORE_MESSAGE_WHY, .handle = message_why },
    { .takes = &STORE_SAFETY_LIST, .handle = refusal_list },
    { .takes = &STORE_COMPANY_CREATE, .handle = company_create },
    { .takes = &STORE_COMPANY_GET, .handle = company_get },
    { .takes = &STORE_COMPANY_PATCH, .handle = company_patch },
    { .takes = &STORE_API_KEY_CREATE, .handle = api_key_create },
    { .takes = &STORE_API_KEY_LIST, .handle = api_key_list },
    { .takes = &STORE_API_KEY_REVOKE, .handle = api_key_revoke },
    { .takes = &STORE_CHANNEL_ACCOUNT_CREATE, .handle = channel_account_create },
    { .takes = &STORE_CHANNEL_ACCOUNT_LIST, .handle = channel_account_list },
    { .takes = &STORE_ACCESS_READ, .handle = access_read },
    { .takes = &STORE_CONVERSATION_LIST, .handle = inbox_list },
    { .takes = &STORE_CONVERSATION_GET, .handle = inbox_get },
    { .takes = &STORE_CONVERSATION_MESSAGES, .handle = inbox_messages },
    { .takes = &STORE_CONVERSATION_PATCH, .handle = inbox_patch, .batch_max = 1 },
    { .takes = &STORE_CONVERSATION_READ, .handle = inbox_read },
    { .takes = &STORE_CONVERSATION_TYPING, .handle = mark_typing },
    { .takes = &STORE_NOTE_ADD, .handle = note_add },
    { .takes = &STORE_NOTE_LIST, .handle = note_list },
    { .takes = &STORE_CANNED_REPLY_CREATE, .handle = canned_create },
    { .takes = &STORE_CANNED_REPLY_LIST, .handle = canned_list },
    { .takes = &STORE_CANNED_REPLY_GET, .handle = canned_get },
    { .takes = &STORE_CANNED_REPLY_PATCH, .handle = canned_patch },
    { .takes = &STORE_CANNED_REPLY_DELETE, .handle = canned_delete },
    { .takes = &STORE_MESSAGE_MARK, .handle = mark_describe },
    { .takes = &STORE_EVENT_FIND, .handle = log_find },
    { .takes = &STORE_EVENT_PAGE, .handle = log_page },
    { .takes = &STORE_SAFETY_RECORD, .handle = refusal_record },
    { .takes = &STORE_MEDIA_DELETE, .handle = media_delete },
    { .takes = &STORE_MEDIA_REMOVE, .handle = media_remove },
    { .takes = &STORE_PIPELINE_LIST, .handle = pipeline_list },
    { .takes = &STORE_PIPELINE_GET, .handle = pipeline_get },
    { .takes = &STORE_PIPELINE_CREATE, .handle = pipeline_create },
    { .takes = &STORE_PIPELINE_PATCH, .handle = pipeline_patch },
    { .takes = &STORE_PIPELINE_DELETE, .handle = pipeline_delete },
    { .takes = &STORE_STAGE_GET, .handle = stage_get },
    { .takes = &STORE_STAGE_CREATE, .handle = stage_create },
    { .takes = &STORE_STAGE_PATCH, .handle = stage_patch },
    { .takes = &STORE_STAGE_DELETE, .handle = stage_delete },
    { .takes = &STORE_AI_MODEL_CREATE, .handle = ai_model_create },
    { .takes = &STORE_AI_MODEL_PATCH, .handle = ai_model_patch },
    { .takes = &STORE_AI_MODEL_DELETE, .handle = ai_model_delete },
    { .takes = &STORE_AI_MODEL_GET, .handle = ai_model_get },
    { .takes = &STORE_AI_MODEL_LIST, .handle = ai_model_list },
    { .takes = &STORE_AI_PROMPT_LIST, .handle = ai_prompt_list },
    { .takes = &STORE_AI_PROMPT_GET, .handle = ai_prompt_get },
    { .takes = &STORE_TEMPLATE_LIST, .handle = template_list },
    { .takes = &STORE_TEMPLATE_ACCOUNTS, .handle = template_accounts },
    { .takes = &STORE_TEMPLATE_RECORD, .handle = template_record, .batch_max = 8 },
    { .takes = &STORE_TEMPLATE_UPDATE, .handle = template_update },
    { .takes = &STORE_MEDIA_FIND, .handle = media_find },
    { .takes = &STORE_MEDIA_SETTLE, .handle = media_settle },
    { .takes = &STORE_MEDIA_GET, .handle = media_get },
    { .takes = &STORE_MEDIA_CREATE, .handle = media_create },
    { .takes = &STORE_KNOWLEDGE_PUT, .handle = knowledge_put, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_LIST, .handle = knowledge_list },
    { .takes = &STORE_KNOWLEDGE_GET, .handle = knowledge_get, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_DELETE, .handle = knowledge_delete, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_SETTINGS_GET, .handle = knowledge_settings_get },
    { .takes = &STORE_KNOWLEDGE_SETTINGS_PATCH, .handle = knowledge_settings_patch, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_READ, .handle = knowledge_read, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_INDEX, .handle = knowledge_index, .batch_max = 8 },
    { .takes = &STORE_KNOWLEDGE_SEARCH, .handle = knowledge_search, .batch_max = 16 },
    { .takes = &STORE_USAGE_RECORD, .handle = usage_record },
    { .takes = &STORE_USAGE_READ, .handle = usage_read },
    { .takes = &STORE_SUMMARY_ASK, .handle = summary_ask },
    { .takes = &STORE_SUMMARY_OPEN, .handle = summary_open, .batch_max = 16 },
    { .takes = &STORE_SUMMARY_COMMIT, .handle = summary_commit, .batch_max = 16 },
    { .takes = &STORE_BUMPUP_ASK, .handle = bumpup_ask },
    { .takes = &STORE_BUMPUP_OPEN, .handle = bumpup_open, .batch_max = 16 },
    { .takes = &STORE_BUMPUP_COMMIT, .handle = bumpup_commit, .batch_max = 16 },
    { .takes = &STORE_STATS, .handle = stats_read },
    { 0 },
};

static const struct duty duties[] = {
    { .name = "relay", .run = relay_run, .hears = &NUDGE_RELAY, .stop = relay_stop, .apart_ms = 20 },
    { .name = "sweep", .run = sweep_run, .stop = sweep_stop },
    { 0 },
};

static enum status store_open(struct batch *batch, struct error *error)
{
    relay_register(&duties[0]);
    TRY(knowledge_open(batch, error));
    return company_seed(batch, error);
}

int main(int argc, char **argv)
{
    const struct service store = {
        .name = "lead-store",
        .help = "customers, conversations, messages; the gate; the event log",
        .settings = CONFIG_SETTINGS,
        .routes = routes,
        .duties = duties,
        .database = true,
        .schema = "crm",
        .migrations = MIGRATIONS,
        .migration_count = MIGRATION_COUNT,
        .open = store_open,
    };
    return service_main(argc, argv, &store);
}
