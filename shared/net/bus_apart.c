/* Publishing to streams without waiting: the acks are counted as they come. */
#include <stdlib.h>

#include "base/limits.h"
#include "net/bus_private.h"

struct publishing_apart {
    struct publishing_apart *next;
    uint64_t id;
    size_t count, missing, refused;
    int64_t ends_us;
    void (*told)(int64_t word, size_t untaken);
    int64_t word;
    bool answered[];
};

static struct publishing_apart *apart_new(struct bus *bus, size_t count, int64_t wait_ms)
{
    struct publishing_apart *apart = calloc(1, sizeof *apart + count * sizeof apart->answered[0]);
    if (!apart)
        abort();
    apart->count = apart->missing = count;
    apart->ends_us = moment_monotonic_us() + wait_ms * 1000;
    pthread_mutex_lock(&bus->lock);
    apart->id = ++bus->publishing_next;
    apart->next = bus->apart;
    bus->apart = apart;
    pthread_mutex_unlock(&bus->lock);
    return apart;
}

/* Under the lock. */
static void take_out(struct bus *bus, struct publishing_apart *apart)
{
    struct publishing_apart **at = &bus->apart;
    while (*at != apart)
        at = &(*at)->next;
    *at = apart->next;
}

/* One of them is decided. The last one ends it, outside the lock. */
static void decide(struct bus *bus, uint64_t id, size_t place, bool refused)
{
    pthread_mutex_lock(&bus->lock);
    struct publishing_apart *apart = bus->apart;
    while (apart && apart->id != id)
        apart = apart->next;
    bool ended = false;
    if (apart && place < apart->count && !apart->answered[place]) {
        apart->answered[place] = true;
        apart->refused += refused;
        ended = --apart->missing == 0;
        if (ended)
            take_out(bus, apart);
    }
    pthread_mutex_unlock(&bus->lock);
    if (!ended)
        return;
    if (apart->refused)
        apart->told(apart->word, apart->refused);
    free(apart);
}

void bus_apart_answered(struct bus *bus, uint64_t id, size_t place, enum status status)
{
    decide(bus, id, place, status == RETRY);
}

void bus_publish_apart(struct bus *bus, const struct bus_publish *messages, size_t count, int64_t wait_ms,
                       void (*told)(int64_t word, size_t untaken), int64_t word)
{
    if (count == 0)
        return;
    struct publishing_apart *apart = apart_new(bus, count, wait_ms);
    apart->told = told;
    apart->word = word;
    uint64_t id = apart->id; /* it may end, and be gone, with the last message */
    struct error error = { 0 };
    for (size_t i = 0; i < count; i++) {
        enum status status = bus_connection_up(bus) ? bus_send_for_ack(bus, &messages[i], id, i, i + 1 < count, &error)
                                                    : bus_away(&error);
        if (status != OK)
            decide(bus, id, i, status == RETRY);
    }
}

void bus_publish_overdue(struct bus *bus)
{
    int64_t now_us = moment_monotonic_us();
    struct publishing_apart *over = NULL;
    pthread_mutex_lock(&bus->lock);
    for (struct publishing_apart **at = &bus->apart; *at;) {
        struct publishing_apart *apart = *at;
        if (apart->ends_us > now_us) {
            at = &apart->next;
            continue;
        }
        *at = apart->next;
        apart->next = over;
        over = apart;
    }
    pthread_mutex_unlock(&bus->lock);
    while (over) {
        struct publishing_apart *apart = over;
        over = apart->next;
        apart->told(apart->word, apart->missing + apart->refused);
        free(apart);
    }
}

void bus_apart_close(struct bus *bus)
{
    while (bus->apart) {
        struct publishing_apart *apart = bus->apart;
        bus->apart = apart->next;
        free(apart);
    }
}
