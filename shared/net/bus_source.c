/*
 * Taking from a stream's consumer. Who reads the socket pushes what arrives into the source's queue; the one thread
 * that takes pops it and keeps pull requests outstanding. All counting is the taking thread's, so the queue is the only
 * thing shared. What is served is in bus_serve.c.
 */
#include "net/bus_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

enum {
    WINDOW = 1024, /* pulled and not taken, or asked for */
    PULL_EXPIRES_MS = 2000,
    PULL_GRACE_MS = 250, /* nats-server 2.9.10 forgets a pull now and then: past expiry and this it is taken as gone */
    STOP_WAIT_MS = 1000,
};

struct arrival {
    struct queue_entry entry; /* first */
    natsMsg *message;         /* NULL: reconnected, or */
    bool nobody;              /* nobody hears pulls of that consumer */
};

static void push(struct bus_source *source, natsMsg *message, bool nobody)
{
    struct arrival *arrival = malloc(sizeof *arrival);
    if (!arrival)
        abort();
    arrival->message = message;
    arrival->nobody = nobody;
    queue_push(&source->queue, &arrival->entry);
}

/* Under the bus's lock: one at a time, so that the order stays. */
static void fill(struct bus_source *source)
{
    for (natsMsg *message; source->inbound && bus_subscription_next(source->inbound, &message);)
        push(source, message, !message);
}

void bus_sources_fill(struct bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    for (struct bus_source *source = bus->sources; source && source->pulled; source = source->next)
        fill(source);
    pthread_mutex_unlock(&bus->lock);
}

void bus_sources_reset(struct bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    for (struct bus_source *source = bus->sources; source; source = source->next)
        if (source->pulled)
            push(source, NULL, false);
    pthread_mutex_unlock(&bus->lock);
}

struct bus_source *bus_source_new(struct bus *bus, bool pulled)
{
    struct bus_source *source = calloc(1, sizeof *source);
    if (!source)
        abort();
    source->bus = bus;
    source->pulled = pulled;
    source->window = WINDOW;
    queue_init(&source->queue);
    pthread_mutex_lock(&bus->lock);
    struct bus_source **at = &bus->sources; /* those that pull stand in front */
    while (!pulled && *at && (*at)->pulled)
        at = &(*at)->next;
    source->next = *at;
    *at = source;
    pthread_mutex_unlock(&bus->lock);
    return source;
}

enum status bus_pull_open(struct bus *bus, const char *stream, const char *consumer, struct bus_source **out,
                          struct error *error)
{
    struct bus_source *source = bus_source_new(bus, true);
    snprintf(source->pull_subject, sizeof source->pull_subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, consumer);
    snprintf(source->info_subject, sizeof source->info_subject, "$JS.API.CONSUMER.INFO.%s.%s", stream, consumer);
    bus_inbox(bus, source->inbox);
    natsSubscription *inbound = NULL;
    natsStatus problem = natsConnection_SubscribeSync(&inbound, bus->connection, source->inbox);
    if (problem == NATS_OK)
        problem = natsSubscription_SetPendingLimits(inbound, -1, -1);
    pthread_mutex_lock(&bus->lock);
    source->inbound = inbound;
    pthread_mutex_unlock(&bus->lock);
    if (problem != NATS_OK) {
        bus_source_close(source);
        source = NULL;
    }
    *out = source;
    return bus_failed(problem, "inbox of pulled messages", error);
}

static void give_back(struct bus_source *source, struct arrival *arrival)
{
    const char *reply = arrival->message ? natsMsg_GetReply(arrival->message) : NULL;
    if (reply)
        natsConnection_PublishString(source->bus->connection, reply, "-NAK");
    bus_message_done(arrival->message);
    free(arrival);
}

/*
 * A pull can't be withdrawn. nats-server 2.9.10 that finds only pulls of the dead for a message it brings again loses
 * track of it: it comes an ack wait later, and another one comes as if for the first time. Asked about the consumer, it
 * looks through the pulls and drops those nobody listens to.
 */
