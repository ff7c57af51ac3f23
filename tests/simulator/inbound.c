#include "inbound.h"

#include "envelope.h"
#include "memory.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM = 64 * 1024 };

/* The body of a request; of an echo, `from` is whom it went to. */
struct inbound {
    char from[64];
    char text[TEXT_ROOM];
    char name[256];
    char id[256];
    char phone_id[64];
    char user_id[160];
    int64_t timestamp;
    const cJSON *context;
    const cJSON *raw;
    bool retry;
};

#define AT(member)   .offset = offsetof(struct inbound, member)
#define ROOM(member) .bytes = sizeof(((struct inbound *)NULL)->member)

static const struct field inbound_fields[] = {
    { .name = "from", .kind = FIELD_TEXT, AT(from), ROOM(from) },
    { .name = "text", .kind = FIELD_TEXT, AT(text), ROOM(text) },
    { .name = "name", .kind = FIELD_TEXT, AT(name), ROOM(name) },
    { .name = "id", .kind = FIELD_TEXT, AT(id), ROOM(id) },
    { .name = "phone_id", .kind = FIELD_TEXT, AT(phone_id), ROOM(phone_id) },
    { .name = "user_id", .kind = FIELD_TEXT, AT(user_id), ROOM(user_id) },
    { .name = "timestamp", .kind = FIELD_INTEGER, AT(timestamp), .max = 9e15 },
    { .name = "context", .kind = FIELD_JSON, AT(context) },
    { .name = "raw", .kind = FIELD_JSON, AT(raw) },
    { .name = "retry", .kind = FIELD_BOOLEAN, AT(retry) },
    { 0 },
};

static const struct field echo_fields[] = {
    { .name = "to", .kind = FIELD_TEXT, AT(from), ROOM(from) },
    { .name = "text", .kind = FIELD_TEXT, AT(text), ROOM(text) },
    { .name = "id", .kind = FIELD_TEXT, AT(id), ROOM(id) },
    { .name = "phone_id", .kind = FIELD_TEXT, AT(phone_id), ROOM(phone_id) },
    { .name = "user_id", .kind = FIELD_TEXT, AT(user_id), ROOM(user_id) },
    { .name = "timestamp", .kind = FIELD_INTEGER, AT(timestamp), .max = 9e15 },
    { .name = "context", .kind = FIELD_JSON, AT(context) },
    { .name = "retry", .kind = FIELD_BOOLEAN, AT(retry) },
    { 0 },
};

/* The request that waits for the gateway's answer. */
struct receive_call {
    struct exchange *exchange; /* NULL: the caller has left */
    char id[256];              /* empty: a raw body */
};

static void caller_left(struct exchange *exchange, bool aborted)
{
    struct receive_call *call = exchange->owner;
    if (aborted)
        call->exchange = NULL;
}

static void delivered(void *owner, struct webhook_outcome outcome)
{
    struct receive_call *call = owner;
    struct buffer body = { 0 };
    buffer_format(&body, "{\"status\":%d,\"tries\":%d,\"id\":", outcome.status, outcome.tries);
    buffer_add_json(&body, call->id[0] == '\0' ? NULL : call->id);
    buffer_add_text(&body, "}\n");
    if (call->exchange != NULL)
        http_answer_json(call->exchange, 0, 200, &body);
    buffer_clear(&body);
    free(call);
}

static void add_member(struct buffer *body, const char *name, const char *text)
{
    if (*text == '\0')
        return;
    buffer_format(body, "\"%s\":", name);
    buffer_add_json(body, text);
    buffer_add_text(body, ",");
}

static void add_contact(struct buffer *body, const struct inbound *inbound)
{
    buffer_add_text(body, ",\"contacts\":[{");
    add_member(body, "wa_id", inbound->from);
    add_member(body, "user_id", inbound->user_id);
    buffer_add_text(body, "\"profile\":{\"name\":");
    buffer_add_json(body, inbound->name[0] == '\0' ? "Test User" : inbound->name);
    buffer_add_text(body, "}}]");
}

