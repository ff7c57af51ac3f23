#include "control.h"

#include "graph_templates.h"
#include "inbound.h"
#include "json.h"
#include "media.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control_route {
    const char *method;
    const char *path;
    void (*handle)(struct simulator *simulator, struct exchange *exchange);
};

static void refuse(struct exchange *exchange, int status, const char *problem)
{
    struct buffer body = { 0 };
    buffer_add_text(&body, "{\"error\":");
    buffer_add_json(&body, problem);
    buffer_add_text(&body, "}\n");
    http_answer_json(exchange, 0, status, &body);
}

static void answer_ok(struct exchange *exchange)
{
    struct buffer body = { 0 };
    buffer_add_text(&body, "{\"ok\":true}\n");
    http_answer_json(exchange, 0, 200, &body);
}

static void answer_faults(struct simulator *simulator, struct exchange *exchange)
{
    struct buffer body = { 0 };
    faults_write(&body, &simulator->faults);
    buffer_add_text(&body, "\n");
    http_answer_json(exchange, 0, 200, &body);
}

static uint64_t read_since(const struct http_request *request)
{
    char since[24];
    return http_request_query(request, "since", since, sizeof since) ? strtoull(since, NULL, 10) : 0;
}

static void get_sent(struct simulator *simulator, struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    char to[160];
    bool one = http_request_query(request, "to", to, sizeof to);
    struct buffer body = { 0 };
    records_write_sent(&body, &simulator->records, read_since(request), one ? to + (to[0] == '+') : NULL);
    http_answer_json(exchange, 0, 200, &body);
}

static void get_llm(struct simulator *simulator, struct exchange *exchange)
{
    struct buffer body = { 0 };
    records_write_llm(&body, &simulator->records, read_since(&exchange->request));
    http_answer_json(exchange, 0, 200, &body);
}

static void get_marks(struct simulator *simulator, struct exchange *exchange)
{
    struct buffer body = { 0 };
    records_write_marks(&body, &simulator->records, read_since(&exchange->request));
    http_answer_json(exchange, 0, 200, &body);
}

static void get_count(struct simulator *simulator, struct exchange *exchange)
{
    const struct records *records = &simulator->records;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        { "sent", records_sent_total(records) },
        { "llm", records_llm_total(records) },
        { "llm_aborted", records->llm_aborted },
        { "llm_in_flight", records->llm_in_flight },
        { "receipts_delivered", records->receipts_delivered },
        { "receipts_waiting", receipts_waiting(&simulator->receipts) },
        { "receipts_dropped", records->receipts_dropped },
        { "marked_read", records->marked_read },
    };
    struct buffer body = { 0 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        buffer_format(&body, "%s\"%s\":%llu", i == 0 ? "{" : ",", counts[i].name, (unsigned long long)counts[i].value);
    buffer_add_text(&body, "}\n");
    http_answer_json(exchange, 0, 200, &body);
}

/* The JSON body; NULL when there is none that can be read, and then it has been refused. */
static cJSON *read_body(struct exchange *exchange)
{
    cJSON *body = json_parse(exchange->request.body, exchange->request.body_bytes);
    if (body == NULL)
        refuse(exchange, 400, "the body is not JSON in UTF-8");
    return body;
}

static void post_faults(struct simulator *simulator, struct exchange *exchange)
{
    char problem[FIELD_PROBLEM_ROOM];
    cJSON *body = read_body(exchange);
    if (body == NULL)
        return;
    if (faults_merge(&simulator->faults, body, problem))
        answer_faults(simulator, exchange);
    else
        refuse(exchange, 400, problem);
    cJSON_Delete(body);
}

static void post_receive(struct simulator *simulator, struct exchange *exchange)
{
    char problem[FIELD_PROBLEM_ROOM];
    cJSON *body = read_body(exchange);
    if (body == NULL)
        return;
    if (!inbound_receive(simulator, exchange, body, problem))
        refuse(exchange, 400, problem);
    cJSON_Delete(body);
}

static void post_echo(struct simulator *simulator, struct exchange *exchange)
{
    char problem[FIELD_PROBLEM_ROOM];
    cJSON *body = read_body(exchange);
    if (body == NULL)
        return;
    if (!inbound_echo(simulator, exchange, body, problem))
        refuse(exchange, 400, problem);
    cJSON_Delete(body);
}

struct window_order {
    char user[160];
    char phone_id[64];
    int64_t opened_at; /* unix seconds; 0: now */
    bool closed;
};

static void set_window(struct simulator *simulator, struct window_order *order)
{
    const char *user = order->user + (order->user[0] == '+');
    if (order->phone_id[0] == '\0')
        inbound_default_phone_id(simulator, order->phone_id, sizeof order->phone_id);
    graph_limits_close_window(&simulator->limits, order->phone_id, user);
    if (!order->closed)
        graph_limits_open_window(&simulator->limits, order->phone_id, user,
                                 order->opened_at == 0 ? moment_wall_ms() / 1000 : order->opened_at);
}