static void end_pulls(struct bus_source *source)
{
    natsMsg *answer = NULL;
    if (bus_connection_up(source->bus))
        natsConnection_Request(&answer, source->bus->connection, source->info_subject, "", 0, STOP_WAIT_MS);
    bus_message_done(answer);
}

/* What the server has sent by then is in the queue on return. */
static void end_inbound(struct bus_source *source)
{
    struct bus *bus = source->bus;
    if (bus_connection_up(bus) && natsSubscription_DrainTimeout(source->inbound, STOP_WAIT_MS) == NATS_OK)
        natsConnection_FlushTimeout(bus->connection, STOP_WAIT_MS);
    pthread_mutex_lock(&bus->lock);
    fill(source);
    natsSubscription *over = source->inbound;
    source->inbound = NULL;
    pthread_mutex_unlock(&bus->lock);
    natsSubscription_Destroy(over);
}

void bus_source_stop(struct bus_source *source)
{
    source->window = 0;
    if (!source->pulled)
        bus_serve_stop(source);
    if (!source->inbound)
        return;
    end_inbound(source);
    end_pulls(source);
}

void bus_source_close(struct bus_source *source)
{
    if (!source)
        return;
    struct bus *bus = source->bus;
    bus_source_stop(source);
    pthread_mutex_lock(&bus->lock);
    struct bus_source **at = &bus->sources;
    while (*at != source)
        at = &(*at)->next;
    *at = source->next;
    pthread_mutex_unlock(&bus->lock);
    for (struct queue_entry *entry; (entry = queue_pop(&source->queue));)
        give_back(source, (struct arrival *)entry);
    bus_serve_clear(source);
    queue_clear(&source->queue);
    free(source);
}

void bus_source_wake(struct bus_source *source)
{
    if (source->pulled)
        queue_wake(&source->queue);
    else
        bus_serve_end(source);
}

void bus_source_window(struct bus_source *source, size_t window)
{
    source->window = window < WINDOW ? window : WINDOW;
}

size_t bus_source_queued(struct bus_source *source)
{
    return source->pulled ? queue_count(&source->queue) : bus_serve_queued(source);
}

static void progress(struct queue_entry *entry, void *context)
{
    struct arrival *arrival = (struct arrival *)entry;
    const char *reply = arrival->message ? natsMsg_GetReply(arrival->message) : NULL;
    if (reply)
        bus_progress(context, reply);
}

void bus_source_progress(struct bus_source *source)
{
    if (source->pulled)
        queue_each(&source->queue, progress, source->bus);
}

/* -- pulling */

static void publish_pull(struct bus_source *source, size_t count)
{
    char body[96];
    int bytes =
        snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%lld}", count, (long long)PULL_EXPIRES_MS * 1000000);
    source->pull_ends_us = moment_monotonic_us() + (PULL_EXPIRES_MS + PULL_GRACE_MS) * 1000;
    source->requested += count;
    bus_drive_send(source->bus->drive, source->pull_subject, source->inbox, body, (size_t)bytes);
}

/* Tops the outstanding requests up to the window; several are outstanding under load, one when idle. */
static void pull_more(struct bus_source *source)
{
    int64_t now_us = moment_monotonic_us();
    if (now_us < source->pull_pause_us || !bus_connection_up(source->bus))
        return;
    if (source->requested > 0 && now_us > source->pull_ends_us && queue_count(&source->queue) == 0)
        source->requested = 0;
    size_t want = source->window > source->requested ? source->window - source->requested : 0;
    if (want > 0 && (want >= source->window / 4 || source->requested == 0))
        publish_pull(source, want);
}

static size_t pending_of(natsMsg *status)
{
    const char *left = NULL;
    if (natsMsgHeader_Get(status, "Nats-Pending-Messages", &left) != NATS_OK || !left)
        return SIZE_MAX;
    return strtoull(left, NULL, 10);
}

