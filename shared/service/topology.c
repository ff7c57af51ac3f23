#include "service/topology.h"

#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/pbjson.h"

/* What the macros spell: the type of a request or reply. */
#define TYPE(lower) (&pb__##lower##__descriptor)
#define CALL(subject, asks, answers)                                                                                   \
    {                                                                                                                  \
        .name = subject, .carrier = CARRIER_CALL, .request = TYPE(asks), .reply = TYPE(answers)                        \
    }
#define NUDGE(subject, type)                                                                                           \
    {                                                                                                                  \
        .name = subject, .carrier = CARRIER_NUDGE, .request = TYPE(type)                                               \
    }
#define WORK_OF(task_name, durable, params)                                                                            \
    {                                                                                                                  \
        .name = "work." task_name, .carrier = CARRIER_WORK, .stream = "WORK", .consumer = durable, .task = task_name,  \
        .request = params                                                                                              \
    }

const struct subject INBOUND_MESSAGE = { .name = "inbound.message.*",
                                         .carrier = CARRIER_STREAM,
                                         .stream = "INBOUND",
                                         .consumer = "ingest-message",
                                         .request = TYPE(raw_inbound) };
const struct subject INBOUND_RECEIPT = { .name = "inbound.receipt.*",
                                         .carrier = CARRIER_STREAM,
                                         .stream = "INBOUND",
                                         .consumer = "ingest-receipt",
                                         .request = TYPE(raw_inbound) };

const struct subject WORK_AI_ENGAGE = WORK_OF("ai.engage", "ai-engage", TYPE(engage_params));
const struct subject WORK_KB_INDEX = WORK_OF("kb.index", "knowledge", TYPE(knowledge_index_params));
const struct subject WORK_SEND_WHATSAPP_CLOUD =
    WORK_OF("channel.send.whatsapp_cloud", "channel-send-whatsapp_cloud", TYPE(send_params));
const struct subject WORK_TEMPLATE_SYNC = WORK_OF("template.sync", "template-sync", TYPE(template_sync_request));
const struct subject WORK_MEDIA_FETCH = WORK_OF("media.fetch", "media-fetch", TYPE(media_fetch_params));

const struct subject WORK_MARK_WHATSAPP_CLOUD =
    WORK_OF("channel.mark.whatsapp_cloud", "channel-mark-whatsapp_cloud", TYPE(mark_params));
const struct subject WORK_AI_SUMMARY = WORK_OF("ai.summary", "summary", TYPE(lead_params));
const struct subject WORK_BUMPUP = WORK_OF("followup.bumpup", "bumpup", TYPE(lead_params));

const struct subject STORE_INBOUND_RECORD = CALL("store.inbound.record", inbound_message, inbound_recorded);
const struct subject STORE_RECEIPT_APPLY = CALL("store.receipt.apply", receipt, receipt_applied);
const struct subject STORE_TURN_OPEN = CALL("store.turn.open", turn_open_request, turn_opened);
const struct subject STORE_TURN_COMMIT = CALL("store.turn.commit", turn_commit_request, turn_committed);
const struct subject STORE_SEND_AUTHORIZE = CALL("store.send.authorize", send_authorize_request, send_authorized);
const struct subject STORE_SEND_SETTLE = CALL("store.send.settle", send_settle_request, send_settled);
const struct subject STORE_CONVERSATION_TAKE = CALL("store.conversation.take", handover_request, handover_reply);
const struct subject STORE_CONVERSATION_GIVE_BACK =
    CALL("store.conversation.give_back", handover_request, handover_reply);
const struct subject STORE_CONVERSATION_LIST =
    CALL("store.conversation.list", conversation_list_request, conversation_list);
const struct subject STORE_CONVERSATION_GET = CALL("store.conversation.get", conversation_get_request, conversation);
const struct subject STORE_CONVERSATION_MESSAGES =
    CALL("store.conversation.messages", conversation_messages_request, message_list);
const struct subject STORE_CONVERSATION_PATCH =
    CALL("store.conversation.patch", conversation_patch_request, conversation);
const struct subject STORE_CONVERSATION_READ =
    CALL("store.conversation.read", conversation_read_request, conversation_seen);
const struct subject STORE_CONVERSATION_TYPING =
    CALL("store.conversation.typing", conversation_typing_request, conversation_typing);
const struct subject STORE_MESSAGE_MARK = CALL("store.message.mark", mark_request, mark);
const struct subject STORE_OPERATOR_POST =
    CALL("store.operator.post", operator_message_request, operator_message_reply);
