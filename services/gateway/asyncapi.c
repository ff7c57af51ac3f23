#include "asyncapi.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "service/event_type.h"

static const char HEAD[] =
    "{\"asyncapi\":\"3.0.0\",\"info\":{\"title\":\"Parley events\",\"version\":\"1.0.0\",\"description\":"
    "\"Everything that matters is an event on NATS JetStream, stream EVENTS, at least once; ce-id never changes. The data is a protobuf "
    "parley.v1.Event whose payload.text holds the JSON described here.\"},"
    "\"servers\":{\"nats\":{\"host\":\"localhost:4222\",\"protocol\":\"nats\"}},"
    "\"defaultContentType\":\"application/protobuf\"";

static const char HEADERS[] =
    "\"headers\":{\"type\":\"object\",\"properties\":{\"ce-id\":{\"type\":\"string\",\"format\":\"uuid\"},"
    "\"ce-type\":{\"type\":\"string\"},\"ce-source\":{\"type\":\"string\"},\"ce-subject\":{\"type\":\"string\"},"
    "\"ce-time\":{\"type\":\"string\",\"format\":\"date-time\"},\"Parley-Company\":{\"type\":\"string\",\"format\":\"uuid\"},"
    "\"Parley-Lead\":{\"type\":\"string\",\"format\":\"uuid\"},\"Parley-Correlation\":{\"type\":\"string\"}}}";

/* "message.received" -> "message_received": names of channels and messages hold no dots. */
static const char *key_of(struct arena *arena, const char *type)
{
    char *key = arena_text(arena, type);
    for (char *dot = key; (dot = strchr(dot, '.')) != NULL;)
        *dot = '_';
    return key;
}

static void add_channels(struct buffer *out)
{
    buffer_add(out, ",\"channels\":{");
    for (const struct event_type *type = EVENT_TYPES; type->name != NULL; type++) {
        const char *key = key_of(out->arena, type->name);
        buffer_format(
            out,
            "%s\"%s\":{\"address\":\"events.{company_id}.%s\",\"parameters\":{\"company_id\":{\"description\":"
            "\"UUID of the company\"}},\"messages\":{\"%s\":{\"$ref\":\"#/components/messages/%s\"}}}",
            type == EVENT_TYPES ? "" : ",", key, type->name, key, key);
    }
    buffer_add(out, "}");
}

static void add_operations(struct buffer *out)
{
    buffer_add(out, ",\"operations\":{");
    for (const struct event_type *type = EVENT_TYPES; type->name != NULL; type++) {
        const char *key = key_of(out->arena, type->name);
        buffer_format(out, "%s\"publish_%s\":{\"action\":\"send\",\"channel\":{\"$ref\":\"#/channels/%s\"}}",
                      type == EVENT_TYPES ? "" : ",", key, key);
    }
    buffer_add(out, "}");
}

static void add_members(struct buffer *out, const struct event_type *type)
{
    for (const struct event_member *member = type->members; member->name != NULL; member++) {
        buffer_format(out, "%s\"%s\":{\"type\":\"%s\",\"description\":", member == type->members ? "" : ",",
                      member->name, member->type);
        json_add_string(out, member->help);
        buffer_add(out, "}");
    }
}

static void add_messages(struct buffer *out)
{
    buffer_add(out, ",\"components\":{\"messages\":{");
    for (const struct event_type *type = EVENT_TYPES; type->name != NULL; type++) {
        buffer_format(out, "%s\"%s\":{\"name\":\"%s\",\"summary\":", type == EVENT_TYPES ? "" : ",",
                      key_of(out->arena, type->name), type->name);
        json_add_string(out, type->help);
        buffer_format(out, ",%s,\"payload\":{\"type\":\"object\",\"properties\":{", HEADERS);
        add_members(out, type);
        buffer_add(out, "}}}");
    }
    buffer_add(out, "}}");
}

const char *asyncapi_document(struct arena *arena)
{
    struct buffer out = { .arena = arena };
    buffer_add(&out, HEAD);
    add_channels(&out);
    add_operations(&out);
    add_messages(&out);
    buffer_add(&out, "}");
    return buffer_text(&out);
}
