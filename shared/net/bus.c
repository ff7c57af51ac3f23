#include "net/bus_private.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
    RECONNECT_WAIT_MS = 250,
    RECONNECT_JITTER_MS = 100,
    CONNECT_WAIT_MS = 2000,
    RECONNECT_BUFFER_BYTES = 8 * 1024 * 1024,
    ACKS_AT_ONCE_MAX = 4,
    LOCK_SPINS = 20,
};

bool bus_connection_up(const struct bus *bus)
{
    return bus->connection && natsConnection_Status(bus->connection) == NATS_CONN_STATUS_CONNECTED;
}

enum status bus_away(struct error *error)
{
    return error_code(error, RETRY, "bus_away", "the message bus is not connected");
}

enum status bus_failed(natsStatus problem, const char *what, struct error *error)
{
    switch (problem) {
    case NATS_OK:
        return OK;
    case NATS_NO_RESPONDERS:
        return error_code(error, RETRY, "nobody_there", "%s: nobody is there to answer", what);
    case NATS_TIMEOUT:
        return error_code(error, RETRY, "no_answer", "%s: no answer in time", what);
    case NATS_MAX_PAYLOAD:
        return error_code(error, REJECT, "too_large", "%s: larger than the bus takes", what);
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_ARG:
        return error_code(error, REJECT, "bad_subject", "%s: not a subject the bus takes", what);
    default:
        return error_code(error, RETRY, "bus_error", "%s: %s", what, natsStatus_GetText(problem));
    }
}

static void on_reconnected(natsConnection *connection, void *context)
{
    (void)connection;
    bus_sources_reset(context);
}

/* The library prints to stderr what nobody handles. What failed is told to the caller by the call itself; a denied
 * publish or subscription only here. */
static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus problem, void *context)
{
    (void)subscription;
    struct bus *bus = context;
    const char *text = NULL;
    if (problem != NATS_NOT_PERMITTED || natsConnection_GetLastError(connection, &text) == NATS_OK)
        return;
    pthread_mutex_lock(&bus->lock);
    snprintf(bus->denied, sizeof bus->denied, "%s", text ? text : "permission denied");
    pthread_mutex_unlock(&bus->lock);
}

bool bus_denied(struct bus *bus, struct error *error)
{
    pthread_mutex_lock(&bus->lock);
    bool denied = bus->denied[0] != '\0';
    if (denied)
        error_code(error, REJECT, "bus_denied", "%s", bus->denied);
    bus->denied[0] = '\0';
    pthread_mutex_unlock(&bus->lock);
    return denied;
}

static void set_inbox_prefix(struct bus *bus, const char *name)
{
    size_t at = (size_t)snprintf(bus->inbox_prefix, sizeof bus->inbox_prefix, "_INBOX.");
    for (const char *c = name ? name : "parley"; *c && at < sizeof bus->inbox_prefix - 1; c++)
        bus->inbox_prefix[at++] = isalnum((unsigned char)*c) ? *c : '-';
}

void bus_inbox(const struct bus *bus, char out[BUS_INBOX_BYTES_MAX])
{
    natsInbox *fresh = NULL;
    if (natsInbox_Create(&fresh) != NATS_OK)
        abort();
    const char *unique = strrchr((const char *)fresh, '.');
    snprintf(out, BUS_INBOX_BYTES_MAX, "%s%s", bus->inbox_prefix, unique);
    natsInbox_Destroy(fresh);
}

static natsStatus set_servers(natsOptions *options, const char *url)
{
    char copy[2048];
    const char *servers[16];
    int count = 0;
    if ((size_t)snprintf(copy, sizeof copy, "%s", url) >= sizeof copy)
        return NATS_INVALID_ARG;
    char *rest = NULL;
    for (char *one = strtok_r(copy, ", ", &rest); one && count < 16; one = strtok_r(NULL, ", ", &rest))
        servers[count++] = one;
    return count == 0 ? NATS_INVALID_ARG : natsOptions_SetServers(options, servers, count);
}

static natsStatus set_options(natsOptions *options, struct bus *bus, const struct bus_options *from)
{
    natsStatus problem = set_servers(options, from->url);
    if (problem == NATS_OK && from->name)
        problem = natsOptions_SetName(options, from->name);
    if (problem != NATS_OK)
        return problem;
    natsOptions_SetCustomInboxPrefix(options, bus->inbox_prefix);
    natsOptions_SetSendAsap(options, true); /* no thread of the library writes */
    natsOptions_SetMaxReconnect(options, -1);
    natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
    natsOptions_SetReconnectJitter(options, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS);
    natsOptions_SetReconnectBufSize(options, RECONNECT_BUFFER_BYTES);
    natsOptions_SetTimeout(options, CONNECT_WAIT_MS);
    natsOptions_SetPingInterval(options, 5000);
    natsOptions_SetMaxPingsOut(options, 2);
    natsOptions_SetRetryOnFailedConnect(options, true, on_reconnected, bus);
    natsOptions_SetReconnectedCB(options, on_reconnected, bus);
    natsOptions_SetErrorHandler(options, on_error, bus);
    return NATS_OK;
}

