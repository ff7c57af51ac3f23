#include "routes.h"

#include <string.h>

#include "admin.h"
#include "base/text.h"
#include "consent.h"
#include "docs.h"
#include "follow_up.h"
#include "handover.h"
#include "health.h"
#include "inbound.h"
#include "inbox.h"
#include "jobs.h"
#include "knowledge.h"
#include "media.h"
#include "model_state.h"
#include "models.h"
#include "openapi.h"
#include "stages.h"
#include "stream/stream.h"
#include "templates.h"
#include "webhook.h"
#include "wire/pb.h"

#define OF(lower) (&pb__##lower##__descriptor)
#define PAGE      "limit cursor"

const struct endpoint ENDPOINTS[] = {
    { "POST", "/inbound-message", "inbound", "A customer's message, from any front end", SCOPE_INBOUND,
      .body = OF(inbound_post), .reply = OF(inbound_posted), .takes_key = true, .handle = inbound_post },
    { "GET", "/webhook", "inbound", "Meta asks whether the address is ours", SCOPE_NONE, .codes = "forbidden",
      .handle = webhook_verify },
    { "POST", "/webhook", "inbound", "Meta delivers messages and statuses, signed", SCOPE_NONE,
      .codes = "bad_signature", .handle = webhook_receive },

    { "GET", "/leads", "leads", "Leads, newest first", SCOPE_READ, &STORE_LEAD_LIST, .query = PAGE " phone stage_id" },
    { "GET", "/leads/{id}", "leads", "One lead with its contacts and conversations", SCOPE_READ, &STORE_LEAD_GET,
      .id_field = "id", .id_noun = "lead" },
    { "PATCH", "/leads/{id}", "leads", "Changes what is present; attributes are merged, null removes one", SCOPE_WRITE,
      &STORE_LEAD_PATCH, .body = OF(lead_patch_request), .codes = "unknown_stage", .id_field = "id",
      .id_noun = "lead" },
    { "GET", "/leads/{id}/messages", "leads", "A lead's messages, newest first", SCOPE_READ, &STORE_LEAD_MESSAGES,
      .id_field = "lead_id", .id_noun = "lead", .query = PAGE },
    { "GET", "/leads/{id}/events", "leads", "A lead's story, newest first", SCOPE_READ, &STORE_LEAD_EVENTS,
      .id_field = "lead_id", .id_noun = "lead", .query = PAGE },
    { "POST", "/leads/{id}/consents", "leads", "What a person allows, or no longer allows, with its proof", SCOPE_WRITE,
      &STORE_CONSENT_RECORD, .body = OF(consent_record_request), .id_field = "lead_id", .id_noun = "lead",
      .takes_key = true, .success = 201, .makes = "consent", .prepare = consent_prepare, .follow = consent_follow },
    { "GET", "/leads/{id}/consents", "leads", "What a person has allowed and taken back, newest first", SCOPE_READ,
      &STORE_CONSENT_LIST, .id_field = "lead_id", .id_noun = "lead", .query = PAGE },
    { "POST", "/leads/{id}/summary", "leads", "Sums up what was said with a lead, under its attributes.ai_summary",
      SCOPE_WRITE, &STORE_SUMMARY_ASK, .body = OF(follow_up_request), .body_optional = true, .id_field = "id",
      .id_noun = "lead", .takes_key = true, .success = 202, .codes = "no_conversation", .follow = follow_up_follow },
    { "POST", "/leads/{id}/bumpup", "leads", "Nudges a lead who has been silent, if all allows it", SCOPE_WRITE,
      &STORE_BUMPUP_ASK, .body = OF(follow_up_request), .body_optional = true, .id_field = "id", .id_noun = "lead",
      .takes_key = true, .success = 202, .codes = "no_conversation", .follow = follow_up_follow },
    { "GET", "/messages/{id}", "messages", "One message", SCOPE_READ, &STORE_MESSAGE_GET, .id_field = "id",
      .id_noun = "message" },
    { "GET", "/messages/{id}/why", "messages", "Why a message left or stayed: verdicts, turn, sources, safety",
      SCOPE_READ, &STORE_MESSAGE_WHY, .id_field = "id", .id_noun = "message" },

    { "GET", "/safety/refusals", "messages", "What the AI wrote and nobody may read: the verdicts, newest first",
      SCOPE_READ, &STORE_SAFETY_LIST, .query = PAGE " lead_id" },

    { "POST", "/api/v1/takeover", "conversations",
      "A person takes the conversation: nothing of the AI's leaves after the answer", SCOPE_OPERATOR,
      &STORE_CONVERSATION_TAKE, .body = OF(handover_request),
      .codes = "unknown_phone unknown_lead unknown_conversation", .prepare = handover_prepare,
      .follow = takeover_follow },
    { "POST", "/api/v1/handback", "conversations", "The AI resumes", SCOPE_OPERATOR, &STORE_CONVERSATION_GIVE_BACK,
      .body = OF(handover_request), .codes = "unknown_phone unknown_lead unknown_conversation",
      .prepare = handover_prepare, .follow = handback_follow },
    { "POST", "/api/v1/operator-message", "conversations", "A person writes to the customer", SCOPE_OPERATOR,
      &STORE_OPERATOR_POST, .body = OF(operator_message_request), .takes_key = true,
      .codes =
          "unknown_phone unknown_lead unknown_conversation unknown_message unknown_canned_reply unknown_file unknown_template window_closed template_not_approved conversation_closed outdated_view",
      .prepare = operator_prepare, .follow = operator_follow },

    { "GET", "/conversations", "conversations",
      "Conversations, newest first; waiting: those who wait for a person, oldest first", SCOPE_READ,
      &STORE_CONVERSATION_LIST, .query = PAGE " state owner waiting order assignee channel lead_id overdue" },
    { "GET", "/conversations/{id}", "conversations", "One conversation, with its last message", SCOPE_READ,
      &STORE_CONVERSATION_GET, .id_field = "id", .id_noun = "conversation" },
    { "PATCH", "/conversations/{id}", "conversations", "Assigns, closes or reopens it", SCOPE_OPERATOR,
      &STORE_CONVERSATION_PATCH, .body = OF(conversation_patch_request), .id_field = "id", .id_noun = "conversation",
      .prepare = inbox_patch_prepare },
    { "GET", "/conversations/{id}/messages", "conversations", "Its messages, newest first", SCOPE_READ,
      &STORE_CONVERSATION_MESSAGES, .id_field = "conversation_id", .id_noun = "conversation", .query = PAGE },
    { "POST", "/conversations/{id}/read", "conversations", "A person has seen it; the customer's provider is told",
      SCOPE_OPERATOR, &STORE_CONVERSATION_READ, .body = OF(conversation_read_request), .body_optional = true,
      .id_field = "id", .id_noun = "conversation", .follow = inbox_seen_follow },
    { "POST", "/conversations/{id}/typing", "conversations", "A person is writing: shown to the team and the customer",
      SCOPE_OPERATOR, &STORE_CONVERSATION_TYPING, .body = OF(conversation_typing_request), .body_optional = true,
      .success = 202, .id_field = "id", .id_noun = "conversation", .prepare = inbox_typing_prepare,
      .follow = inbox_typing_follow },
    { "POST", "/conversations/{id}/notes", "conversations", "A note of the team's; the customer never sees it",
      SCOPE_OPERATOR, &STORE_NOTE_ADD, .body = OF(note_create_request), .takes_key = true, .success = 201,
      .id_field = "conversation_id", .id_noun = "conversation", .prepare = inbox_note_prepare },
    { "GET", "/conversations/{id}/notes", "conversations", "The team's notes, newest first", SCOPE_READ,
      &STORE_NOTE_LIST, .id_field = "conversation_id", .id_noun = "conversation", .query = PAGE },
    { "POST", "/canned-replies", "conversations", "A text to be sent again and again, with placeholders",
      SCOPE_OPERATOR, &STORE_CANNED_REPLY_CREATE, .body = OF(canned_reply_create_request), .takes_key = true,
      .success = 201 },
    { "GET", "/canned-replies", "conversations", "The company's canned replies, by shortcut", SCOPE_READ,
      &STORE_CANNED_REPLY_LIST, .query = PAGE " shortcut" },
    { "GET", "/canned-replies/{id}", "conversations", "One canned reply", SCOPE_READ, &STORE_CANNED_REPLY_GET,
      .id_field = "id", .id_noun = "canned_reply" },
    { "PATCH", "/canned-replies/{id}", "conversations", "Changes what is present", SCOPE_OPERATOR,
      &STORE_CANNED_REPLY_PATCH, .body = OF(canned_reply_patch_request), .id_field = "id", .id_noun = "canned_reply" },
    { "DELETE", "/canned-replies/{id}", "conversations", "Removes it", SCOPE_OPERATOR, &STORE_CANNED_REPLY_DELETE,
      .id_field = "id", .id_noun = "canned_reply" },
    { "GET", "/events/stream", "events", "What happens in the company, as it happens; resumable by Last-Event-ID",
      SCOPE_READ, &STORE_EVENT_FIND, .reply = OF(stream_event), .query = "after lead_id type",
      .codes = "unknown_event event_too_old", .handle = stream_get },
    { "POST", "/media", "media", "A file to be sent: the body is the file, Content-Type its type", SCOPE_OPERATOR,
      .reply = OF(media_file), .success = 201, .takes_key = true, .takes_file = true, .handle = media_upload },
    { "GET", "/media/{id}", "media", "A file that was sent or uploaded; also by a signed link, without a key",
      SCOPE_READ, .reply = OF(media_file), .id_noun = "media", .by_link = true, .codes = "range_not_satisfiable",
      .handle = media_get },
    { "DELETE", "/media/{id}", "media", "Deletes a file; its content goes with the last file that is the same",
      SCOPE_WRITE, &STORE_MEDIA_DELETE, .id_field = "id", .id_noun = "media" },
    { "POST", "/media/{id}/link", "media", "A link that opens the file without a key, for a while", SCOPE_READ,
      .body = OF(media_link_request), .body_optional = true, .reply = OF(media_link), .id_field = "id",
      .id_noun = "media", .codes = "conflict", .handle = media_link_make },
    { "POST", "/kb/documents", "knowledge",
      "Material that the AI answers from: text, Markdown, HTML, or CSV of question and answer", SCOPE_WRITE,
      &STORE_KNOWLEDGE_PUT, .body = OF(knowledge_put_request), .takes_key = true, .success = 201,
      .makes = "kb-document", .follow = knowledge_follow },
    { "GET", "/kb/documents", "knowledge", "The company's material, newest first", SCOPE_READ, &STORE_KNOWLEDGE_LIST,
      .query = PAGE " state" },
    { "GET", "/kb/documents/{id}", "knowledge", "One document with its text and the chunks that are found", SCOPE_READ,
      &STORE_KNOWLEDGE_GET, .id_field = "id", .id_noun = "document" },
    { "PUT", "/kb/documents/{id}", "knowledge", "Replaces a document; only what changed is indexed anew", SCOPE_WRITE,
      &STORE_KNOWLEDGE_PUT, .body = OF(knowledge_put_request), .id_field = "id", .id_noun = "document",
      .prepare = knowledge_replace_prepare, .follow = knowledge_follow },
    { "DELETE", "/kb/documents/{id}", "knowledge", "Nothing of it is found any more", SCOPE_WRITE,
      &STORE_KNOWLEDGE_DELETE, .id_field = "id", .id_noun = "document" },
    { "POST", "/kb/search", "knowledge", "What the AI would be given to answer this from", SCOPE_READ,
      &KNOWLEDGE_SEARCH, .body = OF(knowledge_search_request) },
    { "GET", "/kb/settings", "knowledge", "How the material is used", SCOPE_READ,
      .asks = &STORE_KNOWLEDGE_SETTINGS_GET },
    { "PATCH", "/kb/settings", "knowledge", "Who embeds it, and what the AI does where nothing fits", SCOPE_ADMIN,
      &STORE_KNOWLEDGE_SETTINGS_PATCH, .body = OF(knowledge_settings_request) },

    { "GET", "/templates", "templates", "Templates as the provider has them, newest first", SCOPE_READ,
      &STORE_TEMPLATE_LIST, .query = PAGE " state name" },
    { "POST", "/templates/sync", "templates", "Asks the provider for its list of templates", SCOPE_WRITE,
      .body = OF(template_sync_request), .body_optional = true, .reply = OF(template_sync_reply), .success = 202,
      .takes_key = true, .handle = templates_sync },

    { "POST", "/jobs", "queue", "Enqueues a job; a known idempotency key answers with that job", SCOPE_WRITE,
      .body = OF(job_create_request), .reply = OF(job_created), .success = 202, .takes_key = true,
      .codes = "unknown_task", .handle = jobs_create },
    { "GET", "/jobs", "queue", "Jobs, newest first", SCOPE_READ, &JOBS_LIST, .query = PAGE " status task" },
    { "GET", "/jobs/{id}", "queue", "One job with its attempts", SCOPE_READ, &JOBS_GET, .id_field = "id",
      .id_noun = "job" },
    { "GET", "/queue/stats", "queue", "Counts by state", SCOPE_READ, &JOBS_STATS, .prepare = jobs_stats_prepare },
    { "POST", "/admin/dlq/replay", "admin", "Puts dead-lettered jobs back, oldest first", SCOPE_ADMIN, &JOBS_REPLAY,
      .body = OF(job_replay_request), .body_optional = true },
    { "POST", "/admin/quarantine/replay", "admin", "Puts quarantined messages back, oldest first", SCOPE_ADMIN,
      &INGEST_QUARANTINE_REPLAY, .body = OF(quarantine_replay_request), .body_optional = true, .installation = true },

    { "POST", "/companies", "admin", "Makes a company", SCOPE_ADMIN, &STORE_COMPANY_CREATE,
      .body = OF(company_create_request), .takes_key = true, .prepare = company_prepare, .follow = company_follow,
      .installation = true, .success = 201 },
    { "GET", "/company", "admin", "The company's settings", SCOPE_READ, .asks = &STORE_COMPANY_GET },
    { "PATCH", "/company", "admin", "Changes what is present; hand_over is replaced whole", SCOPE_ADMIN,
      &STORE_COMPANY_PATCH, .body = OF(company_patch_request) },
    { "GET", "/companies/{id}", "admin", "A company's settings", SCOPE_READ, &STORE_COMPANY_GET, .id_field = "id",
      .id_noun = "company", .prepare = company_address },
    { "PATCH", "/companies/{id}", "admin", "Changes what is present; hand_over is replaced whole", SCOPE_ADMIN,
      &STORE_COMPANY_PATCH, .body = OF(company_patch_request), .id_field = "id", .id_noun = "company",
      .prepare = company_address },
    { "POST", "/api-keys", "admin", "Makes an API key; it is shown once", SCOPE_ADMIN, &STORE_API_KEY_CREATE,
      .body = OF(api_key_create_request), .takes_key = true, .success = 201, .codes = "unknown_scope conflict",
      .prepare = api_key_prepare, .follow = api_key_follow },
    { "GET", "/api-keys", "admin", "The company's API keys without their secrets, newest first", SCOPE_ADMIN,
      &STORE_API_KEY_LIST, .query = PAGE },
    { "DELETE", "/api-keys/{id}", "admin", "Revokes an API key", SCOPE_ADMIN, &STORE_API_KEY_REVOKE, .id_field = "id",
      .follow = keys_changed },
    { "POST", "/channel-accounts", "admin", "A number or address belongs to the company", SCOPE_ADMIN,
      &STORE_CHANNEL_ACCOUNT_CREATE, .body = OF(channel_account_request), .codes = "unknown_channel account_taken",
      .follow = keys_changed },
    { "GET", "/channel-accounts", "admin", "The company's accounts without their secrets, newest first", SCOPE_ADMIN,
      &STORE_CHANNEL_ACCOUNT_LIST, .query = PAGE },

    { "GET", "/pipelines", "stages", "The company's pipelines with their stages, in their order", SCOPE_READ,
      .asks = &STORE_PIPELINE_LIST, .query = "archived" },
    { "POST", "/pipelines", "stages", "Makes a pipeline with its stages", SCOPE_ADMIN, &STORE_PIPELINE_CREATE,
      .body = OF(pipeline_create_request), .codes = "conflict", .takes_key = true, .success = 201,
      .makes = "new_pipeline", .follow = pipeline_follow },
    { "GET", "/pipelines/{id}", "stages", "One pipeline with its stages", SCOPE_READ, &STORE_PIPELINE_GET,
      .id_field = "id", .id_noun = "pipeline" },
    { "PATCH", "/pipelines/{id}", "stages", "Renames it, makes it the default one, archives it", SCOPE_ADMIN,
      &STORE_PIPELINE_PATCH, .body = OF(pipeline_patch_request), .codes = "conflict", .id_field = "id",
      .id_noun = "pipeline" },
    { "DELETE", "/pipelines/{id}", "stages", "Removes a pipeline in which nobody is", SCOPE_ADMIN,
      &STORE_PIPELINE_DELETE, .codes = "conflict", .id_field = "id", .id_noun = "pipeline" },
    { "POST", "/stages", "stages", "Adds a stage to a pipeline", SCOPE_ADMIN, &STORE_STAGE_CREATE,
      .body = OF(stage_create_request), .codes = "unknown_stage conflict", .takes_key = true, .success = 201,
      .makes = "stage", .follow = stage_follow },
    { "GET", "/stages/{id}", "stages", "One stage", SCOPE_READ, &STORE_STAGE_GET, .id_field = "id",
      .id_noun = "pipeline_stage" },
    { "PATCH", "/stages/{id}", "stages", "Changes what is present; ai_config and allowed_transitions are written whole",
      SCOPE_ADMIN, &STORE_STAGE_PATCH, .body = OF(stage_patch_request), .codes = "unknown_stage conflict",
      .id_field = "id", .id_noun = "pipeline_stage" },
    { "DELETE", "/stages/{id}", "stages", "Removes a stage; its leads go to the stage that is named", SCOPE_ADMIN,
      &STORE_STAGE_DELETE, .codes = "unknown_stage conflict", .id_field = "id", .id_noun = "pipeline_stage",
      .query = "move_to" },

    { "POST", "/ai-models", "models", "Adds a model: the company's, or a stage's", SCOPE_ADMIN, &STORE_AI_MODEL_CREATE,
      .body = OF(ai_model_create_request), .codes = "unknown_stage conflict", .takes_key = true, .success = 201,
      .makes = "ai_model", .follow = ai_model_follow },
    { "GET", "/ai-models", "models", "The company's models in the order in which they are asked, those of stages first",
      SCOPE_READ, &STORE_AI_MODEL_LIST, .query = "stage_id", .follow = ai_models_follow },
    { "GET", "/ai-models/{id}", "models", "One model", SCOPE_READ, &STORE_AI_MODEL_GET, .id_field = "id",
      .id_noun = "ai_model", .follow = ai_model_shown },
    { "PATCH", "/ai-models/{id}", "models", "Changes what is present; another system_prompt is a new version",
      SCOPE_ADMIN, &STORE_AI_MODEL_PATCH, .body = OF(ai_model_patch_request), .codes = "unknown_stage conflict",
      .id_field = "id", .id_noun = "ai_model" },
    { "DELETE", "/ai-models/{id}", "models", "Removes a model; its prompts stay", SCOPE_ADMIN, &STORE_AI_MODEL_DELETE,
      .id_field = "id", .id_noun = "ai_model" },
    { "GET", "/ai-models/{id}/prompts", "models", "Every prompt the model was given, newest first", SCOPE_READ,
      &STORE_AI_PROMPT_LIST, .id_field = "model_id", .id_noun = "ai_model", .query = PAGE },
    { "GET", "/ai-prompts/{id}", "models", "The prompt of a version, as a reply names it", SCOPE_READ,
      &STORE_AI_PROMPT_GET, .id_field = "version" },

    { "GET", "/usage", "models", "What the models used, by day, provider or model", SCOPE_READ, &STORE_USAGE_READ,
      .query = "from to group" },

    { "GET", "/health", "system", "Whether all parts are there", SCOPE_NONE, .handle = health_get },
    { "GET", "/stats", "system", "Open buffers and the kind of deduplication", SCOPE_NONE, .handle = health_stats },
    { "GET", "/metrics", "system", "Prometheus", SCOPE_NONE, .handle = health_metrics },
    { "GET", "/openapi.json", "system", "This description", SCOPE_NONE, .handle = openapi_get },
    { "GET", "/asyncapi.json", "system", "The events and their subjects", SCOPE_NONE, .handle = openapi_get_events },
    { "GET", "/docs", "system", "Swagger UI", SCOPE_NONE, .handle = docs_page },
    { "GET", "/docs/{id}", "system", "Swagger UI's files", SCOPE_NONE, .handle = docs_asset },
    { 0 },
};

