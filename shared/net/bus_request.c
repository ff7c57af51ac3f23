/*
 * Requests with one answer each. The library's own hand their answers through a thread of its own to the one that
 * waits; here each asker has a subscription of its own and waits on it, or, if he is the only one, on the socket.
 */
#include "net/bus_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one thread asks with at a time. */
struct bus_asker {
    struct bus_asker *next; /* unused ones */
    natsSubscription *answers;
    char inbox[BUS_INBOX_BYTES_MAX];
    uint64_t asked; /* part of the reply subject: a late answer is not taken for that to the next question */
};

static enum status asker_new(const struct bus *bus, struct bus_asker **out, struct error *error)
{
    char subject[BUS_INBOX_BYTES_MAX + 8];
    struct bus_asker *asker = calloc(1, sizeof *asker);
    if (!asker)
        abort();
    bus_inbox(bus, asker->inbox);
    snprintf(subject, sizeof subject, "%s.*", asker->inbox);
    natsStatus problem = natsConnection_SubscribeSync(&asker->answers, bus->connection, subject);
    if (problem != NATS_OK) {
        free(asker);
        asker = NULL;
    }
    *out = asker;
    return bus_failed(problem, "inbox of answers", error);
}

static enum status asker_take(struct bus *bus, struct bus_asker **out, struct error *error)
{
    pthread_mutex_lock(&bus->lock);
    struct bus_asker *asker = bus->askers;
    if (asker)
        bus->askers = asker->next;
    pthread_mutex_unlock(&bus->lock);
    *out = asker;
    return asker ? OK : asker_new(bus, out, error);
}

static void asker_give_back(struct bus *bus, struct bus_asker *asker)
{
    pthread_mutex_lock(&bus->lock);
    asker->next = bus->askers;
    bus->askers = asker;
    pthread_mutex_unlock(&bus->lock);
}

void bus_askers_clear(struct bus *bus)
{
    while (bus->askers) {
        struct bus_asker *asker = bus->askers;
        bus->askers = asker->next;
        natsSubscription_Destroy(asker->answers);
        free(asker);
    }
}

/* Who is the only one to wait reads himself: with several, one that reads would wake the others and the driver. */
static void read_meanwhile(struct bus *bus, const struct bus_asker *asker, int64_t ends_us)
{
    if (atomic_load(&bus->asking) > 1 || !bus_drive_lead(bus->drive))
        return;
    while (!bus_subscription_queues(asker->answers) && atomic_load(&bus->asking) == 1 && bus_connection_up(bus)) {
        int64_t left_ms = (ends_us - moment_monotonic_us() + 999) / 1000;
        if (left_ms <= 0)
            break;
        bus_drive_read(bus->drive, left_ms);
    }
    bus_drive_follow(bus->drive);
}

/* Answers to earlier questions, whose askers have stopped waiting, are passed over. */
static natsStatus await(struct bus *bus, struct bus_asker *asker, const char *reply, int64_t wait_ms, natsMsg **out)
{
    int64_t ends_us = moment_monotonic_us() + wait_ms * 1000;
    while (true) {
        natsMsg *answer = NULL;
        read_meanwhile(bus, asker, ends_us);
        int64_t left_ms = (ends_us - moment_monotonic_us() + 999) / 1000; /* of what reading has left */
        natsStatus problem = natsSubscription_NextMsg(&answer, asker->answers, left_ms > 0 ? left_ms : 0);
        if (problem != NATS_OK || strcmp(natsMsg_GetSubject(answer), reply) == 0) {
            *out = answer;
            return problem;
        }
        bus_message_done(answer);
    }
}

/* Without an id and headers no message of the library's is made for it, which would have to be collected again. */
static natsStatus send_question(struct bus *bus, const struct bus_publish *question, const char *reply)
{
    if (!question->id && !question->header_count)
        return bus_subject_valid(question->subject)
                   ? bus_drive_send(bus->drive, question->subject, reply, question->data, question->bytes)
                   : NATS_INVALID_SUBJECT;
    natsMsg *message = bus_message_to(question->subject, reply, question->data, question->bytes, question->id,
                                      question->headers, question->header_count);
    natsStatus problem = message ? bus_drive_publish(bus->drive, message) : NATS_INVALID_SUBJECT;
    bus_message_done(message);
    return problem;
}

enum status bus_ask(struct bus *bus, const struct bus_publish *question, int64_t wait_ms, natsMsg **answer,
                    struct error *error)
{
    struct bus_asker *asker;
    char reply[BUS_INBOX_BYTES_MAX + 32];
    *answer = NULL;
    TRY(asker_take(bus, &asker, error));
    assert(asker);
    snprintf(reply, sizeof reply, "%s.%llu", asker->inbox, (unsigned long long)++asker->asked);
    atomic_fetch_add(&bus->asking, 1);
    natsStatus problem = send_question(bus, question, reply);
    if (problem == NATS_OK)
        problem = await(bus, asker, reply, wait_ms > 0 ? wait_ms : 1, answer);
    atomic_fetch_sub(&bus->asking, 1);
    asker_give_back(bus, asker);
    return bus_failed(problem, question->subject, error);
}
