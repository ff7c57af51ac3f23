#include "base/text.h"
#include "service/process.h"

enum { QUARANTINE_WAIT_MS = 2000 };

/* Under an id of its own place in the stream, so that trying again keeps one copy. */
enum status quarantine_message(struct arena *arena, const struct bus_message *message, const struct error *why,
                               const char *route)
{
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, message->header_count + 4);
    size_t count = 0;
    for (size_t i = 0; i < message->header_count; i++)
        if (!text_same(message->headers[i].name, "Nats-Msg-Id"))
            headers[count++] = message->headers[i];
    headers[count++] = (struct bus_header){ "Parley-Error", text_or(why->text, "no reason given") };
    headers[count++] = (struct bus_header){ "Parley-Code", text_or(why->code, "unknown") };
    headers[count++] = (struct bus_header){ "Parley-Subject", message->subject };
    const char *id = text_format(arena, "%s.%llu.%lld", message->subject, (unsigned long long)message->sequence,
                                 (long long)message->published_at);
    struct bus_publish publish = { .subject = topology_quarantine_subject(arena, message->subject),
                                   .data = message->data,
                                   .bytes = message->bytes,
                                   .id = id,
                                   .headers = headers,
                                   .header_count = count };
    bus_publish_all(process.bus, &publish, 1, QUARANTINE_WAIT_MS);
    if (publish.status != OK) {
        log_line(LOG_ERROR, "quarantine failed", "route", route, "error", publish.error.text, NULL);
        return RETRY;
    }
    metric_add(&measure_quarantined, route, 1);
    log_line(LOG_ERROR, "quarantined", "route", route, "sequence",
             text_format(arena, "%llu", (unsigned long long)message->sequence), "code", why->code, "error", why->text,
             NULL);
    return OK;
}
