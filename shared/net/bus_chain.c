/*
 * Many messages of one publisher to one stream, with one answer: each but the first names its predecessor's id, and a
 * stream takes such a message only right behind that one. So the last one's acknowledgement proves all of them. When
 * something else came in between, or a part was there before, all are published once more with an answer each; the
 * stream's window of ids knows which it has.
 */
#include "net/bus_private.h"

#include "base/limits.h"

enum { HEADERS_MAX = 32 };

/* The message with the header that ties it to the one before. */
static struct bus_publish tied(const struct bus_publish *message, const char *before, struct bus_header *headers)
{
    struct bus_publish out = *message;
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] = message->headers[i];
    headers[out.header_count++] = (struct bus_header){ "Nats-Expected-Last-Msg-Id", before };
    out.headers = headers;
    return out;
}

static bool can_tie(const struct bus_publish *messages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!messages[i].id || messages[i].header_count >= HEADERS_MAX || messages[i].bytes > BUS_PAYLOAD_BYTES_MAX)
            return false;
    return count > 1;
}

/* All but the last. */
static bool publish_first(struct bus *bus, const struct bus_publish *messages, size_t count)
{
    struct bus_header headers[HEADERS_MAX];
    natsStatus problem = NATS_OK;
    for (size_t i = 0; i + 1 < count && problem == NATS_OK; i++) {
        struct bus_publish one = i ? tied(&messages[i], messages[i - 1].id, headers) : messages[i];
        natsMsg *message =
            bus_message_to(one.subject, NULL, one.data, one.bytes, one.id, one.headers, one.header_count);
        problem = message ? bus_drive_gather(bus->drive, message) : NATS_INVALID_SUBJECT;
        bus_message_done(message);
    }
    return problem == NATS_OK;
}

/* False: whatever it was, it is no proof. */
static bool publish_tied(struct bus *bus, const struct bus_publish *messages, size_t count, int64_t wait_ms)
{
    struct bus_header headers[HEADERS_MAX];
    struct bus_publish last = tied(&messages[count - 1], messages[count - 2].id, headers);
    if (!publish_first(bus, messages, count))
        return false;
    bus_publish_alone(bus, &last, wait_ms);
    return last.status == OK && !last.duplicate;
}

void bus_publish_chain(struct bus *bus, struct bus_publish *messages, size_t count, int64_t wait_ms)
{
    int64_t ends_us = moment_monotonic_us() + wait_ms * 1000;
    bool proven = can_tie(messages, count) && bus_connection_up(bus) && publish_tied(bus, messages, count, wait_ms / 2);
    if (!proven) {
        bus_publish_all(bus, messages, count, (ends_us - moment_monotonic_us()) / 1000);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        messages[i].status = OK;
        messages[i].error = (struct error){ 0 };
        messages[i].duplicate = false;
        messages[i].sequence = 0;
    }
}
