/* Subscriptions that end cleanly, and listeners: callbacks for core subjects that everybody hears. */
#include "net/bus_private.h"

#include <stdlib.h>

#include "base/limits.h"

enum { OVER_WAIT_MS = 2000, LISTEN_MESSAGES_MAX = 16384, LISTEN_BYTES_MAX = 16 * 1024 * 1024 };

struct bus_listening {
    struct bus_listening *next;
    struct bus_subscription subscription;
    bus_listener *listener;
    void *context;
    struct arena *arena; /* of the message at hand; one subscription, one thread */
};

static void on_over(void *context)
{
    struct bus_subscription *subscription = context;
    queue_wake(&subscription->over);
}

natsStatus bus_subscribe(struct bus_subscription *subscription, natsConnection *connection, const char *subject,
                         const char *queue, natsMsgHandler handler, void *context)
{
    queue_init(&subscription->over);
    natsStatus problem =
        queue ? natsConnection_QueueSubscribe(&subscription->handle, connection, subject, queue, handler, context)
              : natsConnection_Subscribe(&subscription->handle, connection, subject, handler, context);
    if (problem == NATS_OK)
        problem = natsSubscription_SetOnCompleteCB(subscription->handle, on_over, subscription);
    if (problem == NATS_OK)
        problem = natsSubscription_SetPendingLimits(subscription->handle, -1, -1);
    return problem;
}

void bus_unsubscribe(struct bus_subscription *subscription)
{
    if (!subscription->handle)
        return;
    natsSubscription_Unsubscribe(subscription->handle);
    queue_wait(&subscription->over, OVER_WAIT_MS);
    natsSubscription_Destroy(subscription->handle);
    subscription->handle = NULL;
    queue_clear(&subscription->over);
}

void bus_unsubscribe_last(struct bus_subscription *subscription, natsConnection *connection)
{
    if (subscription->handle && bus_connection_up(connection) &&
        natsSubscription_DrainTimeout(subscription->handle, OVER_WAIT_MS) == NATS_OK)
        natsSubscription_WaitForDrainCompletion(subscription->handle, OVER_WAIT_MS);
    bus_unsubscribe(subscription);
}

static void on_message(natsConnection *connection, natsSubscription *handle, natsMsg *from, void *context)
{
    (void)connection;
    (void)handle;
    struct bus_listening *listening = context;
    struct bus_message message;
    arena_reset(listening->arena);
    bus_message_from(listening->arena, from, &message);
    bus_message_done(from);
    listening->listener(listening->context, &message);
}

static void listening_free(struct bus_listening *listening)
{
    bus_unsubscribe(&listening->subscription);
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
    natsStatus problem = bus_subscribe(&listening->subscription, bus->main, subject, NULL, on_message, listening);
    if (problem == NATS_OK)
        problem =
            natsSubscription_SetPendingLimits(listening->subscription.handle, LISTEN_MESSAGES_MAX, LISTEN_BYTES_MAX);
    if (problem != NATS_OK) {
        listening_free(listening);
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
        listening_free(listening);
    }
}