static void add_context(struct buffer *body, const cJSON *context)
{
    if (context == NULL)
        return;
    char *text = cJSON_PrintUnformatted(context);
    buffer_format(body, "\"context\":%s,", text);
    cJSON_free(text);
}

static void add_said(struct buffer *body, const struct inbound *inbound)
{
    add_member(body, "id", inbound->id);
    buffer_format(body, "\"timestamp\":\"%lld\",", (long long)inbound->timestamp);
    add_context(body, inbound->context);
    buffer_add_text(body, "\"type\":\"text\",\"text\":{\"body\":");
    buffer_add_json(body, inbound->text);
    buffer_add_text(body, "}}]");
}

static void write_echo(struct buffer *body, const struct inbound *inbound)
{
    envelope_open(body);
    envelope_open_change(body, "smb_message_echoes", inbound->phone_id, false);
    buffer_add_text(body, ",\"message_echoes\":[{");
    add_member(body, "from", ENVELOPE_DISPLAY_PHONE);
    add_member(body, "to", inbound->from);
    add_member(body, "to_user_id", inbound->user_id);
    add_said(body, inbound);
    envelope_close_change(body);
    envelope_close(body);
}

static void write_body(struct buffer *body, const struct inbound *inbound)
{
    envelope_open(body);
    envelope_open_change(body, "messages", inbound->phone_id, false);
    add_contact(body, inbound);
    buffer_add_text(body, ",\"messages\":[{");
    add_member(body, "from", inbound->from);
    add_member(body, "from_user_id", inbound->user_id);
    add_said(body, inbound);
    envelope_close_change(body);
    envelope_close(body);
}

static const char *member_text(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static void open_window(struct simulator *simulator, const char *phone_id, const char *user, int64_t at_s)
{
    if (user != NULL && *user != '\0')
        graph_limits_open_window(&simulator->limits, phone_id, user, at_s);
}

static void open_raw_change(struct simulator *simulator, const cJSON *value)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(value, "metadata");
    const char *phone_id = member_text(metadata, "phone_number_id");
    const cJSON *message = NULL;
    cJSON_ArrayForEach (message, cJSON_GetObjectItemCaseSensitive(value, "messages")) {
        const char *timestamp = member_text(message, "timestamp");
        int64_t at_s = timestamp == NULL ? 0 : strtoll(timestamp, NULL, 10);
        if (phone_id == NULL || at_s <= 0)
            continue;
        open_window(simulator, phone_id, member_text(message, "from"), at_s);
        open_window(simulator, phone_id, member_text(message, "from_user_id"), at_s);
    }
}

/* Whatever inbounds a raw body holds open their windows too; anything else in it is let be. */
static void open_raw_windows(struct simulator *simulator, const cJSON *raw)
{
    const cJSON *entry = NULL;
    cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(raw, "entry")) {
        const cJSON *change = NULL;
        cJSON_ArrayForEach (change, cJSON_GetObjectItemCaseSensitive(entry, "changes")) {
            open_raw_change(simulator, cJSON_GetObjectItemCaseSensitive(change, "value"));
        }
    }
}

/* A raw string goes out byte by byte, whatever it is; any other JSON as Meta would write it. */
static void write_raw(struct buffer *body, const cJSON *raw)
{
    if (cJSON_IsString(raw)) {
        buffer_add_text(body, raw->valuestring);
        return;
    }
    char *text = cJSON_PrintUnformatted(raw);
    buffer_add_text(body, text);
    buffer_escape_non_ascii(body);
    cJSON_free(text);
}

void inbound_default_phone_id(const struct simulator *simulator, char *phone_id, size_t room)
{
    const char *known = simulator->settings.phone_ids;
    snprintf(phone_id, room, "%.*s", (int)strcspn(known, ","), known);
    if (*phone_id == '\0')
        text_copy(phone_id, room, "770011223344551");
}

