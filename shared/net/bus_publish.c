/*
 * Publishing to streams with one answer per message. The library's asynchronous publish doesn't say what the stream
 * answered (sequence, duplicate), so answers are gathered here: each message's reply subject names its call and its
 * place in it.
 */
#include "net/bus_private.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

/* One bus_publish_all that waits. On the caller's stack: in the bus's list while acks may still be written into it. */
struct publishing {
    struct publishing *next;
    uint64_t id;
    struct bus_publish *messages;
    size_t count, missing;
    pthread_cond_t complete;
};

enum { AWAITED = -1, OVER_WAIT_MS = 2000 };

static void read_refusal(const cJSON *refusal, struct bus_publish *message)
{
    const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(refusal, "description"));
    double code = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(refusal, "code"));
    enum status status = code == 400 ? REJECT : RETRY; /* 503: full, no leader; 500: storage */
    message->status = error_code(&message->error, status, "stream_refused", "the stream refused it: %s",
                                 why ? why : "no reason given");
}

/* What a stream answered: {"stream":"X","seq":1,"duplicate":true} or {"error":{"code":503,"description":"..."}}. */
static void read_tree(struct bus_publish *message, const char *text, size_t bytes)
{
    cJSON *tree = cJSON_ParseWithLength(text, bytes);
    const cJSON *refusal = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const cJSON *sequence = cJSON_GetObjectItemCaseSensitive(tree, "seq");
    if (refusal)
        read_refusal(refusal, message);
    else if (!cJSON_IsNumber(sequence))
        message->status =
            error_code(&message->error, RETRY, "stream_answer", "the stream's answer is no acknowledgement");
    else {
        message->status = OK;
        message->sequence = (uint64_t)cJSON_GetNumberValue(sequence);
        message->duplicate = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "duplicate"));
    }
    cJSON_Delete(tree);
}

/* Nearly every one says {"stream":"X", "seq":1} and no more; whatever else there is, is read as JSON. */
static void read_ack(struct bus_publish *message, const char *text, size_t bytes)
{
    char plain[128], stream[64];
    unsigned long long sequence = 0;
    int end = 0;
    if (bytes < sizeof plain) {
        memcpy(plain, text, bytes);
        plain[bytes] = '\0';
        sscanf(plain, "{\"stream\":\"%63[^\"\\]\", \"seq\":%llu}%n", stream, &sequence, &end);
    }
    if (end == 0 || (size_t)end != bytes) {
        read_tree(message, text, bytes);
        return;
    }
    message->status = OK;
    message->sequence = sequence;
    message->duplicate = false;
}

static void no_stream(struct bus_publish *message)
{
    message->status = error_code(&message->error, RETRY, "no_stream", "no stream takes %s", message->subject);
}

static void read_answer(struct bus_publish *message, natsMsg *answer)
{
    if (natsMsg_IsNoResponders(answer))
        no_stream(message);
    else
        read_ack(message, natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer));
}

/* As the server counts it: it ends the connection of whoever sends more than max_payload, headers included. */
static size_t whole_bytes(const struct bus_publish *from)
{
    enum { VERSION_LINE_BYTES = 12, LINE_BYTES = 4 };
    size_t bytes = from->bytes + VERSION_LINE_BYTES;
    if (from->id)
        bytes += strlen("Nats-Msg-Id") + strlen(from->id) + LINE_BYTES;
    for (size_t i = 0; i < from->header_count; i++)
        if (from->headers[i].value)
            bytes += strlen(from->headers[i].name) + strlen(from->headers[i].value) + LINE_BYTES;
    return bytes;
}

static natsMsg *compose(const struct bus_publish *from, const char *reply, struct bus_publish *failing)
{
    natsMsg *message = NULL;
    if (whole_bytes(from) > BUS_PAYLOAD_BYTES_MAX)
        failing->status = bus_failed(NATS_MAX_PAYLOAD, from->subject, &failing->error);
    else {
        message =
            bus_message_to(from->subject, reply, from->data, from->bytes, from->id, from->headers, from->header_count);
        if (!message)
            failing->status = bus_failed(NATS_INVALID_SUBJECT, "publish", &failing->error);
    }
    return message;
}

void bus_publish_alone(struct bus *bus, struct bus_publish *message, int64_t wait_ms)
{
    natsMsg *answer = NULL;
    if (!bus_connection_up(bus))
        message->status = bus_away(&message->error);
    else if (message->bytes > BUS_PAYLOAD_BYTES_MAX)
        message->status = bus_failed(NATS_MAX_PAYLOAD, message->subject, &message->error);
    else
        message->status = bus_ask(bus, message, wait_ms, &answer, &message->error);
    if (answer)
        read_answer(message, answer);
    else if (text_same(message->error.code, "nobody_there"))
        no_stream(message);
    bus_message_done(answer);
}

/* On a thread of the library: "<prefix><call>.<place>". */
static void on_ack(natsConnection *connection, natsSubscription *subscription, natsMsg *answer, void *context)
{
    (void)connection;
    (void)subscription;
    struct bus *bus = context;
    char *end = NULL;
    uint64_t id = strtoull(natsMsg_GetSubject(answer) + strlen(bus->ack_prefix), &end, 10);
    size_t place = end && *end == '.' ? strtoull(end + 1, NULL, 10) : SIZE_MAX;
    pthread_mutex_lock(&bus->lock);
    struct publishing *call = bus->publishing;
    while (call && call->id != id)
        call = call->next;
    bool apart = !call;
    if (call && place < call->count && (int)call->messages[place].status == AWAITED) {
        read_answer(&call->messages[place], answer);
        if (--call->missing == 0)
            pthread_cond_signal(&call->complete);
    }
    pthread_mutex_unlock(&bus->lock);
    if (apart) {
        struct bus_publish told = { .subject = "" };
        read_answer(&told, answer);
        bus_apart_answered(bus, id, place, told.status);
    }
    bus_message_done(answer);
}

