#include "openapi.h"

#include <stdlib.h>
#include <string.h>

#include "asyncapi.h"
#include "base/json.h"
#include "routes.h"
#include "schema.h"

static struct {
    struct arena *arena;
    struct buffer text;
    const char *events;
} document;

static const char head[] =
    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Parley\",\"version\":\"1\",\"description\":\"A customer writes on any channel; an AI or a person answers once.\","
    "\"license\":{\"name\":\"see the repository\",\"url\":\"https://spdx.org/licenses/\"}},"
    "\"servers\":[{\"url\":\"/\"}],\"security\":[{\"bearer\":[]},{\"apiKey\":[]}]";

static const char problem_schema[] =
    "\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"detail\",\"code\",\"correlation_id\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
    "\"code\":{\"type\":\"string\",\"description\":\"stable; clients act on it\"},\"correlation_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"field\",\"code\",\"detail\"],\"properties\":{"
    "\"field\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}}}}";

static const char security_schemes[] = "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
                                       "\"apiKey\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Api-Key\"}}";

/* -- parameters */

static void add_parameter(struct buffer *out, bool *first, const char *where, const char *name, bool required,
                          const char *schema)
{
    buffer_format(out, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":%s}",
                  *first ? ",\"parameters\":[" : ",", name, where, required ? "true" : "false", schema);
    *first = false;
}

static void add_query(struct buffer *out, bool *first, const struct endpoint *endpoint)
{
    char **names = NULL;
    const ProtobufCMessageDescriptor *type = endpoint->asks->request;
    size_t count = text_split(out->arena, endpoint->query, ' ', &names);
    for (size_t i = 0; i < count; i++) {
        struct buffer schema = { .arena = out->arena };
        schema_field(&schema, type, protobuf_c_message_descriptor_get_field_by_name(type, names[i]));
        add_parameter(out, first, "query", names[i], false, buffer_text(&schema));
    }
}

static bool has_version(const struct endpoint *endpoint)
{
    return strcmp(endpoint->method, "GET") != 0 && endpoint->asks != NULL &&
           protobuf_c_message_descriptor_get_field_by_name(endpoint->asks->request, "if_version") != NULL;
}

static void add_parameters(struct buffer *out, const struct endpoint *endpoint)
{
    bool first = true;
    if (strstr(endpoint->path, "{id}") != NULL)
        add_parameter(out, &first, "path", "id", true,
                      endpoint->id_noun == NULL ? "{\"type\":\"string\"}"
                                                : "{\"type\":\"string\",\"format\":\"uuid\"}");
    if (endpoint->query != NULL)
        add_query(out, &first, endpoint);
    if (endpoint->asks != NULL)
        add_parameter(out, &first, "query", "company_id", false, "{\"type\":\"string\",\"format\":\"uuid\"}");
    if (strcmp(endpoint->path, "/webhook") == 0 && strcmp(endpoint->method, "GET") == 0) {
        add_parameter(out, &first, "query", "hub.mode", true, "{\"type\":\"string\"}");
        add_parameter(out, &first, "query", "hub.verify_token", true, "{\"type\":\"string\"}");
        add_parameter(out, &first, "query", "hub.challenge", true, "{\"type\":\"string\"}");
    }
    if (endpoint->takes_key)
        add_parameter(out, &first, "header", "Idempotency-Key", false, "{\"type\":\"string\",\"maxLength\":255}");
    else if (has_version(endpoint))
        add_parameter(out, &first, "header", "If-Match", false, "{\"type\":\"string\"}");
    add_parameter(out, &first, "header", "x-correlation-id", false,
                  "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]{1,128}$\"}");
    buffer_add_char(out, ']');
}

/* -- answers */

static void add_answer_head(struct buffer *out, const char *status, const char *description)
{
    buffer_format(
        out,
        "\"%s\":{\"description\":\"%s\",\"headers\":{\"x-correlation-id\":{\"schema\":{\"type\":\"string\"}}},\"content\":{",
        status, description);
}

static const char *plain_type(const struct endpoint *endpoint)
{
    if (strcmp(endpoint->path, "/events/stream") == 0)
        return "text/event-stream";
    if (strncmp(endpoint->path, "/docs", 5) == 0)
        return "text/html";
    if (strcmp(endpoint->path, "/metrics") == 0 ||
        (strcmp(endpoint->path, "/webhook") == 0 && strcmp(endpoint->method, "GET") == 0))
        return "text/plain";
    return NULL;
}

static void add_success(struct buffer *out, const struct endpoint *endpoint, int status)
{
    const ProtobufCMessageDescriptor *reply = endpoint_reply(endpoint);
    const char *plain = plain_type(endpoint);
    add_answer_head(out, text_format(out->arena, "%d", status), "done");
    buffer_format(out, "\"%s\":{\"schema\":", plain == NULL ? "application/json" : plain);
    if (reply != NULL)
        schema_reference(out, reply);
    else
        buffer_format(out, "{\"type\":\"%s\"}", plain == NULL ? "object" : "string");
    buffer_add(out, "}}},");
}

