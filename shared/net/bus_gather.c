/* One question, many answers: $SRV.PING and the like. */
#include "net/bus_private.h"

static void take(struct arena *arena, natsSubscription *handle, int64_t wait_ms, struct bus_message *replies,
                 size_t count_max, size_t *count)
{
    int64_t until_us = moment_monotonic_us() + wait_ms * 1000;
    while (*count < count_max) {
        natsMsg *message = NULL;
        int64_t left_ms = (until_us - moment_monotonic_us()) / 1000;
        if (left_ms <= 0 || natsSubscription_NextMsg(&message, handle, left_ms) != NATS_OK)
            return;
        if (natsMsg_GetDataLength(message) > 0) /* without: the server says that nobody is there */
            bus_message_from(arena, message, &replies[(*count)++]);
        bus_message_done(message);
    }
}

enum status bus_gather(struct bus *bus, struct arena *arena, const char *subject, int64_t wait_ms,
                       struct bus_message *replies, size_t count_max, size_t *count, struct error *error)
{
    char inbox[BUS_INBOX_BYTES_MAX];
    natsSubscription *handle = NULL;
    *count = 0;
    if (!bus_connection_up(bus))
        return bus_away(error);
    bus_inbox(bus, inbox);
    TRY(bus_failed(natsConnection_SubscribeSync(&handle, bus->connection, inbox), subject, error));
    natsStatus problem = natsConnection_PublishRequest(bus->connection, subject, inbox, "", 0);
    if (problem == NATS_OK)
        take(arena, handle, wait_ms, replies, count_max, count);
    natsSubscription_Unsubscribe(handle);
    natsSubscription_Destroy(handle);
    return bus_failed(problem, subject, error);
}