static void join(struct bus *bus, struct publishing *call)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&call->complete, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_lock(&bus->lock);
    call->id = ++bus->publishing_next;
    call->next = bus->publishing;
    bus->publishing = call;
    pthread_mutex_unlock(&bus->lock);
}

static void leave(struct bus *bus, struct publishing *call)
{
    pthread_mutex_lock(&bus->lock);
    struct publishing **at = &bus->publishing;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    pthread_mutex_unlock(&bus->lock);
    pthread_cond_destroy(&call->complete);
}

/* One message is out of the race before its ack could come. */
static void settle(struct bus *bus, struct publishing *call, struct bus_publish *message,
                   const struct bus_publish *failed)
{
    pthread_mutex_lock(&bus->lock);
    if ((int)message->status == AWAITED) {
        message->status = failed->status;
        message->error = failed->error;
        call->missing--;
    }
    pthread_mutex_unlock(&bus->lock);
}

enum status bus_send_for_ack(struct bus *bus, const struct bus_publish *message, uint64_t id, size_t place,
                             bool gathered, struct error *error)
{
    char reply[BUS_SUBJECT_BYTES_MAX + 64];
    snprintf(reply, sizeof reply, "%s%llu.%zu", bus->ack_prefix, (unsigned long long)id, place);
    struct bus_publish failed = { .status = OK };
    natsMsg *request = compose(message, reply, &failed);
    if (request)
        failed.status =
            bus_failed(gathered ? bus_drive_gather(bus->drive, request) : bus_drive_publish(bus->drive, request),
                       message->subject, &failed.error);
    bus_message_done(request);
    *error = failed.error;
    return failed.status;
}

static void send_one(struct bus *bus, struct publishing *call, size_t place)
{
    struct bus_publish failed = { .status = OK };
    bool gathered = place + 1 < call->count;
    failed.status = bus_send_for_ack(bus, &call->messages[place], call->id, place, gathered, &failed.error);
    if (failed.status != OK)
        settle(bus, call, &call->messages[place], &failed);
}

static void await(struct bus *bus, struct publishing *call, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&bus->lock);
    int problem = 0;
    while (call->missing > 0 && problem == 0)
        problem = pthread_cond_timedwait(&call->complete, &bus->lock, &until);
    for (size_t i = 0; call->missing > 0 && i < call->count; i++)
        if ((int)call->messages[i].status == AWAITED) {
            call->messages[i].status = bus_failed(NATS_TIMEOUT, call->messages[i].subject, &call->messages[i].error);
            call->missing--;
        }
    pthread_mutex_unlock(&bus->lock);
}

static void publish_together(struct bus *bus, struct bus_publish *messages, size_t count, int64_t wait_ms)
{
    struct publishing call = { .messages = messages, .count = count, .missing = count };
    for (size_t i = 0; i < count; i++)
        messages[i].status = (enum status)AWAITED;
    join(bus, &call);
    for (size_t i = 0; i < count; i++)
        send_one(bus, &call, i);
    await(bus, &call, wait_ms);
    leave(bus, &call);
}

void bus_publish_all(struct bus *bus, struct bus_publish *messages, size_t count, int64_t wait_ms)
{
    enum { TOGETHER_MAX = 4096 };
    for (size_t i = 0; i < count; i++) {
        messages[i].error = (struct error){ 0 };
        messages[i].duplicate = false;
        messages[i].sequence = 0;
    }
    int64_t ends_us = moment_monotonic_us() + wait_ms * 1000;
    for (size_t i = 0; i < count;) {
        int64_t left_ms = (ends_us - moment_monotonic_us()) / 1000;
        size_t some = count - i < TOGETHER_MAX ? count - i : TOGETHER_MAX;
        if (count <= PUBLISH_SYNC_MAX)
            bus_publish_alone(bus, &messages[some = 1, i], left_ms);
        else if (bus_connection_up(bus))
            publish_together(bus, &messages[i], some, left_ms > 0 ? left_ms : 1);
        else
            for (size_t k = i; k < i + some; k++)
                messages[k].status = bus_away(&messages[k].error);
        i += some;
    }
}

static void on_acks_over(void *context)
{
    struct bus *bus = context;
    queue_wake(&bus->acks_over);
}

/* With a callback: what is taken one by one doesn't tell which message it was that no stream takes. */
enum status bus_publish_open(struct bus *bus, struct error *error)
{
    char inbox[BUS_INBOX_BYTES_MAX], subject[BUS_INBOX_BYTES_MAX + 8];
    bus_inbox(bus, inbox);
    snprintf(bus->ack_prefix, sizeof bus->ack_prefix, "%s.", inbox);
    snprintf(subject, sizeof subject, "%s.*.*", inbox);
    queue_init(&bus->acks_over);
    natsStatus problem = natsConnection_Subscribe(&bus->acks, bus->connection, subject, on_ack, bus);
    if (problem == NATS_OK)
        problem = natsSubscription_SetOnCompleteCB(bus->acks, on_acks_over, bus);
    if (problem == NATS_OK)
        problem = natsSubscription_SetPendingLimits(bus->acks, -1, -1);
    return bus_failed(problem, "inbox of acknowledgements", error);
}

/* The library's own Destroy returns while the callback may still run. */
void bus_publish_close(struct bus *bus)
{
    if (bus->acks) {
        natsSubscription_Unsubscribe(bus->acks);
        queue_wait(&bus->acks_over, OVER_WAIT_MS);
        natsSubscription_Destroy(bus->acks);
        queue_clear(&bus->acks_over);
    }
    bus_apart_close(bus);
}
