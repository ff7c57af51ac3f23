#include "rules.h"

#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/field.h"
#include "wire/pb.h"

#define OF(lower) (&pb__##lower##__descriptor)

static const struct rule RULES[] = {
    { OF(inbound_post), "phone_number", RULE_REQUIRED | RULE_NONEMPTY, 0, 254 },
    { OF(inbound_post), "contact_name", RULE_REQUIRED, 0, NAME_BYTES_MAX },
    { OF(inbound_post), "message_text", RULE_REQUIRED | RULE_NONEMPTY, 0, MESSAGE_TEXT_BYTES_MAX },
    { OF(inbound_post), "external_id", RULE_NONEMPTY, 0, KEY_BYTES_MAX },

    { OF(company_create_request), "id", RULE_UUID, 0, 0 },
    { OF(company_create_request), "request_id", RULE_HIDDEN, 0, 0 },
    { OF(company_create_request), "name", RULE_REQUIRED | RULE_NONEMPTY, 0, NAME_BYTES_MAX },
    { OF(company_create_request), "buffer_ms", 0, 0, 60 * 1000 },
    { OF(company_create_request), "buffer_max_ms", 0, 0, 10 * 60 * 1000 },

    { OF(company_get_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(company_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(company_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(company_patch_request), "name", RULE_NONEMPTY, 0, NAME_BYTES_MAX },
    { OF(company_patch_request), "buffer_ms", 0, 0, 60 * 1000 },
    { OF(company_patch_request), "buffer_max_ms", 0, 0, 10 * 60 * 1000 },
    { OF(company_patch_request), "bumpup_after_days", 0, 1, 365 },
    { OF(hand_over_rules), "turns_without_progress", 0, 0, 100 },
    { OF(hand_over_rules), "deadline_ms", 0, 1000, 24 * 60 * 60 * 1000 },
    { OF(hand_over_rules), "person_deadline_ms", 0, 0, 7 * 24 * 60 * 60 * 1000 },

    { OF(api_key_create_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(api_key_create_request), "secret_hash", RULE_HIDDEN, 0, 0 },
    { OF(api_key_create_request), "name", RULE_REQUIRED | RULE_NONEMPTY, 0, NAME_BYTES_MAX },
    { OF(api_key_create_request), "scopes", RULE_REQUIRED, 0, 0 },
    { OF(api_key_create_request), "requests_per_minute", 0, 0, 1000000 },
    { OF(api_key), "secret_hash", RULE_HIDDEN, 0, 0 },

    { OF(channel_account_request), "channel", RULE_REQUIRED, 0, 0 },
    { OF(channel_account_request), "account", RULE_REQUIRED | RULE_NONEMPTY, 0, KEY_BYTES_MAX },
    { OF(channel_account), "webhook_secrets", RULE_HIDDEN, 0, 0 },
    { OF(channel_account), "verify_token", RULE_HIDDEN, 0, 0 },

    { OF(lead_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(lead_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(lead_patch_request), "contact_name", 0, 0, NAME_BYTES_MAX },
    { NULL, "stage_id", RULE_UUID, 0, 0 },

    { OF(consent_record_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(consent_record_request), "lead_id", RULE_HIDDEN, 0, 0 },
    { OF(consent_record_request), "scope", RULE_REQUIRED | RULE_NONEMPTY, 0, KEY_BYTES_MAX },
    { OF(consent_record_request), "granted", RULE_REQUIRED, 0, 0 },
    { OF(consent_record_request), "source", RULE_REQUIRED | RULE_NONEMPTY, 0, NAME_BYTES_MAX },
    { OF(consent_record_request), "text_version", 0, 0, NAME_BYTES_MAX },
    { OF(consent_record_request), "proof", 0, 0, 16 * 1024 },

    { OF(follow_up_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(follow_up_request), "idempotency_key", RULE_HIDDEN, 0, 0 },
    { OF(follow_up_accepted), "jobs", RULE_HIDDEN, 0, 0 },

    { OF(handover_request), "lead_id", RULE_UUID, 0, 0 },
    { OF(handover_request), "conversation_id", RULE_UUID, 0, 0 },
    { OF(handover_reply), "settled_at", RULE_HIDDEN, 0, 0 },
    { OF(handover_reply), "jobs", RULE_HIDDEN, 0, 0 },
    { OF(operator_message_request), "lead_id", RULE_UUID, 0, 0 },
    { OF(operator_message_request), "conversation_id", RULE_UUID, 0, 0 },
    { OF(operator_message_request), "message", 0, 0, MESSAGE_TEXT_BYTES_MAX },
    { OF(operator_message_request), "messageId", 0, 0, KEY_BYTES_MAX },
    { OF(operator_message_request), "idempotency_key", RULE_HIDDEN, 0, 0 },
    { OF(operator_message_reply), "jobs", RULE_HIDDEN, 0, 0 },
    { OF(operator_message_reply), "external_id", RULE_ADDED, 0, 0 },
    { NULL, "operator", 0, 0, NAME_BYTES_MAX },

    { OF(conversation_list_request), "lead_id", RULE_UUID, 0, 0 },
    { OF(conversation_list_request), "assignee", 0, 0, NAME_BYTES_MAX },
    { OF(conversation_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(conversation_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(conversation_patch_request), "assignee", 0, 0, NAME_BYTES_MAX },
    { OF(conversation_read_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(conversation_seen), "jobs", RULE_HIDDEN, 0, 0 },
    { OF(conversation_typing_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(conversation_typing), "jobs", RULE_HIDDEN, 0, 0 },
    { OF(conversation_typing), "lead_id", RULE_HIDDEN, 0, 0 },
    { OF(note_create_request), "conversation_id", RULE_HIDDEN, 0, 0 },
    { OF(note_create_request), "idempotency_key", RULE_HIDDEN, 0, 0 },
    { OF(note_create_request), "text", RULE_REQUIRED | RULE_NONEMPTY, 0, 16 * 1024 },
    { OF(canned_reply_create_request), "idempotency_key", RULE_HIDDEN, 0, 0 },
    { OF(canned_reply_create_request), "shortcut", RULE_REQUIRED | RULE_NONEMPTY, 0, 64 },
    { OF(canned_reply_create_request), "text", RULE_REQUIRED | RULE_NONEMPTY, 0, 16 * 1024 },
    { OF(canned_reply_create_request), "title", 0, 0, NAME_BYTES_MAX },
    { OF(canned_reply_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(canned_reply_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(canned_reply_patch_request), "shortcut", RULE_NONEMPTY, 0, 64 },
    { OF(canned_reply_patch_request), "text", RULE_NONEMPTY, 0, 16 * 1024 },
    { OF(canned_reply_patch_request), "title", 0, 0, NAME_BYTES_MAX },
    { OF(operator_message_request), "after_message_id", RULE_UUID, 0, 0 },
    { OF(operator_message_request), "canned_reply_id", RULE_UUID, 0, 0 },
    { OF(operator_message_reply), "missed", RULE_HIDDEN, 0, 0 },
    { OF(event_stream_request), "after", RULE_UUID, 0, 0 },
    { OF(event_stream_request), "lead_id", RULE_UUID, 0, 0 },
    { OF(event_stream_request), "type", 0, 0, NAME_BYTES_MAX },
    { OF(stream_event), "number", RULE_HIDDEN, 0, 0 },

    { OF(company_patch_request), "media_wait_ms", 0, 0, 60000 },
    { OF(pipeline_create_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(pipeline_create_request), "name", RULE_REQUIRED | RULE_NONEMPTY, 0, 256 },
    { OF(pipeline_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(pipeline_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(stage_create_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(stage_create_request), "name", RULE_REQUIRED | RULE_NONEMPTY, 0, 256 },
    { OF(stage_create_request), "pipeline_id", RULE_UUID, 0, 0 },
    { OF(stage_remove_request), "move_to", RULE_UUID, 0, 0 },
    { OF(stage_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(stage_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(ai_model_create_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(ai_model_create_request), "provider", RULE_REQUIRED | RULE_NONEMPTY, 0, KEY_BYTES_MAX },
    { OF(ai_model_create_request), "model", RULE_REQUIRED | RULE_NONEMPTY, 0, 128 },
    { OF(ai_model_patch_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(ai_model_patch_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(ai_model_patch_request), "model", RULE_NONEMPTY, 0, 128 },
    { OF(ai_model_create_request), "position", 0, 0, 1000 },
    { OF(ai_model_patch_request), "position", 0, 0, 1000 },
    { NULL, "max_tokens", 0, 1, 100000 },
    { NULL, "system_prompt", 0, 0, 64 * 1024 },

    { OF(knowledge_put_request), "id", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_put_request), "replaces", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_put_request), "if_version", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_put_request), "title", RULE_REQUIRED | RULE_NONEMPTY, 0, NAME_BYTES_MAX },
    { OF(knowledge_put_request), "text", RULE_REQUIRED | RULE_NONEMPTY, 0, KNOWLEDGE_TEXT_BYTES_MAX },
    { OF(knowledge_put_request), "source", 0, 0, NAME_BYTES_MAX },
    { OF(knowledge_document), "jobs", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_chunk), "title", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_chunk), "vector", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_search_request), "query", RULE_REQUIRED | RULE_NONEMPTY, 0, 16 * 1024 },
    { OF(knowledge_search_request), "limit", 0, 1, 50 },
    { OF(knowledge_search_request), "vector", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_search_request), "embedding", RULE_HIDDEN, 0, 0 },
    { OF(knowledge_found), "vector_wanted", RULE_HIDDEN, 0, 0 },

    { OF(job_create_request), "task", RULE_REQUIRED | RULE_NONEMPTY, 0, KEY_BYTES_MAX },
    { OF(job_create_request), "idempotency_key", RULE_NONEMPTY, 0, KEY_BYTES_MAX },
    { OF(job_create_request), "priority", 0, 0, 100 },
    { OF(job_stats_request), "every_company", RULE_HIDDEN, 0, 0 },
    { OF(job_replay_request), "max_jobs", 0, 1, 1000 },
    { OF(quarantine_replay_request), "max_items", 0, 1, 1000 },

    { NULL, "company_id", RULE_UUID, 0, 0 },
    { NULL, "limit", 0, 1, PAGE_ITEMS_MAX },
    { NULL, "cursor", 0, 0, NAME_BYTES_MAX },
};

const struct rule *rules_find(const ProtobufCMessageDescriptor *type, const char *field)
{
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
        if ((RULES[i].type == NULL || RULES[i].type == type) && strcmp(RULES[i].field, field) == 0)
            return &RULES[i];
    return NULL;
}

const char *rules_added(const ProtobufCMessageDescriptor *type)
{
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
        if (RULES[i].type == type && (RULES[i].flags & RULE_ADDED))
            return RULES[i].field;
    return NULL;
}

bool rules_hidden(const ProtobufCMessageDescriptor *type, const char *field)
{
    const struct rule *rule = rules_find(type, field);
    return rule != NULL && (rule->flags & RULE_HIDDEN) != 0;
}

bool rules_shown(const ProtobufCMessageDescriptor *type, const char *field)
{
    return !rules_hidden(type, field);
}

bool rules_field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return field_present(message, field);
}

enum status rules_check_hidden(const ProtobufCMessage *message, struct error *error)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (rules_hidden(type, type->fields[i].name) && field_present(message, &type->fields[i]))
            return error_code(error, REJECT, "unknown_field", "'%s' is not known here.", type->fields[i].name);
    return OK;
}

static enum status check_text(const struct rule *rule, const char *text, struct error *error)
{
    if ((rule->flags & RULE_NONEMPTY) && text[strspn(text, " \t\r\n")] == '\0')
        return error_code(error, REJECT, "bad_value", "'%s' must not be empty.", rule->field);
    if (rule->max > 0 && strlen(text) > (size_t)rule->max)
        return error_code(error, REJECT, "too_long", "'%s' is longer than %lld bytes.", rule->field,
                          (long long)rule->max);
    if ((rule->flags & RULE_UUID) && !ident_valid(text))
        return error_code(error, REJECT, "bad_value", "'%s' must be a UUID.", rule->field);
    return OK;
}

static enum status check_field(const struct rule *rule, const ProtobufCMessage *message,
                               const ProtobufCFieldDescriptor *field, struct error *error)
{
    const void *value = field_memory(message, field);
    if (!field_present(message, field) || field_is_repeated(field))
        return OK;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return check_text(rule, *(const char *const *)value, error);
    bool number = field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_INT64;
    if (number && rule->max > 0 && (field_integer(field, value) < rule->min || field_integer(field, value) > rule->max))
        return error_code(error, REJECT, "bad_value", "'%s' must be from %lld to %lld.", rule->field,
                          (long long)rule->min, (long long)rule->max);
    return OK;
}

/* All of them in one sentence, so that a caller is not sent round once per field. */
static enum status check_missing(const ProtobufCMessage *message, struct error *error)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    char names[ERROR_BYTES_MAX / 2] = "";
    size_t count = 0, bytes = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const struct rule *rule = rules_find(type, type->fields[i].name);
        if (rule == NULL || !(rule->flags & RULE_REQUIRED) || field_present(message, &type->fields[i]) ||
            bytes + 40 > sizeof names)
            continue;
        bytes +=
            (size_t)snprintf(names + bytes, sizeof names - bytes, "%s'%.32s'", count++ > 0 ? ", " : "", rule->field);
    }
    if (count == 0)
        return OK;
    return error_code(error, REJECT, "missing_field", "%s %s missing.", names, count == 1 ? "is" : "are");
}

enum status rules_check(const ProtobufCMessage *message, struct error *error)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    TRY(check_missing(message, error));
    for (unsigned i = 0; i < type->n_fields; i++) {
        const struct rule *rule = rules_find(type, type->fields[i].name);
        if (rule != NULL && !(rule->flags & RULE_HIDDEN))
            TRY(check_field(rule, message, &type->fields[i], error));
    }
    return OK;
}
