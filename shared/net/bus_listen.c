/*
 * What is handled where it is read: subscriptions without a thread of their own, whose messages the driver passes on,
 * and among them listeners, callbacks for core subjects that everybody hears.
 */
#include "net/bus_private.h"

#include <stdlib.h>

#include "base/limits.h"

enum { LISTEN_MESSAGES_MAX = 16384, LISTEN_BYTES_MAX = 16 * 1024 * 1024 };

struct bus_listening {
    struct bus_listening *next;
    struct bus_subscription subscription;
    bus_listener *listener;
    void *context;
    struct arena *arena; /* of the message at hand; the driver's */
};

natsStatus bus_subscribe(struct bus *bus, struct bus_subscription *subscription, const char *subject,
                         bus_handler *handler, void *context)
{
    natsStatus problem = natsConnection_SubscribeSync(&subscription->handle, bus->connection, subject);
    if (problem == NATS_OK)
        problem = natsSubscription_SetPendingLimits(subscription->handle, -1, -1);
    if (!subscription->handle)
        return problem;
    subscription->handler = handler;
    subscription->context = context;
    pthread_mutex_lock(&bus->passing);
    subscription->next = bus->subscriptions;
    bus->subscriptions = subscription;
    pthread_mutex_unlock(&bus->passing);
    return problem;
}

void bus_unsubscribe(struct bus *bus, struct bus_subscription *subscription)
{
    if (!subscription->handle)
        return;
    pthread_mutex_lock(&bus->passing);
    struct bus_subscription **at = &bus->subscriptions;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    pthread_mutex_unlock(&bus->passing);
    natsSubscription_Destroy(subscription->handle);
    subscription->handle = NULL;
}

bool bus_subscription_queues(natsSubscription *handle)
{
    uint64_t queued = 0;
    return natsSubscription_QueuedMsgs(handle, &queued) == NATS_OK && queued > 0;
}

bool bus_subscription_next(natsSubscription *handle, natsMsg **message)
{
    *message = NULL;
    if (!bus_subscription_queues(handle))
        return false;
    natsStatus problem = natsSubscription_NextMsg(message, handle, 0);
    if (problem == NATS_SLOW_CONSUMER) /* told once that some were dropped, in between */
        problem = natsSubscription_NextMsg(message, handle, 0);
    return problem == NATS_OK || problem == NATS_NO_RESPONDERS;
}

bool bus_pass_on_pulled(struct bus *bus)
{
    bool more = false;
    bus_sources_fill(bus);
    if (pthread_mutex_trylock(&bus->passing) != 0) /* the driver passes on, and may be past what has come now */
        return true;
    for (struct bus_subscription *one = bus->subscriptions; one && !more; one = one->next)
        more = bus_subscription_queues(one->handle);
    pthread_mutex_unlock(&bus->passing);
    return more;
}

void bus_pass_on(struct bus *bus)
{
    bus_sources_fill(bus);
    pthread_mutex_lock(&bus->passing);
    for (struct bus_subscription *one = bus->subscriptions; one; one = one->next)
        for (natsMsg *message; bus_subscription_next(one->handle, &message);)
            if (message)
                one->handler(one->context, message);
    pthread_mutex_unlock(&bus->passing);
}

static void on_message(void *context, natsMsg *from)
{
    struct bus_listening *listening = context;
    struct bus_message message;
    arena_reset(listening->arena);
    bus_message_from(listening->arena, from, &message);
    bus_message_done(from);
    listening->listener(listening->context, &message);
}

static void listening_free(struct bus *bus, struct bus_listening *listening)
{
    bus_unsubscribe(bus, &listening->subscription);
    arena_free(listening->arena);
    free(listening);
}

enum status bus_listen(struct bus *bus, const char *subject, bus_listener *listener, void *context, struct error *error)
{
    struct bus_listening *listening = calloc(1, sizeof *listening);
    if (!listening)
        abort();
    listening->listener = listener;
    listening->context = context;
    listening->arena = arena_new(0);
    natsStatus problem = bus_subscribe(bus, &listening->subscription, subject, on_message, listening);
    if (problem == NATS_OK)
        problem =
            natsSubscription_SetPendingLimits(listening->subscription.handle, LISTEN_MESSAGES_MAX, LISTEN_BYTES_MAX);
    if (problem != NATS_OK) {
        listening_free(bus, listening);
        return bus_failed(problem, subject, error);
    }
    pthread_mutex_lock(&bus->lock);
    listening->next = bus->listening;
    bus->listening = listening;
    pthread_mutex_unlock(&bus->lock);
    return OK;
}

void bus_listen_stop(struct bus *bus)
{
    while (bus->listening) {
        struct bus_listening *listening = bus->listening;
        bus->listening = listening->next;
        listening_free(bus, listening);
    }
}
