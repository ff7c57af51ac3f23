/*
 * A connection whose socket is ours. Left to itself the library writes each message by itself, under the connection's
 * lock, and hands what it reads through threads of its own. Here who publishes puts the message into the buffer and
 * then writes what is there, unless somebody writes just now, who then takes it along: under load many messages leave
 * with one write, and one alone leaves at once. One thread of ours, the driver, reads, and passes on what came.
 *
 * Who waits for an answer while nobody else does reads it himself meanwhile (lead): no thread is woken for it but his.
 */
#include "net/bus_private.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 2,
    LEAD_WAIT_MS = 100,           /* then it is looked whether the socket is still the same */
    BUFFERED_BYTES_MAX = 1 << 20, /* past it, who publishes waits until the server takes some */
};

struct bus_drive {
    struct bus *bus;
    natsConnection *_Atomic connection; /* told at the attach, and again by who connected */
    pthread_t thread;
    int epoll, bell;
    atomic_bool ending;

    pthread_mutex_t watching; /* of what the driver waits for: */
    atomic_int socket;        /* -1: not connected */
    bool waits;               /* it took only a part: the driver goes on when it takes more */
    bool led;                 /* somebody else reads */

    atomic_bool wanted; /* something is in the buffer that the one who writes may not have seen */
    pthread_mutex_t writing, reading;
};

static _Thread_local bool writes_itself; /* this thread will write what is buffered: the driver need not */

/* Under watching. */
static void watch(struct bus_drive *drive, int how)
{
    struct epoll_event event = { .events =
                                     (drive->led ? 0 : (uint32_t)EPOLLIN) | (drive->waits ? (uint32_t)EPOLLOUT : 0),
                                 .data.ptr = drive };
    if (drive->socket >= 0)
        epoll_ctl(drive->epoll, how, drive->socket, &event);
}

static void set_waits(struct bus_drive *drive, bool waits)
{
    pthread_mutex_lock(&drive->watching);
    if (drive->waits != waits) {
        drive->waits = waits;
        watch(drive, EPOLL_CTL_MOD);
    }
    pthread_mutex_unlock(&drive->watching);
}

static void set_led(struct bus_drive *drive, bool led)
{
    pthread_mutex_lock(&drive->watching);
    drive->led = led;
    watch(drive, EPOLL_CTL_MOD);
    pthread_mutex_unlock(&drive->watching);
}

/* -- what the library calls, under the connection's lock */

static natsStatus on_attach(void **context, void *loop, natsConnection *connection, natsSock socket)
{
    struct bus_drive *drive = loop;
    *context = drive;
    drive->connection = connection;
    pthread_mutex_lock(&drive->watching);
    drive->waits = false;
    drive->socket = socket;
    watch(drive, EPOLL_CTL_ADD);
    pthread_mutex_unlock(&drive->watching);
    return NATS_OK;
}

static natsStatus on_read(void *context, bool add)
{
    struct bus_drive *drive = context;
    pthread_mutex_lock(&drive->watching);
    if (!add) {
        watch(drive, EPOLL_CTL_DEL);
        drive->socket = -1;
    }
    pthread_mutex_unlock(&drive->watching);
    return NATS_OK;
}

static natsStatus on_write(void *context, bool add)
{
    if (!add || !writes_itself)
        set_waits(context, add);
    return NATS_OK;
}

static natsStatus on_detach(void *context)
{
    return on_read(context, false);
}

/* -- writing */

/* The library takes a write of nothing for the connection's end. */
static void write_buffered(struct bus_drive *drive)
{
    if (natsConnection_Buffered(drive->connection) > 0)
        natsConnection_ProcessWriteEvent(drive->connection);
    if (natsConnection_Buffered(drive->connection) > 0)
        set_waits(drive, true);
}

static void write_wanted(struct bus_drive *drive)
{
    atomic_store(&drive->wanted, true);
    while (atomic_load(&drive->wanted) && pthread_mutex_trylock(&drive->writing) == 0) {
        while (atomic_exchange(&drive->wanted, false))
            write_buffered(drive);
        pthread_mutex_unlock(&drive->writing);
    }
}

/* A server that takes nothing for as long will be found out by its missing PONG. */
static void ease(struct bus_drive *drive)
{
    while (natsConnection_Buffered(drive->connection) > BUFFERED_BYTES_MAX && drive->socket >= 0) {
        struct pollfd one = { .fd = drive->socket, .events = POLLOUT };
        poll(&one, 1, LEAD_WAIT_MS);
        write_wanted(drive);
    }
}

