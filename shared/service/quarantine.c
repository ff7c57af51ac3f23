#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

enum {
    QUARANTINE_WAIT_MS = 2000,
    HEADERS_BYTES_MAX = 32 * 1024,
    KEPT_BYTES_MAX = BUS_PAYLOAD_BYTES_MAX - 2 * HEADERS_BYTES_MAX, /* with the reason beside it, it must fit again */
};

static_assert(KEPT_BYTES_MAX > BATCH_BYTES_MAX + WEBHOOK_BODY_BYTES_MAX, "whatever we write ourselves is kept whole");

/* What is said here of this quarantine, and may be there of an earlier one. */
static bool is_reason(const char *name)
{
    return text_same(name, "Parley-Error") || text_same(name, "Parley-Code") || text_same(name, "Parley-Subject") ||
           text_same(name, "Parley-Cut-From");
}

/* The message's own, as many as fit. "Nats-..." are orders to the server (an id, a stream that is expected), which it
 * would refuse or obey here once more. */
static size_t headers_kept(const struct bus_message *message, struct bus_header *out)
{
    size_t count = 0, bytes = 0;
    for (size_t i = 0; i < message->header_count; i++) {
        size_t more = strlen(message->headers[i].name) + strlen(message->headers[i].value) + 4;
        if (text_starts(message->headers[i].name, "Nats-") || is_reason(message->headers[i].name) ||
            bytes + more > HEADERS_BYTES_MAX)
            continue;
        bytes += more;
        out[count++] = message->headers[i];
    }
    return count;
}

/*
 * Under an id of its own place in the stream, so that trying again keeps one copy. What is so large that it would not
 * fit with its reason is kept cut: a message that can't be set aside would hold up all behind it for ever.
 */
enum status quarantine_message(struct arena *arena, const struct bus_message *message, const struct error *why,
                               const char *route)
{
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, message->header_count + 4);
    size_t count = headers_kept(message, headers);
    bool cut = message->bytes > KEPT_BYTES_MAX;
    headers[count++] = (struct bus_header){ "Parley-Error", text_or(why->text, "no reason given") };
    headers[count++] = (struct bus_header){ "Parley-Code", text_or(why->code, "unknown") };
    headers[count++] = (struct bus_header){ "Parley-Subject", message->subject };
    if (cut)
        headers[count++] = (struct bus_header){ "Parley-Cut-From", text_format(arena, "%zu", message->bytes) };
    const char *id = text_format(arena, "%s.%llu.%lld", message->subject, (unsigned long long)message->sequence,
                                 (long long)message->published_at);
    struct bus_publish publish = { .subject = topology_quarantine_subject(arena, message->subject),
                                   .data = message->data,
                                   .bytes = cut ? KEPT_BYTES_MAX : message->bytes,
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
