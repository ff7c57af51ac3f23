#include "graph.h"

#include "check.h"
#include "envelope.h"
#include "graph_errors.h"
#include "graph_message.h"
#include "graph_templates.h"
#include "json.h"
#include "media.h"
#include "moment.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { PHONE_ID_ROOM = 64 };

/* A send on its way through the checks. */
struct send {
    struct simulator *simulator;
    struct exchange *exchange;
    char phone_id[PHONE_ID_ROOM];
    struct graph_message message;
    const struct graph_fault *fault; /* NULL: nothing goes wrong */
    int64_t latency_ms;
};

/* /v23.0/770011223344551/messages */
static bool read_path(const char *path, char phone_id[PHONE_ID_ROOM])
{
    char tail[16] = "";
    int end = 0;
    int major = 0;
    int minor = 0;
    int read = sscanf(path, "/v%3d.%3d/%63[^/]/%15s%n", &major, &minor, phone_id, tail, &end);
    return read == 4 && path[end] == '\0' && strcmp(tail, "messages") == 0;
}

bool graph_matches(const struct http_request *request)
{
    const char *path = request->path;
    return text_starts_with(path, "/v") && isdigit((unsigned char)path[2]) && strchr(path, '.') != NULL;
}

static void answer_error(struct exchange *exchange, int64_t after_ms, int code, const char *details,
                         int64_t retry_after)
{
    struct buffer body = { 0 };
    char headers[64] = "";
    graph_error_write(&body, code, details);
    if (retry_after != FIELD_NONE)
        snprintf(headers, sizeof headers, "Retry-After: %lld\r\n", (long long)retry_after);
    const struct http_answer answer = {
        .status = graph_error_http_status(code), .headers = headers, .body = body.bytes, .body_bytes = body.used
    };
    http_answer(exchange, after_ms, &answer);
    buffer_clear(&body);
}

static void refuse(struct send *send, int code, const char *details)
{
    answer_error(send->exchange, send->latency_ms, code, details, FIELD_NONE);
}

static void answer_bare_status(const struct send *send)
{
    char body[200];
    char headers[64] = "";
    int status = (int)send->fault->http_only;
    int length = snprintf(body, sizeof body, "<html><head><title>%d</title></head><body><h1>%d</h1></body></html>\n",
                          status, status);
    if (send->fault->retry_after != FIELD_NONE)
        snprintf(headers, sizeof headers, "Retry-After: %lld\r\n", (long long)send->fault->retry_after);
    const struct http_answer answer = {
        .status = status, .type = "text/html", .headers = headers, .body = body, .body_bytes = (size_t)length
    };
    http_answer(send->exchange, send->latency_ms, &answer);
}

/* True when the fault plan ends the send before it is accepted. */
static bool fails_by_plan(struct send *send)
{
    const struct graph_fault *fault = send->fault;
    if (fault == NULL)
        return false;
    if (fault->cut_before_accept)
        http_cut(send->exchange, send->latency_ms);
    else if (fault->http_only != FIELD_NONE)
        answer_bare_status(send);
    else if (fault->code != FIELD_NONE && !fault->fail_later)
        answer_error(send->exchange, send->latency_ms, (int)fault->code, "Scripted by the fault plan.",
                     fault->retry_after);
    else
        return false;
    return true;
}

static bool window_is_open(const struct send *send)
{
    const struct graph_limits *limits = &send->simulator->limits;
    const struct graph_message *message = &send->message;
    int64_t now_s = moment_wall_ms() / 1000;
    return graph_limits_window_is_open(limits, send->phone_id, graph_message_recipient(message), now_s) ||
           (message->user_id != NULL && graph_limits_window_is_open(limits, send->phone_id, message->user_id, now_s));
}

/* True when a vendor's rule, not the fault plan, ends the send. */
static bool fails_by_rule(struct send *send)
{
    const struct faults *faults = &send->simulator->faults;
    const struct graph_message *message = &send->message;
    if (strcmp(message->to, ENVELOPE_DISPLAY_PHONE) == 0) {
        refuse(send, GRAPH_TO_SELF, "The recipient is the sender.");
        return true;
    }
    if (faults_unreachable(faults, message->to)) {
        refuse(send, GRAPH_UNDELIVERABLE, "Message undeliverable: the recipient is not on WhatsApp.");
        return true;
    }
    if (faults->window == STRICT && message->template == NULL && !window_is_open(send)) {
        refuse(send, GRAPH_WINDOW_CLOSED, "More than 24 hours have passed since the recipient last replied.");
        return true;
    }
    int limit = faults->rate == OPEN
                    ? 0
                    : graph_limits_take(&send->simulator->limits, send->phone_id, graph_message_recipient(message));
    if (limit != 0)
        refuse(send, limit, "Too many messages in a short time.");
    return limit != 0;
}

static void record(const struct send *send, const char *id)
{
    const struct graph_message *message = &send->message;
    char *template_json = message->template == NULL ? NULL : cJSON_PrintUnformatted(message->template);
    records_add_sent(&send->simulator->records, &(struct sent_record){
                                                    .at_ms = moment_wall_ms(),
                                                    .to = graph_message_recipient(message),
                                                    .type = message->type,
                                                    .text = message->text,
                                                    .id = id,
                                                    .callback = message->callback,
                                                    .phone_id = send->phone_id,
                                                    .template_json = template_json,
                                                    .quoted = message->quoted,
                                                });
    cJSON_free(template_json);
}