const struct subject STORE_LEAD_LIST = CALL("store.lead.list", lead_list_request, lead_list);
const struct subject STORE_LEAD_GET = CALL("store.lead.get", lead_get_request, lead);
const struct subject STORE_LEAD_PATCH = CALL("store.lead.patch", lead_patch_request, lead);
const struct subject STORE_LEAD_MESSAGES = CALL("store.lead.messages", message_list_request, message_list);
const struct subject STORE_LEAD_EVENTS = CALL("store.lead.events", message_list_request, lead_event_list);
const struct subject STORE_CONSENT_RECORD = CALL("store.consent.record", consent_record_request, consent);
const struct subject STORE_CONSENT_LIST = CALL("store.consent.list", consent_list_request, consent_list);
const struct subject STORE_MESSAGE_GET = CALL("store.message.get", message_get_request, message);
const struct subject STORE_SAFETY_LIST = CALL("store.safety.list", refusal_list_request, refusal_list);
const struct subject STORE_MESSAGE_WHY = CALL("store.message.why", message_get_request, message_why);
const struct subject STORE_COMPANY_CREATE = CALL("store.company.create", company_create_request, company);
const struct subject STORE_COMPANY_GET = CALL("store.company.get", company_get_request, company);
const struct subject STORE_COMPANY_PATCH = CALL("store.company.patch", company_patch_request, company);
const struct subject STORE_API_KEY_CREATE = CALL("store.api_key.create", api_key_create_request, api_key);
const struct subject STORE_API_KEY_LIST = CALL("store.api_key.list", api_key_list_request, api_key_list);
const struct subject STORE_API_KEY_REVOKE = CALL("store.api_key.revoke", api_key_revoke_request, api_key);
const struct subject STORE_ACCESS_READ = CALL("store.access.read", access_request, access);
const struct subject STORE_CHANNEL_ACCOUNT_CREATE =
    CALL("store.channel_account.create", channel_account_request, channel_account);
const struct subject STORE_CHANNEL_ACCOUNT_LIST =
    CALL("store.channel_account.list", channel_account_list_request, channel_account_list);
const struct subject STORE_NOTE_ADD = CALL("store.note.add", note_create_request, note);
const struct subject STORE_NOTE_LIST = CALL("store.note.list", note_list_request, note_list);
const struct subject STORE_CANNED_REPLY_CREATE =
    CALL("store.canned_reply.create", canned_reply_create_request, canned_reply);
const struct subject STORE_CANNED_REPLY_LIST =
    CALL("store.canned_reply.list", canned_reply_list_request, canned_reply_list);
const struct subject STORE_CANNED_REPLY_GET = CALL("store.canned_reply.get", canned_reply_request, canned_reply);
const struct subject STORE_CANNED_REPLY_PATCH =
    CALL("store.canned_reply.patch", canned_reply_patch_request, canned_reply);
const struct subject STORE_CANNED_REPLY_DELETE = CALL("store.canned_reply.delete", canned_reply_request, canned_reply);
const struct subject STORE_EVENT_FIND = CALL("store.event.find", event_stream_request, event_found);
const struct subject STORE_EVENT_PAGE = CALL("store.event.page", event_page_request, event_page);
const struct subject STORE_SAFETY_RECORD = CALL("store.safety.record", refusal_record_request, empty);
const struct subject STORE_MEDIA_DELETE = CALL("store.media.delete", media_delete_request, media_deleted);
const struct subject STORE_MEDIA_REMOVE = CALL("store.media.remove", media_remove_request, media_removable);
const struct subject STORE_PIPELINE_LIST = CALL("store.pipeline.list", pipeline_list_request, pipeline_list);
const struct subject STORE_PIPELINE_GET = CALL("store.pipeline.get", pipeline_request, pipeline);
const struct subject STORE_PIPELINE_CREATE = CALL("store.pipeline.create", pipeline_create_request, pipeline);
const struct subject STORE_PIPELINE_PATCH = CALL("store.pipeline.patch", pipeline_patch_request, pipeline);
const struct subject STORE_PIPELINE_DELETE = CALL("store.pipeline.delete", pipeline_request, pipeline);
const struct subject STORE_STAGE_GET = CALL("store.stage.get", stage_request, stage);
const struct subject STORE_STAGE_CREATE = CALL("store.stage.create", stage_create_request, stage);
const struct subject STORE_STAGE_PATCH = CALL("store.stage.patch", stage_patch_request, stage);
const struct subject STORE_STAGE_DELETE = CALL("store.stage.delete", stage_remove_request, stage_removed);
const struct subject STORE_AI_MODEL_CREATE = CALL("store.ai_model.create", ai_model_create_request, ai_model);
const struct subject STORE_AI_MODEL_PATCH = CALL("store.ai_model.patch", ai_model_patch_request, ai_model);
const struct subject STORE_AI_MODEL_DELETE = CALL("store.ai_model.delete", ai_model_request, ai_model);
const struct subject STORE_AI_MODEL_GET = CALL("store.ai_model.get", ai_model_request, ai_model);
const struct subject STORE_AI_MODEL_LIST = CALL("store.ai_model.list", ai_model_list_request, ai_model_list);
const struct subject STORE_AI_PROMPT_LIST = CALL("store.ai_prompt.list", ai_prompt_list_request, ai_prompt_list);
const struct subject STORE_AI_PROMPT_GET = CALL("store.ai_prompt.get", ai_prompt_request, ai_prompt);
const struct subject STORE_USAGE_RECORD = CALL("store.usage.record", usage_record_request, empty);
const struct subject STORE_USAGE_READ = CALL("store.usage.read", usage_request, usage);
const struct subject STORE_SUMMARY_ASK = CALL("store.summary.ask", follow_up_request, follow_up_accepted);
const struct subject STORE_SUMMARY_OPEN = CALL("store.summary.open", summary_open_request, summary_opened);
const struct subject STORE_SUMMARY_COMMIT = CALL("store.summary.commit", summary_commit_request, summary_committed);
const struct subject STORE_BUMPUP_ASK = CALL("store.bumpup.ask", follow_up_request, follow_up_accepted);
const struct subject STORE_BUMPUP_OPEN = CALL("store.bumpup.open", bumpup_open_request, bumpup_opened);
const struct subject STORE_BUMPUP_COMMIT = CALL("store.bumpup.commit", bumpup_commit_request, bumpup_committed);
const struct subject STORE_STATS = CALL("store.stats", stats_request, stats);
const struct subject STORE_TEMPLATE_LIST = CALL("store.template.list", template_list_request, template_list);
const struct subject STORE_TEMPLATE_ACCOUNTS =
    CALL("store.template.accounts", template_accounts_request, template_accounts);
