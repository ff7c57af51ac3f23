#include "openapi_answers.h"

#include <string.h>

#include "problem.h"
#include "schema.h"

static const char headers[] =
    "\"headers\":{\"CorrelationId\":{\"description\":\"the request's, or a new UUID\",\"schema\":{\"type\":\"string\"}},"
    "\"ETag\":{\"description\":\"the version, for If-Match\",\"schema\":{\"type\":\"string\",\"examples\":[\"\\\"7\\\"\"]}},"
    "\"RetryAfter\":{\"description\":\"seconds\",\"schema\":{\"type\":\"integer\"}}}";

void openapi_answer_headers(struct buffer *out)
{
    buffer_add(out, headers);
}

static bool is(const struct endpoint *endpoint, const char *method, const char *path)
{
    return strcmp(endpoint->method, method) == 0 && strcmp(endpoint->path, path) == 0;
}

/* header: a further one of the components' besides x-correlation-id; NULL: none. */
static void add_head(struct buffer *out, const char *status, const char *description, const char *header)
{
    buffer_format(
        out,
        "%s\"%s\":{\"description\":\"%s\",\"headers\":{\"x-correlation-id\":{\"$ref\":\"#/components/headers/CorrelationId\"}",
        out->text[out->bytes - 1] == '{' ? "" : ",", status, description);
    if (header != NULL)
        buffer_format(out, ",\"%s\":{\"$ref\":\"#/components/headers/%s\"}",
                      strcmp(header, "RetryAfter") == 0 ? "Retry-After" : header, header);
    buffer_add_char(out, '}');
}

/* -- done */

static const char *type_of(const struct endpoint *endpoint)
{
    if (is(endpoint, "GET", "/events/stream"))
        return "text/event-stream";
    if (is(endpoint, "GET", "/media/{id}"))
        return "*/*";
    if (strncmp(endpoint->path, "/docs", 5) == 0)
        return "text/html";
    return is(endpoint, "GET", "/metrics") || is(endpoint, "GET", "/webhook") ? "text/plain" : NULL;
}

static bool has_etag(const ProtobufCMessageDescriptor *reply)
{
    return reply != NULL && protobuf_c_message_descriptor_get_field_by_name(reply, "version") != NULL;
}

static const char *success_words(int status)
{
    switch (status) {
    case 201:
        return "made";
    case 202:
        return "accepted, and durable";
    default:
        return "done";
    }
}

static void add_success(struct buffer *out, const struct endpoint *endpoint, int status)
{
    const ProtobufCMessageDescriptor *reply = endpoint_reply(endpoint);
    const char *type = type_of(endpoint);
    add_head(out, text_format(out->arena, "%d", status), success_words(status), has_etag(reply) ? "ETag" : NULL);
    buffer_format(out, ",\"content\":{\"%s\":{\"schema\":", type == NULL ? "application/json" : type);
    if (type != NULL && strcmp(type, "*/*") == 0)
        buffer_add(out, "{}");
    else if (reply != NULL)
        schema_reference(out, reply);
    else
        buffer_format(out, "{\"type\":\"%s\"}", type == NULL ? "object" : "string");
    buffer_add(out, "}}}");
}

/* -- refused */

enum { CODES_MAX = 24 };
struct codes {
    struct arena *arena;
    char *list[CODES_MAX];
    size_t count;
};

static void say(struct codes *codes, const char *words)
{
    char **split = NULL;
    size_t count = text_split(codes->arena, words, ' ', &split);
    for (size_t i = 0; i < count && codes->count < CODES_MAX; i++)
        codes->list[codes->count++] = split[i];
}

static void codes_of(const struct endpoint *endpoint, struct codes *codes)
{
    bool writes = strcmp(endpoint->method, "GET") != 0;
    bool takes = endpoint->body != NULL || endpoint->takes_file || (writes && endpoint->scope == SCOPE_NONE);
    if (endpoint->scope != SCOPE_NONE)
        say(codes, "unauthorised forbidden too_many");
    if (endpoint->id_noun != NULL)
        say(codes, text_format(codes->arena, "unknown_%s", endpoint->id_noun));
    if (takes)
        say(codes,
            "malformed_json body_too_large unsupported_media_type missing_field bad_value too_long unknown_field");
    else if (endpoint->query != NULL)
        say(codes, "bad_value unknown_parameter");
    if (endpoint_has_version(endpoint))
        say(codes, "stale_version");
    if (endpoint->takes_key)
        say(codes, "idempotency_mismatch");
    if (endpoint->codes != NULL)
        say(codes, endpoint->codes);
}

static void add_problem(struct buffer *out)
{
    buffer_add(out,
               ",\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}");
}

static void add_refusals(struct buffer *out, const struct codes *codes)
{
    for (int status = 400; status < 500; status++) {
        struct buffer words = { .arena = out->arena };
        for (size_t i = 0; i < codes->count; i++)
            if (problem_http_of_code(codes->list[i]) == status)
                buffer_format(&words, "%s`%s`", words.bytes > 0 ? ", " : "", codes->list[i]);
        if (words.bytes == 0)
            continue;
        add_head(out, text_format(out->arena, "%d", status),
                 text_format(out->arena, "%s: %s", problem_title(status), buffer_text(&words)),
                 status == 429 ? "RetryAfter" : NULL);
        add_problem(out);
    }
}

void openapi_answers(struct buffer *out, const struct endpoint *endpoint)
{
    struct codes codes = { .arena = out->arena };
    codes_of(endpoint, &codes);
    buffer_add(out, ",\"responses\":{");
    add_success(out, endpoint, endpoint->success == 0 ? 200 : endpoint->success);
    if (endpoint->success == 202)
        add_success(out, endpoint, 200);
    add_refusals(out, &codes);
    if (is(endpoint, "GET", "/health")) {
        add_head(out, "503", "degraded, with the reason in the same place", NULL);
        buffer_add(out, ",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}");
    } else if (endpoint->asks != NULL || endpoint->scope != SCOPE_NONE) {
        add_head(out, "503", "Try again later: the broker or a database is away; nothing has been done", "RetryAfter");
        add_problem(out);
    }
    add_head(out, "default", "a problem document", NULL);
    add_problem(out);
    buffer_add_char(out, '}');
}