static void schedule_receipts(const struct send *send, const char *id)
{
    const struct graph_message *message = &send->message;
    const struct faults *faults = &send->simulator->faults;
    bool fails = send->fault != NULL && send->fault->fail_later;
    receipts_schedule(&send->simulator->receipts,
                      &(struct receipt_message){
                          .id = id,
                          .phone_id = send->phone_id,
                          .to = message->to[0] == '\0' ? NULL : message->to,
                          .user_id = message->user_id,
                          .callback = faults->webhook.drop_callback ? NULL : message->callback,
                          .is_template = message->template != NULL,
                          .fail_code = fails ? send->fault->code : FIELD_NONE,
                      },
                      send->latency_ms);
}

static void answer_accepted(const struct send *send, const char *id)
{
    const struct graph_message *message = &send->message;
    struct buffer body = { 0 };
    buffer_add_text(&body, "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":");
    buffer_add_json(&body, message->input);
    buffer_add_text(&body, message->to[0] != '\0' ? ",\"wa_id\":" : ",\"user_id\":");
    buffer_add_json(&body, graph_message_recipient(message));
    buffer_format(&body, "}],\"messages\":[{\"id\":\"%s\",\"message_status\":\"accepted\"}]}", id);
    int64_t after_ms = send->latency_ms + send->simulator->faults.webhook.delay_send_answer_ms;
    http_answer_json(send->exchange, after_ms, 200, &body);
}

static void accept_send(struct send *send)
{
    char id[WAMID_ROOM];
    wamid_write(id);
    record(send, id);
    schedule_receipts(send, id);
    if (send->fault != NULL && send->fault->accept_then_cut)
        http_cut(send->exchange, send->latency_ms);
    else
        answer_accepted(send, id);
}

static void handle_send(struct send *send, const cJSON *body)
{
    struct check check = { 0 };
    graph_message_read(&check, body, &send->message);
    if (check.failed) {
        refuse(send, check.code, check.details);
        return;
    }
    send->fault =
        faults_draw_graph(&send->simulator->faults, graph_message_recipient(&send->message), &send->latency_ms);
    if (!fails_by_plan(send) && !fails_by_rule(send))
        accept_send(send);
}

static void handle_read_mark(struct send *send, const cJSON *body)
{
    struct check check = { 0 };
    graph_message_check_read_mark(&check, body);
    if (check.failed) {
        refuse(send, check.code, check.details);
        return;
    }
    records_add_mark(&send->simulator->records, send->phone_id,
                     cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "message_id")),
                     cJSON_HasObjectItem(body, "typing_indicator"));
    struct buffer answer = { 0 };
    buffer_add_text(&answer, "{\"success\":true}");
    http_answer_json(send->exchange, 0, 200, &answer);
}

static bool is_listed(const char *list, const char *item)
{
    size_t length = strlen(item);
    for (const char *at = list; *at != '\0'; at += strspn(at, ",")) {
        size_t span = strcspn(at, ",");
        if (span == length && strncmp(at, item, length) == 0)
            return true;
        at += span;
    }
    return false;
}

/* False: something else was asked for. */
static bool answer_templates(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    char after[32] = "";
    struct buffer body = { 0 };
    if (strcmp(request->method, "GET") != 0 || !text_ends_with(request->path, "/message_templates"))
        return false;
    http_request_query(request, "after", after, sizeof after);
    graph_templates_list(after, &body);
    http_answer_json(exchange, 0, 200, &body);
    return true;
}

/* True when the caller may send from this number; else it has been answered, as it is when it asked for a file. */
static bool admit(struct send *send)
{
    const struct settings *settings = &send->simulator->settings;
    const struct http_request *request = &send->exchange->request;
    char token[sizeof settings->token];
    bool known = http_request_bearer(request, token, sizeof token) &&
                 (settings->token[0] == '\0' || strcmp(token, settings->token) == 0);
    if (!known)
        refuse(send, GRAPH_BAD_TOKEN, "The access token is missing or not valid.");
    else if (media_handle_look(send->simulator, send->exchange) || answer_templates(send->exchange))
        return false;
    else if (!read_path(request->path, send->phone_id) || strcmp(request->method, "POST") != 0)
        refuse(send, GRAPH_INVALID_PARAMETER, "Unsupported request: only POST /{version}/{phone number id}/messages.");
    else if (settings->phone_ids[0] != '\0' && !is_listed(settings->phone_ids, send->phone_id))
        refuse(send, GRAPH_BAD_ID, "The phone number id does not exist or is not yours.");
    else
        return true;
    return false;
}

void graph_handle(struct simulator *simulator, struct exchange *exchange)
{
    struct send send = { .simulator = simulator, .exchange = exchange };
    if (!admit(&send))
        return;
    cJSON *body = json_parse(exchange->request.body, exchange->request.body_bytes);
    if (!cJSON_IsObject(body))
        refuse(&send, GRAPH_INVALID_PARAMETER, "The body is not a JSON object in UTF-8.");
    else if (graph_message_is_read_mark(body))
        handle_read_mark(&send, body);
    else
        handle_send(&send, body);
    graph_message_clear(&send.message);
    cJSON_Delete(body);
}