/* 404 and 408 end a pull; 409 may mean the consumer's end or its server's. */
static void read_status(struct bus_source *source, natsMsg *status)
{
    const char *code = NULL, *text = NULL;
    natsMsgHeader_Get(status, "Status", &code);
    natsMsgHeader_Get(status, "Description", &text);
    size_t left = pending_of(status);
    source->requested -= left < source->requested ? left : source->requested;
    if (!code || strcmp(code, "409") != 0)
        return;
    source->requested = 0;
    source->gone = text && strstr(text, "Deleted");
    if (!source->gone)
        source->pull_pause_us = moment_monotonic_us() + PULL_GRACE_MS * 1000;
}

/* One arrival: true if it is a message, which is then in out. */
static bool read_arrival(struct bus_source *source, struct arena *arena, struct arrival *arrival,
                         struct bus_message *out)
{
    natsMsg *message = arrival->message;
    bool is_message = message && natsMsg_GetReply(message);
    if (arrival->nobody) {
        source->requested = 0;
        source->gone = true;
    } else if (!message)
        source->requested = queue_count(&source->queue);
    else if (!is_message)
        read_status(source, message);
    else {
        bus_message_from(arena, message, out);
        bus_metadata_from(out->reply, out);
        source->requested -= source->requested > 0;
    }
    bus_message_done(message);
    free(arrival);
    return is_message;
}

/* Messages that are there, until one wouldn't fit; the first always fits. */
static size_t take_ready(struct bus_source *source, struct arena *arena, struct bus_message *out, size_t count_max,
                         size_t bytes_max)
{
    size_t count = 0, bytes = 0;
    while (count < count_max) {
        struct arrival *arrival = (struct arrival *)queue_pop(&source->queue);
        if (!arrival)
            break;
        size_t more = arrival->message ? (size_t)natsMsg_GetDataLength(arrival->message) : 0;
        if (count > 0 && bytes + more > bytes_max) {
            queue_push_back(&source->queue, &arrival->entry);
            break;
        }
        if (read_arrival(source, arena, arrival, &out[count])) {
            bytes += more;
            count++;
        }
    }
    return count;
}

static int64_t wait_for_ms(const struct bus_source *source, int64_t ends_us)
{
    int64_t until_us = ends_us;
    if (source->requested > 0 && source->pull_ends_us < until_us)
        until_us = source->pull_ends_us;
    if (source->requested == 0 && source->pull_pause_us && source->pull_pause_us < until_us)
        until_us = source->pull_pause_us;
    int64_t left_us = until_us - moment_monotonic_us();
    return left_us > 0 ? left_us / 1000 + 1 : 1;
}

enum status bus_take(struct bus_source *source, struct arena *arena, struct bus_message *out, size_t count_max,
                     size_t bytes_max, int64_t wait_ms, size_t *count, struct error *error)
{
    int64_t ends_us = moment_monotonic_us() + (wait_ms < BLOCK_WAIT_MS_MAX ? wait_ms : BLOCK_WAIT_MS_MAX) * 1000;
    bool over = false;
    *count = 0;
    if (count_max == 0) {
        queue_wait_wake(&source->queue, wait_ms < BLOCK_WAIT_MS_MAX ? wait_ms : BLOCK_WAIT_MS_MAX);
        return OK;
    }
    if (!source->pulled) {
        *count = bus_serve_take(source, arena, out, count_max, bytes_max, ends_us);
        return OK;
    }
    while (true) {
        pull_more(source);
        *count = take_ready(source, arena, out, count_max, bytes_max);
        if (*count > 0 || over)
            return OK;
        if (source->gone) {
            source->gone = false;
            return error_code(error, RETRY, "consumer_gone", "%s: there is no such consumer", source->pull_subject);
        }
        if (source->requested == 0 && bus_connection_up(source->bus) && source->window > 0 &&
            moment_monotonic_us() >= source->pull_pause_us)
            continue;
        over = queue_wait(&source->queue, wait_for_ms(source, ends_us)) || moment_monotonic_us() >= ends_us;
    }
}
