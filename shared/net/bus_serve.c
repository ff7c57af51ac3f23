/*
 * Taking from a core subject: the thread that takes waits on the subscription itself, so that the thread that reads the
 * socket wakes it. Nothing of ours can wake it in between; ending the subscription does.
 */
#include "net/bus_private.h"

enum {
    REQUESTS_MAX = 65536, /* past it they are dropped: their callers ask again */
    END_WAIT_MS = 2000,
    OVER_WAIT_MS = 20, /* of a subscription that is over: who takes from it in a loop must not spin */
};

enum status bus_serve_open(struct bus *bus, const char *subject, const char *queue, struct bus_source **out,
                           struct error *error)
{
    struct bus_source *source = bus_source_new(bus, false);
    natsStatus problem = natsConnection_QueueSubscribeSync(&source->served, bus->connection, subject, queue);
    if (problem == NATS_OK)
        problem = natsSubscription_SetPendingLimits(source->served, REQUESTS_MAX, -1);
    if (problem != NATS_OK) {
        bus_source_close(source);
        source = NULL;
    }
    *out = source;
    return bus_failed(problem, subject, error);
}

size_t bus_serve_queued(struct bus_source *source)
{
    uint64_t queued = 0;
    return natsSubscription_QueuedMsgs(source->served, &queued) == NATS_OK ? (size_t)queued : 0;
}

/* The next message, or NULL when none came. That some were dropped is told once, in between. */
static natsMsg *next(struct bus_source *source, int64_t wait_ms)
{
    natsMsg *message = source->left;
    source->left = NULL;
    if (message)
        return message;
    natsStatus problem = natsSubscription_NextMsg(&message, source->served, wait_ms);
    if (problem == NATS_SLOW_CONSUMER)
        problem = natsSubscription_NextMsg(&message, source->served, wait_ms);
    if (problem != NATS_OK && problem != NATS_TIMEOUT)
        nats_Sleep(wait_ms < OVER_WAIT_MS ? wait_ms : OVER_WAIT_MS);
    return problem == NATS_OK ? message : NULL;
}

size_t bus_serve_take(struct bus_source *source, struct arena *arena, struct bus_message *out, size_t count_max,
                      size_t bytes_max, int64_t ends_us)
{
    size_t count = 0, bytes = 0;
    while (count < count_max && (count == 0 || bus_serve_queued(source) > 0)) {
        int64_t left_ms = (ends_us - moment_monotonic_us() + 999) / 1000;
        natsMsg *message = next(source, count == 0 && left_ms > 0 ? left_ms : 0);
        if (!message)
            break;
        bytes += (size_t)natsMsg_GetDataLength(message);
        if (count > 0 && bytes > bytes_max) {
            source->left = message;
            break;
        }
        bus_message_from(arena, message, &out[count++]);
        bus_message_done(message);
    }
    return count;
}

void bus_serve_end(struct bus_source *source)
{
    natsSubscription_DrainTimeout(source->served, END_WAIT_MS);
}

void bus_serve_stop(struct bus_source *source)
{
    if (!source->served)
        return;
    bus_serve_end(source);
    if (bus_connection_up(source->bus))
        natsConnection_FlushTimeout(source->bus->connection, END_WAIT_MS);
}

void bus_serve_clear(struct bus_source *source)
{
    bus_message_done(source->left);
    natsSubscription_Destroy(source->served);
}