static void add_responses(struct buffer *out, const struct endpoint *endpoint)
{
    buffer_add(out, ",\"responses\":{");
    add_success(out, endpoint, endpoint->success == 0 ? 200 : endpoint->success);
    if (endpoint->success == 202)
        add_success(out, endpoint, 200);
    if (strcmp(endpoint->path, "/health") == 0) {
        add_answer_head(out, "503", "degraded, with the reason in the same place");
        buffer_add(out, "\"application/json\":{\"schema\":{\"type\":\"object\"}}}},");
    }
    add_answer_head(out, "4XX", "refused: the same request will be refused again");
    buffer_add(out, "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}},");
    add_answer_head(out, "default", "a problem document; 503 and 429 say in Retry-After when to ask again");
    buffer_add(out, "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
}

/* -- one operation */

/* "POST", "/api/v1/takeover" -> post_api_v1_takeover */
static const char *operation_id(struct arena *arena, const struct endpoint *endpoint)
{
    char *text = text_lower(arena, text_format(arena, "%s%s", endpoint->method, endpoint->path));
    char *to = text;
    for (const char *from = text; *from != '\0'; from++)
        if (*from != '{' && *from != '}')
            *to++ = *from == '/' || *from == '-' || *from == '.' ? '_' : *from;
    *to = '\0';
    return text;
}

static void add_operation(struct buffer *out, const struct endpoint *endpoint)
{
    char *method = text_lower(out->arena, endpoint->method);
    buffer_format(out, "\"%s\":{\"operationId\":\"%s\",\"tags\":[\"%s\"],\"summary\":", method,
                  operation_id(out->arena, endpoint), endpoint->tag);
    json_add_string(out, endpoint->summary);
    if (endpoint->scope == SCOPE_NONE)
        buffer_add(out, ",\"security\":[]");
    else
        buffer_format(out, ",\"description\":\"scope %s%s\"", scope_word(endpoint->scope),
                      endpoint->installation ? ", key of the whole installation" : "");
    add_parameters(out, endpoint);
    if (endpoint->body != NULL) {
        buffer_format(out, ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
                      endpoint->body_optional ? "false" : "true");
        schema_reference(out, endpoint->body);
        buffer_add(out, "}}}");
    } else if (strcmp(endpoint->path, "/webhook") == 0 && strcmp(endpoint->method, "POST") == 0) {
        buffer_add(
            out,
            ",\"requestBody\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}");
    }
    add_responses(out, endpoint);
    buffer_add_char(out, '}');
}

/* All methods of one path stand together: the first row of a path writes them all. */
static bool seen_before(const struct endpoint *endpoint)
{
    for (const struct endpoint *before = ENDPOINTS; before != endpoint; before++)
        if (strcmp(before->path, endpoint->path) == 0)
            return true;
    return false;
}

static void add_path(struct buffer *out, const struct endpoint *first)
{
    buffer_format(out, "\"%s\":{", first->path);
    for (const struct endpoint *endpoint = first; endpoint->method != NULL; endpoint++) {
        if (strcmp(endpoint->path, first->path) != 0)
            continue;
        if (endpoint != first)
            buffer_add_char(out, ',');
        add_operation(out, endpoint);
    }
    buffer_add_char(out, '}');
}

static void add_components(struct buffer *out)
{
    struct schema_set set = { .count = 0 };
    for (const struct endpoint *endpoint = ENDPOINTS; endpoint->method != NULL; endpoint++) {
        schema_mention(&set, endpoint->body);
        schema_mention(&set, endpoint_reply(endpoint));
    }
    buffer_format(out, "\"components\":{%s,\"schemas\":{%s", security_schemes, problem_schema);
    for (size_t i = 0; i < set.count; i++) { /* grows while it is written */
        buffer_add_char(out, ',');
        schema_write(out, set.types[i], &set);
    }
    buffer_add(out, "}}");
}

void openapi_write(struct buffer *out)
{
    buffer_add(out, head);
    buffer_add(out, ",\"paths\":{");
    for (const struct endpoint *endpoint = ENDPOINTS; endpoint->method != NULL; endpoint++) {
        if (seen_before(endpoint))
            continue;
        if (endpoint != ENDPOINTS)
            buffer_add_char(out, ',');
        add_path(out, endpoint);
    }
    buffer_add(out, "},");
    add_components(out);
    buffer_add_char(out, '}');
}

void openapi_open(void)
{
    document.arena = arena_new(0);
    document.text = (struct buffer){ .arena = document.arena };
    openapi_write(&document.text);
    document.events = asyncapi_document(document.arena);
}

void openapi_close(void)
{
    arena_free(document.arena);
    document.arena = NULL;
}

void openapi_get(struct exchange *exchange)
{
    exchange_answer(exchange, 200, NULL, document.text.text, document.text.bytes);
}

void openapi_get_events(struct exchange *exchange)
{
    exchange_answer(exchange, 200, NULL, document.events, strlen(document.events));
}