const ProtobufCMessageDescriptor *endpoint_reply(const struct endpoint *endpoint)
{
    if (endpoint->reply != NULL)
        return endpoint->reply;
    return endpoint->asks == NULL ? NULL : endpoint->asks->reply;
}

bool endpoint_has_version(const struct endpoint *endpoint)
{
    return strcmp(endpoint->method, "GET") != 0 && !endpoint->takes_key && endpoint->asks != NULL &&
           protobuf_c_message_descriptor_get_field_by_name(endpoint->asks->request, "if_version") != NULL;
}

/* *id NULL unless the pattern has one. An id is one segment, never empty. */
static bool path_fits(struct arena *arena, const char *pattern, const char *path, const char **id)
{
    const char *hole = strstr(pattern, "{id}");
    *id = NULL;
    if (hole == NULL)
        return strcmp(pattern, path) == 0;
    size_t before = (size_t)(hole - pattern);
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t bytes = strcspn(path + before, "/");
    if (bytes == 0 || strcmp(hole + 4, path + before + bytes) != 0)
        return false;
    *id = arena_text_n(arena, path + before, bytes);
    return true;
}

const struct endpoint *routes_find(struct arena *arena, const char *method, const char *path, const char **id,
                                   bool *path_known)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    *path_known = false;
    for (const struct endpoint *endpoint = ENDPOINTS; endpoint->method != NULL; endpoint++) {
        if (!path_fits(arena, endpoint->path, path, id))
            continue;
        *path_known = true;
        if (strcmp(endpoint->method, wanted) == 0)
            return endpoint;
    }
    *id = NULL;
    return NULL;
}

const char *routes_allow(struct arena *arena, const char *path)
{
    struct buffer out = { .arena = arena };
    const char *id = NULL;
    for (const struct endpoint *endpoint = ENDPOINTS; endpoint->method != NULL; endpoint++)
        if (path_fits(arena, endpoint->path, path, &id))
            buffer_format(&out, "%s%s", out.bytes > 0 ? ", " : "",
                          strcmp(endpoint->method, "GET") == 0 ? "GET, HEAD" : endpoint->method);
    return buffer_text(&out);
}