static bool complete(const struct simulator *simulator, struct inbound *inbound, char problem[FIELD_PROBLEM_ROOM])
{
    bool has_sender = inbound->from[0] != '\0' || inbound->user_id[0] != '\0';
    char digits[sizeof inbound->from];
    if (!has_sender || inbound->text[0] == '\0')
        text_copy(problem, FIELD_PROBLEM_ROOM, "needs a phone or \"user_id\", and \"text\"; or \"raw\"");
    else if (inbound->from[0] != '\0' && !text_phone(inbound->from, digits, sizeof digits))
        text_copy(problem, FIELD_PROBLEM_ROOM, "that is not a phone number");
    else if (inbound->context != NULL && !cJSON_IsObject(inbound->context))
        text_copy(problem, FIELD_PROBLEM_ROOM, "\"context\" must be an object");
    else {
        if (inbound->from[0] != '\0')
            text_copy(inbound->from, sizeof inbound->from, digits);
        if (inbound->phone_id[0] == '\0')
            inbound_default_phone_id(simulator, inbound->phone_id, sizeof inbound->phone_id);
        if (inbound->timestamp == 0)
            inbound->timestamp = moment_wall_ms() / 1000;
        if (inbound->id[0] == '\0')
            wamid_write(inbound->id);
        return true;
    }
    return false;
}

static struct receive_call *call_open(struct exchange *exchange, const struct inbound *inbound)
{
    struct receive_call *call = memory_zeroed(sizeof *call);
    call->exchange = exchange;
    text_copy(call->id, sizeof call->id, inbound->raw == NULL ? inbound->id : "");
    exchange->ended = caller_left;
    exchange->owner = call;
    return call;
}

static void deliver(struct simulator *simulator, struct exchange *exchange, const struct inbound *inbound)
{
    struct receive_call *call = call_open(exchange, inbound);
    struct buffer body = { 0 };
    if (inbound->raw != NULL) {
        open_raw_windows(simulator, inbound->raw);
        write_raw(&body, inbound->raw);
    } else {
        open_window(simulator, inbound->phone_id, inbound->from, inbound->timestamp);
        open_window(simulator, inbound->phone_id, inbound->user_id, inbound->timestamp);
        write_body(&body, inbound);
    }
    webhook_deliver(&simulator->webhook, &body, inbound->retry, delivered, call);
}

static void deliver_echo(struct simulator *simulator, struct exchange *exchange, const struct inbound *inbound)
{
    struct receive_call *call = call_open(exchange, inbound);
    struct buffer body = { 0 };
    write_echo(&body, inbound);
    webhook_deliver(&simulator->webhook, &body, inbound->retry, delivered, call);
    receipts_schedule(&simulator->receipts,
                      &(struct receipt_message){ .id = inbound->id,
                                                 .phone_id = inbound->phone_id,
                                                 .to = inbound->from[0] == '\0' ? NULL : inbound->from,
                                                 .user_id = inbound->user_id[0] == '\0' ? NULL : inbound->user_id,
                                                 .fail_code = FIELD_NONE },
                      0);
}

bool inbound_receive(struct simulator *simulator, struct exchange *exchange, const cJSON *body,
                     char problem[FIELD_PROBLEM_ROOM])
{
    static const struct inbound nothing;
    static struct inbound inbound; /* too big for a frame; filled anew each time */
    inbound = nothing;
    if (!fields_read(body, inbound_fields, &inbound, &nothing, problem))
        return false;
    if (simulator->webhook.urls[0] == '\0') {
        text_copy(problem, FIELD_PROBLEM_ROOM, "no --webhook-url was given, so nobody can be told");
        return false;
    }
    if (inbound.raw == NULL && !complete(simulator, &inbound, problem))
        return false;
    deliver(simulator, exchange, &inbound);
    return true;
}

bool inbound_echo(struct simulator *simulator, struct exchange *exchange, const cJSON *body,
                  char problem[FIELD_PROBLEM_ROOM])
{
    static const struct inbound nothing;
    static struct inbound echo;
    echo = nothing;
    if (!fields_read(body, echo_fields, &echo, &nothing, problem))
        return false;
    if (simulator->webhook.urls[0] == '\0') {
        text_copy(problem, FIELD_PROBLEM_ROOM, "no --webhook-url was given, so nobody can be told");
        return false;
    }
    if (!complete(simulator, &echo, problem))
        return false;
    deliver_echo(simulator, exchange, &echo);
    return true;
}