static void post_window(struct simulator *simulator, struct exchange *exchange)
{
    static const struct window_order nothing;
    static const struct field fields[] = {
        { .name = "user",
          .kind = FIELD_TEXT,
          .offset = offsetof(struct window_order, user),
          .bytes = sizeof nothing.user },
        { .name = "phone_id",
          .kind = FIELD_TEXT,
          .offset = offsetof(struct window_order, phone_id),
          .bytes = sizeof nothing.phone_id },
        { .name = "opened_at", .kind = FIELD_INTEGER, .offset = offsetof(struct window_order, opened_at), .max = 9e15 },
        { .name = "closed", .kind = FIELD_BOOLEAN, .offset = offsetof(struct window_order, closed) },
        { 0 },
    };
    struct window_order order = nothing;
    char problem[FIELD_PROBLEM_ROOM] = "\"user\" is needed";
    cJSON *body = read_body(exchange);
    if (body == NULL)
        return;
    if (fields_read(body, fields, &order, &nothing, problem) && order.user[0] != '\0') {
        set_window(simulator, &order);
        answer_ok(exchange);
    } else {
        refuse(exchange, 400, problem);
    }
    cJSON_Delete(body);
}

struct reset_order {
    bool keep_records;
};

/* From the body, when there is one, and from the query. */
static bool read_reset(const struct http_request *request, struct reset_order *order, char problem[FIELD_PROBLEM_ROOM])
{
    static const struct reset_order nothing;
    static const struct field fields[] = {
        { .name = "keep_records", .kind = FIELD_BOOLEAN, .offset = offsetof(struct reset_order, keep_records) },
        { 0 },
    };
    char query[8];
    if (request->body_bytes > 0) {
        cJSON *body = json_parse(request->body, request->body_bytes);
        bool read = fields_read(body, fields, order, &nothing, problem);
        cJSON_Delete(body);
        if (!read)
            return false;
    }
    if (http_request_query(request, "keep_records", query, sizeof query))
        order->keep_records = strcmp(query, "true") == 0 || strcmp(query, "1") == 0;
    return true;
}

static void post_reset(struct simulator *simulator, struct exchange *exchange)
{
    struct reset_order order = { 0 };
    char problem[FIELD_PROBLEM_ROOM];
    if (!read_reset(&exchange->request, &order, problem)) {
        refuse(exchange, 400, problem);
        return;
    }
    faults_reset(&simulator->faults);
    graph_limits_reset(&simulator->limits);
    graph_templates_reset();
    if (!order.keep_records) {
        records_reset(&simulator->records);
        media_reset();
    }
    answer_ok(exchange);
}

static void get_media(struct simulator *simulator, struct exchange *exchange)
{
    struct buffer body = { 0 };
    (void)simulator;
    media_write(&body);
    http_answer_json(exchange, 0, 200, &body);
}

static void post_media(struct simulator *simulator, struct exchange *exchange)
{
    char problem[FIELD_PROBLEM_ROOM];
    cJSON *body = read_body(exchange);
    if (body == NULL)
        return;
    if (media_lay_down(simulator, body, problem))
        answer_ok(exchange);
    else
        refuse(exchange, 400, problem);
    cJSON_Delete(body);
}

struct template_order {
    char name[128];
    char language[16];
    char status[32];
};

static void post_templates(struct simulator *simulator, struct exchange *exchange)
{
    static const struct template_order nothing = { .language = "en_US" };
    static const struct field fields[] = {
        { .name = "name",
          .kind = FIELD_TEXT,
          .offset = offsetof(struct template_order, name),
          .bytes = sizeof nothing.name },
        { .name = "language",
          .kind = FIELD_TEXT,
          .offset = offsetof(struct template_order, language),
          .bytes = sizeof nothing.language },
        { .name = "status",
          .kind = FIELD_TEXT,
          .offset = offsetof(struct template_order, status),
          .bytes = sizeof nothing.status },
        { 0 },
    };
    struct template_order order = nothing;
    char problem[FIELD_PROBLEM_ROOM] = "there is no such template, or no such status";
    cJSON *body = read_body(exchange);
    (void)simulator;
    if (body == NULL)
        return;
    if (fields_read(body, fields, &order, &nothing, problem) &&
        graph_templates_set(order.name, order.language, order.status))
        answer_ok(exchange);
    else
        refuse(exchange, 400, problem);
    cJSON_Delete(body);
}

static const struct control_route routes[] = {
    { "GET", "/_sim/sent", get_sent },
    { "GET", "/_sim/llm", get_llm },
    { "GET", "/_sim/marks", get_marks },
    { "GET", "/_sim/count", get_count },
    { "GET", "/_sim/faults", answer_faults },
    { "POST", "/_sim/faults", post_faults },
    { "POST", "/_sim/receive", post_receive },
    { "POST", "/_sim/echo", post_echo },
    { "POST", "/_sim/window", post_window },
    { "POST", "/_sim/reset", post_reset },
    { "GET", "/_sim/media", get_media },
    { "POST", "/_sim/media", post_media },
    { "POST", "/_sim/templates", post_templates },
};

bool control_matches(const struct http_request *request)
{
    return text_starts_with(request->path, "/_sim/");
}

void control_handle(struct simulator *simulator, struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    bool path_is_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, request->path) != 0)
            continue;
        path_is_known = true;
        if (strcmp(routes[i].method, request->method) == 0) {
            routes[i].handle(simulator, exchange);
            return;
        }
    }
    refuse(exchange, path_is_known ? 405 : 404, path_is_known ? "not with this method" : "no such control");
}
