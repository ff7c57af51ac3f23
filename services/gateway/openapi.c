#include "openapi.h"

#include <stdlib.h>
#include <string.h>

#include "asyncapi.h"
#include "base/json.h"
#include "example.h"
#include "openapi_answers.h"
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

/* description: NULL: the name says it. */
static void add_parameter(struct buffer *out, const char *where, const char *name, bool required, const char *schema,
                          const char *description)
{
    bool first = out->text[out->bytes - 1] == '[';
    buffer_format(out, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"schema\":%s", first ? "" : ",", name, where,
                  required ? "true" : "false", schema);
    if (description != NULL) {
        buffer_add(out, ",\"description\":");
        json_add_string(out, description);
    }
    buffer_add_char(out, '}');
}

static const char any_text[] = "{\"type\":\"string\"}", any_uuid[] = "{\"type\":\"string\",\"format\":\"uuid\"}";

static void add_query(struct buffer *out, const struct endpoint *endpoint)
{
    char **names = NULL;
    const ProtobufCMessageDescriptor *type = endpoint->asks->request;
    size_t count = text_split(out->arena, endpoint->query, ' ', &names);
    for (size_t i = 0; i < count; i++) {
        struct buffer schema = { .arena = out->arena };
        schema_field(&schema, type, protobuf_c_message_descriptor_get_field_by_name(type, names[i]));
        add_parameter(out, "query", names[i], false, buffer_text(&schema), schema_comment(type, names[i]));
    }
}

/* What the handlers of these read for themselves. */
static const struct {
    const char *method, *path, *where, *name, *schema, *description;
    bool required;
} OWN_PARAMETERS[] = {
    { "GET", "/webhook", "query", "hub.mode", "{\"const\":\"subscribe\"}", NULL, true },
    { "GET", "/webhook", "query", "hub.verify_token", any_text, "META_VERIFY_TOKEN, or the account's own", true },
    { "GET", "/webhook", "query", "hub.challenge", any_text, "comes back as the answer", true },
    { "POST", "/webhook", "header", "X-Hub-Signature-256", any_text, "sha256=, then the HMAC of the body in hex",
      true },
    { "GET", "/events/stream", "header", "Last-Event-ID", any_uuid, "instead of `after`: the last event that was seen",
      false },
    { "POST", "/media", "query", "kind", any_text,
      "image, audio, video, document, sticker; the Content-Type's when absent", false },
    { "POST", "/media", "query", "filename", any_text, "what the customer sees", false },
    { "GET", "/media/{id}", "header", "Range", any_text, "bytes=from-to: that part, with 206", false },
};

static void add_own_parameters(struct buffer *out, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < sizeof OWN_PARAMETERS / sizeof *OWN_PARAMETERS; i++)
        if (strcmp(OWN_PARAMETERS[i].path, endpoint->path) == 0 &&
            strcmp(OWN_PARAMETERS[i].method, endpoint->method) == 0)
            add_parameter(out, OWN_PARAMETERS[i].where, OWN_PARAMETERS[i].name, OWN_PARAMETERS[i].required,
                          OWN_PARAMETERS[i].schema, OWN_PARAMETERS[i].description);
}

static void add_parameters(struct buffer *out, const struct endpoint *endpoint)
{
    buffer_add(out, ",\"parameters\":[");
    if (strstr(endpoint->path, "{id}") != NULL)
        add_parameter(out, "path", "id", true, endpoint->id_noun == NULL ? any_text : any_uuid, NULL);
    if (endpoint->query != NULL)
        add_query(out, endpoint);
    if (endpoint->asks != NULL)
        add_parameter(out, "query", "company_id", false, any_uuid,
                      "the key's own company; another one for a key of the whole installation");
    add_own_parameters(out, endpoint);
    if (endpoint->takes_key)
        add_parameter(out, "header", "Idempotency-Key", false,
                      "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}",
                      "asking again with the same key and body brings the same answer and makes nothing new");
    if (endpoint_has_version(endpoint))
        add_parameter(out, "header", "If-Match", false, any_text,
                      "the ETag that was seen: refused if it changed since");
    add_parameter(out, "header", "x-correlation-id", false,
                  "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9._-]{1,128}$\"}",
                  "comes back with the answer and stands with all that the request causes; absent: a new UUID");
    buffer_add_char(out, ']');
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

static void add_body(struct buffer *out, const struct endpoint *endpoint)
{
    static const char any[] = ",\"requestBody\":{\"required\":true,\"content\":{\"%s\":{\"schema\":%s}}}";
    const char *example = example_find(endpoint->method, endpoint->path);
    if (endpoint->takes_file) {
        buffer_format(out, any, "*/*", "{}");
        return;
    }
    if (endpoint->body == NULL) {
        if (strcmp(endpoint->path, "/webhook") == 0 && strcmp(endpoint->method, "POST") == 0)
            buffer_format(out, any, "application/json", "{\"type\":\"object\"}");
        return;
    }
    buffer_format(out, ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
                  endpoint->body_optional ? "false" : "true");
    schema_reference(out, endpoint->body);
    if (example != NULL)
        buffer_format(out, ",\"example\":%s", example);
    buffer_add(out, "}}}");
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
    add_body(out, endpoint);
    openapi_answers(out, endpoint);
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
    buffer_format(out, "\"components\":{%s,", security_schemes);
    openapi_answer_headers(out);
    buffer_format(out, ",\"schemas\":{%s", problem_schema);
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
