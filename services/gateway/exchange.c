#include "exchange.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "problem.h"
#include "rules.h"
#include "wire/pbjson.h"

void exchange_header(struct exchange *exchange, const char *format, ...)
{
    struct buffer line = { .arena = exchange->arena };
    va_list list;
    assert(exchange->header_count + 1 < sizeof exchange->response->headers / sizeof *exchange->response->headers);
    va_start(list, format);
    buffer_format_list(&line, format, list);
    va_end(list);
    exchange->response->headers[exchange->header_count++] = buffer_text(&line);
}

void exchange_answer(struct exchange *exchange, int status, const char *content_type, const char *body, size_t bytes)
{
    exchange->response->status = status;
    exchange->response->content_type = content_type;
    exchange->response->body = body;
    exchange->response->body_bytes = bytes;
}

/* A page says "next_cursor":null where there is no next one; elsewhere absent members are left out. */
static void add_last_page(struct buffer *out, const ProtobufCMessage *message)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "next_cursor");
    if (field == NULL || rules_field_present(message, field))
        return;
    out->bytes--;
    buffer_format(out, "%s\"next_cursor\":null}", out->bytes > 1 ? "," : "");
}

static void add_member(struct buffer *out, const char *name, const char *value)
{
    out->bytes--;
    buffer_format(out, "%s\"%s\":", out->bytes > 1 ? "," : "", name);
    json_add_string(out, value);
    buffer_add_char(out, '}');
}

void exchange_json(struct exchange *exchange, int status, const ProtobufCMessage *message)
{
    struct buffer out = { .arena = exchange->arena };
    pbjson_write_shown(&out, message, rules_shown);
    add_last_page(&out, message);
    if (exchange->external_id != NULL)
        add_member(&out, rules_added(message->descriptor), exchange->external_id);
    exchange_answer(exchange, status, NULL, out.text, out.bytes);
}

void exchange_problem(struct exchange *exchange, enum status status, const struct error *error)
{
    struct problem problem = problem_of(status, error);
    struct buffer out = { .arena = exchange->arena };
    problem_write(&out, &problem, error, exchange->caller.correlation_id);
    if (exchange->problem_member != NULL) {
        out.bytes--;
        buffer_format(&out, ",%s}", exchange->problem_member);
    }
    int64_t wait_seconds =
        exchange->retry_after_ms > 0 ? (exchange->retry_after_ms + 999) / 1000 : problem.retry_after_seconds;
    if (wait_seconds > 0)
        exchange_header(exchange, "Retry-After: %lld", (long long)wait_seconds);
    if (problem.http_status == 401)
        exchange_header(exchange, "WWW-Authenticate: Bearer");
    exchange_answer(exchange, problem.http_status, "application/problem+json", out.text, out.bytes);
}