const struct subject STORE_TEMPLATE_RECORD = CALL("store.template.record", template_record_request, template_recorded);
const struct subject STORE_TEMPLATE_UPDATE = CALL("store.template.update", template_update_request, template_updated);
const struct subject STORE_MEDIA_FIND = CALL("store.media.find", media_find_request, media_found);
const struct subject STORE_MEDIA_SETTLE = CALL("store.media.settle", media_settle_request, media_settled);
const struct subject STORE_MEDIA_GET = CALL("store.media.get", media_get_request, media_file);
const struct subject STORE_MEDIA_CREATE = CALL("store.media.create", media_create_request, media_file);
const struct subject STORE_KNOWLEDGE_PUT = CALL("store.knowledge.put", knowledge_put_request, knowledge_document);
const struct subject STORE_KNOWLEDGE_LIST = CALL("store.knowledge.list", knowledge_list_request, knowledge_list);
const struct subject STORE_KNOWLEDGE_GET = CALL("store.knowledge.get", knowledge_get_request, knowledge_document);
const struct subject STORE_KNOWLEDGE_DELETE = CALL("store.knowledge.delete", knowledge_get_request, knowledge_document);
const struct subject STORE_KNOWLEDGE_SETTINGS_GET = CALL("store.knowledge.settings_get", empty, knowledge_settings);
const struct subject STORE_KNOWLEDGE_SETTINGS_PATCH =
    CALL("store.knowledge.settings_patch", knowledge_settings_request, knowledge_settings);
const struct subject STORE_KNOWLEDGE_READ = CALL("store.knowledge.read", knowledge_read_request, knowledge_to_index);
const struct subject STORE_KNOWLEDGE_INDEX = CALL("store.knowledge.index", knowledge_index_request, knowledge_indexed);
const struct subject STORE_KNOWLEDGE_SEARCH = CALL("store.knowledge.search", knowledge_search_request, knowledge_found);

const struct subject JOBS_ENQUEUE = CALL("jobs.enqueue", job_spec, job_enqueued);
const struct subject JOBS_FINISH = CALL("jobs.finish", job_finish, job_finished);
const struct subject JOBS_GET = CALL("jobs.get", job_get_request, job);
const struct subject JOBS_LIST = CALL("jobs.list", job_list_request, job_list);
const struct subject JOBS_STATS = CALL("jobs.stats", job_stats_request, job_stats);
const struct subject JOBS_REPLAY = CALL("jobs.replay", job_replay_request, job_replay_reply);

const struct subject INGEST_QUARANTINE_REPLAY =
    CALL("ingest.quarantine.replay", quarantine_replay_request, quarantine_replay_reply);

const struct subject KNOWLEDGE_SEARCH = CALL("knowledge.search", knowledge_search_request, knowledge_found);

