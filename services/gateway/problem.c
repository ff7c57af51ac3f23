#include "problem.h"

#include <string.h>

#include "base/json.h"

static const struct {
    const char *code;
    int http_status;
} CODES[] = {
    { "malformed_json", 400 },
    { "malformed_request", 400 },
    { "unauthorised", 401 },
    { "bad_signature", 401 },
    { "forbidden", 403 },
    { "not_found", 404 },
    { "method_not_allowed", 405 },
    { "request_timeout", 408 },
    { "conflict", 409 },
    { "no_conversation", 409 },
    { "length_required", 411 },
    { "account_taken", 409 },
    { "window_closed", 409 },
    { "template_not_approved", 409 },
    { "conversation_closed", 409 },
    { "outdated_view", 409 },
    { "stale_version", 412 },
    { "body_too_large", 413 },
    { "unsupported_media_type", 415 },
    { "range_not_satisfiable", 416 },
    { "expectation_failed", 417 },
    { "too_many", 429 },
    { "head_too_large", 431 },
    { "draining", 503 },
    { "http_version", 505 },
    /* unknown_... is 404 where the id stands in the path; these stand in the body */
    { "unknown_field", 422 },
    { "unknown_parameter", 422 },
    { "unknown_task", 422 },
    { "unknown_stage", 422 },
    { "unknown_channel", 422 },
    { "unknown_timezone", 422 },
    { "unknown_scope", 422 },
    { "unknown_template", 422 },
    { "unknown_file", 422 },
    { "unknown_event", 422 },
    { "event_too_old", 410 },
};

static const struct {
    int http_status;
    const char *title;
} TITLES[] = {
    { 400, "Malformed request" },
    { 401, "Not authorised" },
    { 403, "Forbidden" },
    { 404, "Not found" },
    { 405, "Method not allowed" },
    { 408, "Request took too long" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length required" },
    { 412, "Stale version" },
    { 413, "Body too large" },
    { 415, "Unsupported media type" },
    { 416, "Range not satisfiable" },
    { 417, "Expectation failed" },
    { 422, "Invalid request" },
    { 429, "Too many requests" },
    { 431, "Head too large" },
    { 500, "Internal error" },
    { 503, "Try again later" },
    { 505, "HTTP version not spoken" },
};

enum { RETRY_AFTER_SECONDS = 1 };

int problem_http_of_code(const char *code)
{
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (strcmp(CODES[i].code, code) == 0)
            return CODES[i].http_status;
    if (text_starts(code, "unknown_"))
        return 404;
    return text_ends(code, "_conflict") || text_ends(code, "_exists") ? 409 : 422;
}

const char *problem_code_of_http(int http_status)
{
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (CODES[i].http_status == http_status && strcmp(CODES[i].code, "malformed_json") != 0)
            return CODES[i].code;
    return "malformed_request";
}

const char *problem_title(int http_status)
{
    for (size_t i = 0; i < sizeof TITLES / sizeof *TITLES; i++)
        if (TITLES[i].http_status == http_status)
            return TITLES[i].title;
    return "Problem";
}

struct problem problem_of(enum status status, const struct error *error)
{
    if (status == RETRY && strcmp(error->code, "too_many") != 0)
        return (struct problem){ 503, error->code[0] == '\0' ? "unavailable" : error->code, RETRY_AFTER_SECONDS };
    const char *code = error->code[0] == '\0' ? "bad_value" : error->code;
    return (struct problem){ problem_http_of_code(code), code,
                             strcmp(code, "too_many") == 0 ? RETRY_AFTER_SECONDS : 0 };
}

/* 'a', 'attributes.x' are missing -> a, then attributes.x; *at is NULL at first. 0: no more. */
static size_t member_next(const char *sentence, const char **at)
{
    const char *from = *at == NULL ? sentence : *at;
    if (*at != NULL && !text_starts(from, ", '"))
        return 0;
    from += *at == NULL ? 0 : 2;
    const char *end = from[0] == '\'' ? strchr(from + 1, '\'') : NULL;
    if (end == NULL)
        return 0;
    *at = end + 1;
    return (size_t)(end - from - 1);
}

static void add_errors(struct buffer *out, const struct problem *problem, const char *sentence)
{
    const char *at = NULL;
    bool first = true;
    for (size_t bytes; (bytes = member_next(sentence, &at)) > 0; first = false) {
        buffer_add(out, first ? ",\"errors\":[{\"field\":" : ",{\"field\":");
        json_add_string(out, arena_text_n(out->arena, at - 1 - bytes, bytes));
        buffer_format(out, ",\"code\":\"%s\",\"detail\":", problem->code);
        json_add_string(out, sentence);
        buffer_add_char(out, '}');
    }
    if (!first)
        buffer_add_char(out, ']');
}

void problem_write(struct buffer *out, const struct problem *problem, const struct error *error,
                   const char *correlation_id)
{
    buffer_format(out, "{\"type\":\"urn:parley:problem:%s\",\"title\":\"%s\",\"status\":%d,\"detail\":", problem->code,
                  problem_title(problem->http_status), problem->http_status);
    json_add_string(out, error->text);
    buffer_format(out, ",\"code\":\"%s\",\"correlation_id\":\"%s\"", problem->code, correlation_id);
    if (problem->http_status == 422)
        add_errors(out, problem, error->text);
    buffer_add_char(out, '}');
}