static enum status connect(struct bus *bus, const struct bus_options *from, struct error *error)
{
    natsOptions *options = NULL;
    natsStatus problem = natsOptions_Create(&options);
    if (problem == NATS_OK)
        problem = set_options(options, bus, from);
    if (problem == NATS_OK) {
        bus->drive = bus_drive_new(bus, options);
        problem = natsConnection_Connect(&bus->connection, options);
        bus_drive_connected(bus->drive, bus->connection);
    }
    natsOptions_Destroy(options);
    if (problem != NATS_OK && problem != NATS_NOT_YET_CONNECTED)
        return error_set(error, REJECT, "NATS_URL can't be used: %s", natsStatus_GetText(problem));
    problem = natsConnection_JetStream(&bus->jetstream, bus->connection, NULL);
    if (problem != NATS_OK)
        return error_set(error, REJECT, "JetStream: %s", natsStatus_GetText(problem));
    return bus_publish_open(bus, error);
}

/* The library spins 2000 times, up to 0.1 ms, before it waits for a lock: the cores have something better to do. */
static void library_open(void)
{
    nats_Open(LOCK_SPINS);
}

enum status bus_open(const struct bus_options *options, struct bus **out, struct error *error)
{
    struct bus *bus = calloc(1, sizeof *bus);
    if (!bus)
        abort();
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_open);
    pthread_mutex_init(&bus->lock, NULL);
    pthread_mutex_init(&bus->passing, NULL);
    set_inbox_prefix(bus, options->name);
    enum status status = connect(bus, options, error);
    if (status != OK) {
        bus_close(bus);
        bus = NULL;
    }
    *out = bus;
    return status;
}

/* The driver ends between the connection's end and its destruction: it may be about to read. */
static void disconnect(struct bus *bus)
{
    bus_flush(bus);
    natsConnection_Close(bus->connection);
    if (bus->drive)
        bus_drive_stop(bus->drive);
    natsConnection_Destroy(bus->connection);
    bus_drive_free(bus->drive);
}

void bus_close(struct bus *bus)
{
    if (!bus)
        return;
    assert(!bus->sources);
    bus_listen_stop(bus);
    bus_flush(bus);
    bus_publish_close(bus);
    jsCtx_Destroy(bus->jetstream);
    bus_askers_clear(bus);
    disconnect(bus);
    bus_messages_clear();
    pthread_mutex_destroy(&bus->passing);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

bool bus_connected(const struct bus *bus)
{
    return bus_connection_up(bus);
}

void bus_flush(struct bus *bus)
{
    if (bus_connection_up(bus))
        natsConnection_FlushTimeout(bus->connection, 1000);
}

static enum status sendable(const char *subject, size_t bytes, struct error *error)
{
    if (!bus_subject_valid(subject))
        return bus_failed(NATS_INVALID_SUBJECT, "send", error);
    return bus_failed(bytes > BUS_PAYLOAD_BYTES_MAX ? NATS_MAX_PAYLOAD : NATS_OK, subject, error);
}

enum status bus_send(struct bus *bus, const char *subject, const void *data, size_t bytes, struct error *error)
{
    if (!bus_connection_up(bus))
        return bus_away(error);
    TRY(sendable(subject, bytes, error));
    return bus_failed(bus_drive_send(bus->drive, subject, NULL, data, bytes), subject, error);
}

enum status bus_request(struct bus *bus, struct arena *arena, const char *subject, const void *data, size_t bytes,
                        int64_t wait_ms, struct bus_message *reply, struct error *error)
{
    if (!bus_connection_up(bus))
        return bus_away(error);
    TRY(sendable(subject, bytes, error));
    natsMsg *answer = NULL;
    struct bus_publish question = { .subject = subject, .data = data, .bytes = bytes };
    TRY(bus_ask(bus, &question, wait_ms, &answer, error));
    bus_message_from(arena, answer, reply);
    bus_message_done(answer);
    return OK;
}

/* -- answers to a stream: published by hand, see docs/bus.md */

static void answer(struct bus *bus, const char *ack_subject, const char *word)
{
    natsConnection_PublishString(bus->connection, ack_subject, word); /* gathered */
}

void bus_ack(struct bus *bus, const struct bus_message *message, size_t together)
{
    if (together <= ACKS_AT_ONCE_MAX)
        bus_drive_send(bus->drive, message->reply, NULL, "+ACK", 4); /* cheaper than to wake the driver */
    else
        answer(bus, message->reply, "+ACK");
}

void bus_nak(struct bus *bus, const struct bus_message *message, int64_t delay_ms)
{
    char word[64];
    if (delay_ms > 0)
        snprintf(word, sizeof word, "-NAK {\"delay\":%lld}", (long long)delay_ms * 1000000);
    answer(bus, message->reply, delay_ms > 0 ? word : "-NAK");
}

void bus_progress(struct bus *bus, const char *ack_subject)
{
    if (bus_connection_up(bus)) /* a heartbeat is of no use later */
        answer(bus, ack_subject, "+WPI");
}

void bus_terminate(struct bus *bus, const struct bus_message *message)
{
    answer(bus, message->reply, "+TERM");
}