const struct subject NUDGE_CONVERSATION = NUDGE("nudge.conversation", conversation_nudge);
const struct subject NUDGE_RELAY = NUDGE("nudge.relay", empty);
const struct subject NUDGE_EVENTS = NUDGE("nudge.events", events_nudge);
const struct subject NUDGE_MODEL = NUDGE("nudge.model", model_nudge);
const struct subject NUDGE_TYPING = NUDGE("nudge.typing", typing_nudge);
const struct subject NUDGE_DISPATCH = NUDGE("nudge.dispatch", empty);
const struct subject NUDGE_KEYS = NUDGE("nudge.keys", empty);
const struct subject EVENTS_OF_JOBS = NUDGE("events.*.job.*", event);
const struct subject JOBS_CAPACITY = NUDGE("jobs.capacity.>", job_capacity); /* task names hold dots */

/* -- names built from parts */

static const char *under(struct arena *arena, const char *wildcard, const char *rest)
{
    return text_format(arena, "%.*s%s", (int)strcspn(wildcard, "*>"), wildcard, rest);
}

const char *topology_inbound_subject(struct arena *arena, const struct subject *subject, Pb__Channel channel)
{
    const char *word = pbjson_enum_word(&pb__channel__descriptor, (int)channel);
    return under(arena, subject->name, text_or(word, "unknown"));
}

const char *topology_work_subject(struct arena *arena, const char *task)
{
    return text_format(arena, "work.%s", task);
}

const char *topology_capacity_subject(struct arena *arena, const char *task)
{
    return under(arena, JOBS_CAPACITY.name, task);
}

const char *topology_event_subject(struct arena *arena, const char *company_id, const char *type)
{
    return text_format(arena, "events.%s.%s", company_id, type);
}

const char *topology_quarantine_subject(struct arena *arena, const char *subject)
{
    return text_format(arena, "quarantine.%s", subject);
}

/* -- streams and consumers */

static const char *const inbound_subjects[] = { "inbound.>", NULL };
static const char *const work_subjects[] = { "work.>", NULL };
static const char *const event_subjects[] = { "events.>", NULL };
static const char *const quarantine_subjects[] = { "quarantine.>", NULL };

/* Of events the relay's next holder repeats at most what the last one had published within a lease (10 s): each id that
 * the server keeps costs it memory, and there are six to a message. */
enum { DUPLICATES_MS = 2 * MINUTE_MS, EVENT_DUPLICATES_MS = 30 * SECOND_MS };

static const struct bus_stream inbound = {
    .name = "INBOUND", .subjects = inbound_subjects, .work_queue = true, .duplicates_ms = DUPLICATES_MS, .version = 1
};
static const struct bus_stream work = {
    .name = "WORK", .subjects = work_subjects, .work_queue = true, .duplicates_ms = DUPLICATES_MS, .version = 1
};
static const struct bus_stream events = { .name = "EVENTS",
                                          .subjects = event_subjects,
                                          .age_ms_max = 7LL * DAY_MS,
                                          .bytes_max = 8LL << 30,
                                          .discard_old = true,
                                          .duplicates_ms = EVENT_DUPLICATES_MS,
                                          .version = 2 };
static const struct bus_stream quarantine = { .name = "QUARANTINE",
                                              .subjects = quarantine_subjects,
                                              .age_ms_max = 30LL * DAY_MS,
                                              .bytes_max = 1LL << 30,
                                              .discard_old = true,
                                              .duplicates_ms = DUPLICATES_MS,
                                              .version = 1 };

const struct bus_stream *const TOPOLOGY_STREAMS[] = { &inbound, &quarantine, &work, &events, NULL };

const char *topology_owner(const struct bus_stream *stream)
{
    if (stream == &work)
        return "scheduler";
    return stream == &events ? "lead-store" : "ingest";
}

#define CONSUMER(durable, of, subject)                                                                                 \
    {                                                                                                                  \
        .name = durable, .stream = of, .filter = subject, .ack_wait_ms = ACK_WAIT_MS, .ack_pending_max = 65536         \
    }

/* One per stream subject that is taken; of work one per task: few, fixed, none per conversation. */
const struct bus_consumer TOPOLOGY_CONSUMERS[] = {
    CONSUMER("ingest-message", "INBOUND", "inbound.message.*"),
    CONSUMER("ingest-receipt", "INBOUND", "inbound.receipt.*"),
    CONSUMER("ai-engage", "WORK", "work.ai.engage"),
    CONSUMER("bumpup", "WORK", "work.followup.bumpup"),
    CONSUMER("summary", "WORK", "work.ai.summary"),
    CONSUMER("channel-send-whatsapp_cloud", "WORK", "work.channel.send.whatsapp_cloud"),
    CONSUMER("channel-mark-whatsapp_cloud", "WORK", "work.channel.mark.whatsapp_cloud"),
    CONSUMER("media-fetch", "WORK", "work.media.fetch"),
    CONSUMER("knowledge", "WORK", "work.kb.index"),
    CONSUMER("template-sync", "WORK", "work.template.sync"),
    { .name = NULL },
};
