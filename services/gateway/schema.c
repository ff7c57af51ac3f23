#include "schema.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "rules.h"
#include "wire/comment.h"
#include "wire/field.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

void schema_mention(struct schema_set *set, const ProtobufCMessageDescriptor *type)
{
    if (type == NULL || type == &pb__json__descriptor)
        return;
    for (size_t i = 0; i < set->count; i++)
        if (set->types[i] == type)
            return;
    assert(set->count < SCHEMA_TYPES_MAX);
    set->types[set->count++] = type;
}

void schema_reference(struct buffer *out, const ProtobufCMessageDescriptor *type)
{
    buffer_format(out, "{\"$ref\":\"#/components/schemas/%s\"}", type->short_name);
}

static void add_enum(struct buffer *out, const ProtobufCEnumDescriptor *type)
{
    bool first = true;
    buffer_add(out, "{\"type\":\"string\",\"enum\":[");
    for (unsigned i = 0; i < type->n_values; i++) {
        const char *word = pbjson_enum_word(type, type->values[i].value);
        if (word == NULL)
            continue;
        buffer_format(out, "%s\"%s\"", first ? "" : ",", word);
        first = false;
    }
    buffer_add(out, "]}");
}

static void add_text(struct buffer *out, const char *name, const struct rule *rule)
{
    bool uuid = (rule != NULL && (rule->flags & RULE_UUID)) || strcmp(name, "lead_id") == 0 ||
                strcmp(name, "message_id") == 0 || strcmp(name, "conversation_id") == 0 || strcmp(name, "job_id") == 0;
    if (strcmp(name, "next_cursor") == 0) {
        buffer_add(out, "{\"type\":[\"string\",\"null\"]}");
        return;
    }
    buffer_add(out, "{\"type\":\"string\"");
    if (uuid)
        buffer_add(out, ",\"format\":\"uuid\"");
    if (rule != NULL && (rule->flags & RULE_NONEMPTY))
        buffer_add(out, ",\"minLength\":1");
    if (rule != NULL && rule->max > 0)
        buffer_format(out, ",\"maxLength\":%lld", (long long)rule->max);
    buffer_add_char(out, '}');
}

static void add_integer(struct buffer *out, const ProtobufCFieldDescriptor *field, const struct rule *rule)
{
    if (field_is_moment(field)) {
        buffer_add(out, "{\"type\":\"string\",\"format\":\"date-time\"}");
        return;
    }
    buffer_format(out, "{\"type\":\"integer\",\"format\":\"%s\"",
                  field_value_bytes(field) == sizeof(int64_t) ? "int64" : "int32");
    if (rule != NULL && rule->max > 0)
        buffer_format(out, ",\"minimum\":%lld,\"maximum\":%lld", (long long)rule->min, (long long)rule->max);
    buffer_add_char(out, '}');
}

static void add_value(struct buffer *out, const ProtobufCFieldDescriptor *field, const struct rule *rule)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        add_text(out, field->name, rule);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        add_enum(out, field->descriptor);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        buffer_add(out, "{\"type\":\"boolean\"}");
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FLOAT:
        buffer_add(out, "{\"type\":\"number\"}");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        buffer_add(out, "{\"type\":\"string\",\"contentEncoding\":\"base64\"}");
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (field_is_json(field))
            buffer_add(out, "{}"); /* whatever JSON it is */
        else
            schema_reference(out, field->descriptor);
        break;
    default:
        add_integer(out, field, rule);
    }
}

/* What many messages have, and which needs no words beside each of them. */
static const struct {
    const char *field, *text;
} EVERYWHERE[] = {
    { "limit", "so many at the most; 50 when absent" },
    { "cursor", "next_cursor of the page before" },
    { "next_cursor", "null: there is no more" },
    { "items", "newest first, where the endpoint says nothing else" },
    { "company_id", "the key's own company" },
    { "created_at", "when it was stored" },
    { "updated_at", "when it was changed last" },
    { "version", "the ETag, for If-Match" },
    { "attributes", "free-form JSON" },
    { "correlation_id", "of the request that caused it all" },
};

const char *schema_comment(const ProtobufCMessageDescriptor *type, const char *field)
{
    const char *text = comment_find(type->short_name, field);
    for (size_t i = 0; text == NULL && i < sizeof EVERYWHERE / sizeof *EVERYWHERE; i++)
        if (strcmp(EVERYWHERE[i].field, field) == 0)
            text = EVERYWHERE[i].text;
    return text;
}

void schema_field(struct buffer *out, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    const struct rule *rule = rules_find(type, field->name);
    if (field_is_repeated(field))
        buffer_add(out, "{\"type\":\"array\",\"items\":");
    add_value(out, field, rule);
    if (field_is_repeated(field))
        buffer_add_char(out, '}');
}

static void add_required(struct buffer *out, const ProtobufCMessageDescriptor *type)
{
    bool first = true;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const struct rule *rule = rules_find(type, type->fields[i].name);
        bool needed = rule != NULL && (rule->flags & RULE_REQUIRED) != 0;
        needed =
            needed || strcmp(type->fields[i].name, "next_cursor") == 0; /* a page always says whether it was the last */
        if (!needed)
            continue;
        buffer_format(out, "%s\"%s\"", first ? ",\"required\":[" : ",", type->fields[i].name);
        first = false;
    }
    if (!first)
        buffer_add_char(out, ']');
}

/* Into the schema that has just been written. */
static void add_comment(struct buffer *out, const char *text)
{
    if (text == NULL)
        return;
    bool empty = out->bytes > 1 && out->text[out->bytes - 2] == '{';
    out->bytes--; /* its closing bracket */
    buffer_add(out, empty ? "\"description\":" : ",\"description\":");
    json_add_string(out, text);
    buffer_add_char(out, '}');
}

void schema_write(struct buffer *out, const ProtobufCMessageDescriptor *type, struct schema_set *set)
{
    bool first = true;
    buffer_format(out, "\"%s\":{\"type\":\"object\",\"properties\":{", type->short_name);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (rules_hidden(type, field->name))
            continue;
        buffer_format(out, "%s\"%s\":", first ? "" : ",", field->name);
        schema_field(out, type, field);
        add_comment(out, schema_comment(type, field->name));
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            schema_mention(set, field->descriptor);
        first = false;
    }
    if (rules_added(type) != NULL)
        buffer_format(out, ",\"%s\":{\"type\":\"string\"}", rules_added(type));
    buffer_add_char(out, '}');
    add_required(out, type);
    buffer_add(out, ",\"additionalProperties\":false}");
}
