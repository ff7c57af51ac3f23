/* $SRV.PING, .INFO and .STATS as NATS micro 1.0 has them, by hand: libnats 3.4 has no micro API. `nats micro ls` sees
 * every service. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "service/process.h"

static const char version[] = "1.0.0";

static void add_member(struct buffer *out, const char *name, const char *value)
{
    buffer_format(out, "%s\"%s\":", out->text[out->bytes - 1] == '{' ? "" : ",", name);
    json_add_string(out, value);
}

static void add_head(struct buffer *out, const char *kind)
{
    buffer_add(out, "{");
    add_member(out, "name", process.service->name);
    add_member(out, "id", process.worker_id);
    add_member(out, "version", version);
    buffer_add(out, ",\"metadata\":{}");
    add_member(out, "type", text_format(out->arena, "io.nats.micro.v1.%s_response", kind));
}

/* Of all threads of the route; times in nanoseconds. */
static void add_stats(struct buffer *out, const struct route *route)
{
    uint64_t count = 0, failed = 0, us = 0;
    for (size_t i = 0; i < process.worker_count; i++)
        if (process.workers[i].route == route) {
            count += process.workers[i].handled_count;
            failed += process.workers[i].failed_count;
            us += process.workers[i].handled_us;
        }
    buffer_format(out, ",\"num_requests\":%llu,\"num_errors\":%llu,\"last_error\":\"\"", (unsigned long long)count,
                  (unsigned long long)failed);
    buffer_format(out, ",\"processing_time\":%llu,\"average_processing_time\":%llu}", (unsigned long long)us * 1000,
                  (unsigned long long)(count ? us * 1000 / count : 0));
}

static void add_endpoint(struct buffer *out, const struct route *route, bool stats)
{
    char *name = text_format(out->arena, "%s", route->takes->name);
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = '-';
    buffer_add(out, "{");
    add_member(out, "name", name);
    add_member(out, "subject", route->takes->name);
    add_member(out, "queue_group", process.service->name);
    if (stats)
        add_stats(out, route);
    else
        buffer_add(out, ",\"metadata\":{}}");
}

static void add_endpoints(struct buffer *out, bool stats)
{
    bool first = true;
    buffer_add(out, ",\"endpoints\":[");
    for (const struct route *route = process.service->routes; route && route->takes; route++) {
        if (route->takes->carrier != CARRIER_CALL)
            continue;
        buffer_add(out, first ? "" : ",");
        add_endpoint(out, route, stats);
        first = false;
    }
    buffer_add(out, "]}");
}

/* $SRV.<verb>, $SRV.<verb>.<name>, $SRV.<verb>.<name>.<id> */
static bool meant_for_us(struct arena *arena, const char *subject, char **verb)
{
    char **parts;
    size_t count = text_split(arena, subject, '.', &parts);
    if (count < 2 || count > 4 || !text_same(parts[0], "$SRV"))
        return false;
    *verb = parts[1];
    return (count < 3 || text_same(parts[2], process.service->name)) &&
           (count < 4 || text_same(parts[3], process.worker_id));
}

const char *micro_answer(struct arena *arena, const char *subject)
{
    struct buffer out = { .arena = arena };
    char *verb, started[MOMENT_BYTES];
    if (!meant_for_us(arena, subject, &verb))
        return NULL;
    if (text_same(verb, "PING")) {
        add_head(&out, "ping");
        buffer_add(&out, "}");
    } else if (text_same(verb, "INFO")) {
        add_head(&out, "info");
        add_member(&out, "description", text_or(process.service->help, ""));
        add_endpoints(&out, false);
    } else if (text_same(verb, "STATS")) {
        add_head(&out, "stats");
        add_member(&out, "started", moment_text(process.started_at, started));
        add_endpoints(&out, true);
    } else
        return NULL;
    return buffer_text(&out);
}

static void on_question(void *context, const struct bus_message *message)
{
    struct arena *arena = context;
    arena_reset(arena);
    const char *answer = message->reply ? micro_answer(arena, message->subject) : NULL;
    if (answer)
        bus_send(process.bus, message->reply, answer, strlen(answer), NULL);
}

static struct arena *answering;

enum status micro_open(struct error *error)
{
    answering = arena_new(0);
    return bus_listen(process.bus, "$SRV.>", on_question, answering, error);
}

void micro_close(void)
{
    arena_free(answering);
    answering = NULL;
}
