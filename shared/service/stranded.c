/*
 * Messages that a work queue still holds although its consumer counts them as acknowledged. A nats-server that was
 * killed between writing the one and the other never delivers them again: most were handled, and then they only take
 * room, but nobody can tell from outside. So the stream's owner publishes them anew, every handler being idempotent,
 * and removes the old one.
 */
#include <string.h>

#include "base/text.h"
#include "service/process.h"

enum { LOOK_EVERY_MS = 5000, ONCE_MAX = 64, STREAMS_MAX = 16, PUBLISH_WAIT_MS = 1000 };

/* The topology's filters are plain, or end in one star. */
static bool takes(const struct bus_consumer *consumer, const char *stream, const char *subject)
{
    size_t bytes = strlen(consumer->filter);
    if (!text_same(consumer->stream, stream))
        return false;
    if (!text_ends(consumer->filter, "*"))
        return text_same(consumer->filter, subject);
    return strncmp(consumer->filter, subject, bytes - 1) == 0 && !strchr(subject + bytes - 1, '.');
}

static enum status behind_its_acks(const char *stream, const struct bus_message *message, bool *behind,
                                   struct error *error)
{
    *behind = false;
    for (const struct bus_consumer *consumer = TOPOLOGY_CONSUMERS; consumer->name; consumer++) {
        struct bus_consumer_state state;
        if (!takes(consumer, stream, message->subject))
            continue;
        TRY(bus_consumer_state(process.bus, consumer, &state, error));
        *behind = message->sequence <= state.ack_floor;
        return OK;
    }
    return OK;
}

/* Its id is new, so that the stream's window doesn't take it for the old one, and the same for every copy of us. */
static enum status publish_again(struct arena *arena, const char *stream, const struct bus_message *message,
                                 struct error *error)
{
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, message->header_count);
    struct bus_publish publish = { .subject = message->subject,
                                   .data = message->data,
                                   .bytes = message->bytes,
                                   .id = text_format(arena, "stranded.%s.%llu.%lld", stream,
                                                     (unsigned long long)message->sequence,
                                                     (long long)message->published_at),
                                   .headers = headers };
    for (size_t i = 0; i < message->header_count; i++)
        if (!text_starts(message->headers[i].name, "Nats-"))
            headers[publish.header_count++] = message->headers[i];
    bus_publish_all(process.bus, &publish, 1, PUBLISH_WAIT_MS);
    if (publish.status != OK) {
        *error = publish.error;
        return publish.status;
    }
    return bus_stream_delete_message(process.bus, stream, message->sequence, error);
}

/* One after the other from the front: what is stranded stands before all that is not. */
static enum status take_again(struct arena *arena, const char *stream, uint64_t *front, struct error *error)
{
    for (int taken = 0; taken < ONCE_MAX; taken++) {
        struct bus_stream_state state;
        struct bus_message message;
        bool behind, seen = taken > 0;
        TRY(bus_stream_state(process.bus, stream, &state, error));
        seen = seen || *front == state.first_sequence; /* at the last look, too: no ack is just on its way */
        *front = state.first_sequence;
        if (state.messages == 0 || !seen)
            return OK;
        TRY(bus_stream_read(process.bus, arena, stream, state.first_sequence, &message, error));
        if (!message.data)
            return OK;
        TRY(behind_its_acks(stream, &message, &behind, error));
        if (!behind)
            return OK;
        TRY(publish_again(arena, stream, &message, error));
        metric_add(&measure_stranded, stream, 1);
    }
    return OK;
}

void stranded_look(void)
{
    static int64_t looked_us;
    static uint64_t fronts[STREAMS_MAX];
    int64_t now_us = moment_monotonic_us();
    if (looked_us && now_us - looked_us < LOOK_EVERY_MS * 1000LL)
        return;
    looked_us = now_us;
    struct arena *arena = arena_new(64 * 1024);
    for (size_t i = 0; i < STREAMS_MAX && TOPOLOGY_STREAMS[i]; i++) {
        const struct bus_stream *stream = TOPOLOGY_STREAMS[i];
        struct error error = { 0 };
        if (!stream->work_queue || !text_same(topology_owner(stream), process.service->name))
            continue;
        if (take_again(arena, stream->name, &fronts[i], &error) != OK)
            log_line(LOG_WARN, "a stranded message could not be taken again", "stream", stream->name, "code",
                     error.code, "error", error.text, NULL);
    }
    arena_free(arena);
}