natsStatus bus_drive_publish(struct bus_drive *drive, natsMsg *message)
{
    writes_itself = true;
    natsStatus problem = natsConnection_PublishMsg(drive->connection, message);
    writes_itself = false;
    write_wanted(drive);
    return problem;
}

natsStatus bus_drive_send(struct bus_drive *drive, const char *subject, const char *reply, const void *data,
                          size_t bytes)
{
    writes_itself = true;
    natsStatus problem = reply ? natsConnection_PublishRequest(drive->connection, subject, reply, data, (int)bytes)
                               : natsConnection_Publish(drive->connection, subject, data, (int)bytes);
    writes_itself = false;
    write_wanted(drive);
    return problem;
}

natsStatus bus_drive_gather(struct bus_drive *drive, natsMsg *message)
{
    ease(drive);
    return natsConnection_PublishMsg(drive->connection, message);
}

/* -- reading */

bool bus_drive_lead(struct bus_drive *drive)
{
    if (pthread_mutex_trylock(&drive->reading) != 0)
        return false;
    set_led(drive, true);
    return true;
}

void bus_drive_read(struct bus_drive *drive, int64_t wait_ms)
{
    struct pollfd one = { .fd = drive->socket, .events = POLLIN };
    int ready = poll(&one, 1, (int)(wait_ms < LEAD_WAIT_MS ? wait_ms : LEAD_WAIT_MS));
    if (ready <= 0 || one.fd < 0)
        return;
    natsConnection_ProcessReadEvent(drive->connection);
    if (bus_pass_on_pulled(drive->bus))
        bus_drive_ring(drive);
}

void bus_drive_follow(struct bus_drive *drive)
{
    set_led(drive, false);
    pthread_mutex_unlock(&drive->reading);
}

/* -- the driver */

void bus_drive_ring(struct bus_drive *drive)
{
    uint64_t one = 1;
    (void)!write(drive->bell, &one, sizeof one);
}

/* Unless somebody leads: then the socket is his, and is not watched any more in a moment. */
static void read_some(struct bus_drive *drive)
{
    if (pthread_mutex_trylock(&drive->reading) != 0)
        return;
    natsConnection_ProcessReadEvent(drive->connection);
    pthread_mutex_unlock(&drive->reading);
}

static void answer_bell(struct bus_drive *drive)
{
    uint64_t rung;
    (void)!read(drive->bell, &rung, sizeof rung);
}

static void *run(void *context)
{
    struct bus_drive *drive = context;
    struct epoll_event events[EVENTS_MAX];
    while (!drive->ending) {
        int count = epoll_wait(drive->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (!events[i].data.ptr)
                answer_bell(drive);
            else if (events[i].events & ~(uint32_t)EPOLLOUT)
                read_some(drive);
            if (events[i].data.ptr && events[i].events & EPOLLOUT)
                write_wanted(drive);
        }
        bus_pass_on(drive->bus);
    }
    return NULL;
}

struct bus_drive *bus_drive_new(struct bus *bus, natsOptions *options)
{
    struct bus_drive *drive = calloc(1, sizeof *drive);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (!drive)
        abort();
    drive->bus = bus;
    drive->socket = -1;
    pthread_mutex_init(&drive->watching, NULL);
    pthread_mutex_init(&drive->writing, NULL);
    pthread_mutex_init(&drive->reading, NULL);
    drive->epoll = epoll_create1(EPOLL_CLOEXEC);
    drive->bell = eventfd(0, EFD_CLOEXEC);
    assert(drive->epoll >= 0 && drive->bell >= 0);
    epoll_ctl(drive->epoll, EPOLL_CTL_ADD, drive->bell, &event);
    natsOptions_SetEventLoop(options, drive, on_attach, on_read, on_write, on_detach);
    if (pthread_create(&drive->thread, NULL, run, drive) != 0)
        abort();
    return drive;
}

void bus_drive_connected(struct bus_drive *drive, natsConnection *connection)
{
    drive->connection = connection;
}

void bus_drive_stop(struct bus_drive *drive)
{
    drive->ending = true;
    bus_drive_ring(drive);
    pthread_join(drive->thread, NULL);
}

void bus_drive_free(struct bus_drive *drive)
{
    if (!drive)
        return;
    close(drive->bell);
    close(drive->epoll);
    pthread_mutex_destroy(&drive->watching);
    pthread_mutex_destroy(&drive->writing);
    pthread_mutex_destroy(&drive->reading);
    free(drive);
}
