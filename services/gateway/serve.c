#include "serve.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "exchange.h"
#include "media.h"
#include "problem.h"
#include "routes.h"
#include "service/metrics.h"
#include "settings.h"
#include "transcode.h"

static struct metric requests = { .name = "parley_http_requests_total",
                                  .help = "Answers by class of status.",
                                  .kind = METRIC_COUNTER,
                                  .label = "status" };
static struct metric seconds = { .name = "parley_http_request_seconds",
                                 .help = "Time from the whole request to its answer.",
                                 .kind = METRIC_HISTOGRAM,
                                 .label = "route" };

const char *serve_correlation_id(struct arena *arena, const char *given)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t bytes = given == NULL ? 0 : strlen(given);
    if (bytes >= 1 && bytes <= CORRELATION_BYTES_MAX && strspn(given, allowed) == bytes)
        return arena_text(arena, given);
    return ident_fresh(arena);
}

const char *serve_traceparent(const char *given)
{
    if (given == NULL || strlen(given) != 55 || strspn(given, "0123456789abcdef-") != 55)
        return "";
    return given[2] == '-' && given[35] == '-' && given[52] == '-' ? given : "";
}

size_t serve_body_max(const char *method, const char *path)
{
    (void)method;
    return strcmp(path, "/webhook") == 0 ? WEBHOOK_BODY_BYTES_MAX : HTTP_BODY_BYTES_MAX;
}

/* -- who asks */

/* Authorization: Bearer ..., or X-Api-Key. NULL: neither. */
static const char *key_given(const struct web_request *request)
{
    const char *authorization = web_header(request, "Authorization");
    if (authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0)
        return authorization + 7 + strspn(authorization + 7, " ");
    return web_header(request, "X-Api-Key");
}

static enum status authorise(struct exchange *exchange, struct error *error)
{
    const struct endpoint *endpoint = exchange->endpoint;
    if (endpoint->by_link && media_link_given(exchange))
        return media_link_check(exchange, error);
    if (!settings.auth) {
        exchange->key = (struct key){ .id = "", .company_id = "", .scopes = ~0U, .every_company = true };
        return OK;
    }
    if (endpoint->scope == SCOPE_NONE)
        return OK;
    TRY(keys_check(exchange->arena, key_given(exchange->request), moment_now(), settings.rate_per_minute,
                   &exchange->key, &exchange->retry_after_ms, error));
    if (!(exchange->key.scopes & ((unsigned)endpoint->scope | SCOPE_ADMIN)))
        return error_code(error, REJECT, "forbidden", "The API key has no scope %s.", scope_word(endpoint->scope));
    if (endpoint->installation && !exchange->key.every_company)
        return error_code(error, REJECT, "forbidden", "Only a key of the whole installation may do this.");
    return OK;
}

/* -- one answer */

static void answer_nowhere(struct exchange *exchange, bool path_known)
{
    struct error error = { 0 };
    if (!path_known) {
        exchange_problem(exchange, error_code(&error, REJECT, "not_found", "There is no such endpoint."), &error);
        return;
    }
    exchange_header(exchange, "Allow: %s", routes_allow(exchange->arena, exchange->request->path));
    exchange_problem(exchange, error_code(&error, REJECT, "method_not_allowed", "This endpoint has no such method."),
                     &error);
}

static void answer(struct exchange *exchange)
{
    struct error error = { 0 };
    bool path_known = false;
    exchange->endpoint =
        routes_find(exchange->arena, exchange->request->method, exchange->request->path, &exchange->id, &path_known);
    if (exchange->endpoint == NULL) {
        answer_nowhere(exchange, path_known);
        return;
    }
    EXCHANGE_TRY(exchange, authorise(exchange, &error));
    if (exchange->endpoint->handle != NULL)
        exchange->endpoint->handle(exchange);
    else
        transcode(exchange);
}

static const char *class_of(int status)
{
    static const char *const classes[] = { "1xx", "2xx", "3xx", "4xx", "5xx" };
    return classes[status >= 100 && status < 600 ? status / 100 - 1 : 4];
}

/* Ids and our own words only; a refused request is the caller's affair, a failed one ours. */
static void report(const struct exchange *exchange, int64_t took_us)
{
    const char *route = exchange->endpoint == NULL ? "none" : exchange->endpoint->path;
    int status = exchange->response->status;
    metric_add(&requests, class_of(status), 1);
    metric_observe(&seconds, route, took_us);
    enum log_level level = status >= 500 ? LOG_WARN : LOG_DEBUG;
    if (!log_enabled(level))
        return;
    log_line(level, "request", "route", route, "status", text_format(exchange->arena, "%d", status), "correlation",
             exchange->caller.correlation_id, "us", text_format(exchange->arena, "%lld", (long long)took_us), NULL);
}

static void begin(struct exchange *exchange, const struct web_request *request, struct web_response *response)
{
    *exchange = (struct exchange){ .arena = request->arena, .request = request, .response = response };
    exchange->key = (struct key){ .id = "", .company_id = "" };
    exchange->caller.company_id = "";
    exchange->caller.correlation_id = serve_correlation_id(request->arena, web_header(request, "x-correlation-id"));
    exchange->caller.traceparent = serve_traceparent(web_header(request, "traceparent"));
    exchange_header(exchange, "x-correlation-id: %s", exchange->caller.correlation_id);
}

void serve_handle(void *context, const struct web_request *request, struct web_response *response)
{
    struct exchange exchange;
    int64_t from_us = moment_monotonic_us();
    (void)context;
    begin(&exchange, request, response);
    answer(&exchange);
    if (exchange.endpoint == NULL || exchange.endpoint->scope != SCOPE_NONE)
        exchange_header(&exchange, "Cache-Control: no-store");
    report(&exchange, moment_monotonic_us() - from_us);
}

/* Only whom it is for: a stranger's body is never kept. */
const char *serve_body_file(void *context, const struct web_request *request)
{
    struct exchange exchange;
    struct web_response response = { 0 };
    struct error error = { 0 };
    bool path_known = false;
    (void)context;
    if (strcmp(request->method, "POST") != 0 || strcmp(request->path, "/media") != 0)
        return NULL;
    begin(&exchange, request, &response);
    exchange.endpoint = routes_find(exchange.arena, request->method, request->path, &exchange.id, &path_known);
    return authorise(&exchange, &error) == OK
               ? media_place_incoming(request->arena, &settings.media, ident_fresh(request->arena))
               : NULL;
}

void serve_refuse(void *context, const struct web_request *request, int status, const char *why,
                  struct web_response *response)
{
    struct exchange exchange;
    struct error error = { 0 };
    (void)context;
    begin(&exchange, request, response);
    enum status kind = status == 503 ? RETRY : REJECT;
    exchange_problem(&exchange, error_code(&error, kind, problem_code_of_http(status), "%s", why), &error);
    exchange.response->status = status;
    report(&exchange, 0);
}
