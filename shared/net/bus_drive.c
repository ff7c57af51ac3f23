/*
 * Connections whose socket is ours. Left to itself the library writes each message by itself, under the connection's
 * lock; here who publishes puts the message into the buffer and then writes what is there, unless somebody writes just
 * now, who then takes it along. So under load many messages leave with one write, and one alone leaves at once. One
 * thread reads for all of them.
 */
#include "net/bus_private.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = BUS_CONNECTIONS_MAX + 1 };

struct bus_drive {
    struct bus_driver *driver;
    natsConnection *_Atomic connection; /* told at the attach, and again by who connected */
    atomic_int socket;                  /* -1: not connected */
    atomic_bool waits;                  /* the socket took only a part: the driver goes on when it takes more */
    atomic_bool wanted;                 /* something is in the buffer that the one who writes may not have seen */
    pthread_mutex_t writing;
};

struct bus_driver {
    pthread_t thread;
    int epoll, bell;
};

static _Thread_local bool writes_itself; /* this thread will call bus_drive_write: the driver need not */

static void watch(struct bus_drive *drive, int how, bool writable)
{
    struct epoll_event event = { .events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0), .data.ptr = drive };
    epoll_ctl(drive->driver->epoll, how, drive->socket, &event);
}

static void wait_writable(struct bus_drive *drive)
{
    atomic_store(&drive->waits, true);
    watch(drive, EPOLL_CTL_MOD, true);
}

/* -- what the library calls, under the connection's lock */

static natsStatus on_attach(void **context, void *loop, natsConnection *connection, natsSock socket)
{
    struct bus_drive *drive = loop;
    *context = drive;
    drive->connection = connection;
    drive->waits = false;
    drive->socket = socket;
    watch(drive, EPOLL_CTL_ADD, false);
    return NATS_OK;
}

static natsStatus on_read(void *context, bool add)
{
    struct bus_drive *drive = context;
    if (!add && drive->socket >= 0) {
        watch(drive, EPOLL_CTL_DEL, false);
        drive->socket = -1;
    }
    return NATS_OK;
}

static natsStatus on_write(void *context, bool add)
{
    struct bus_drive *drive = context;
    if (add && !writes_itself)
        wait_writable(drive);
    else if (!add && atomic_exchange(&drive->waits, false))
        watch(drive, EPOLL_CTL_MOD, false);
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
    if (natsConnection_Buffered(drive->connection) > 0 && drive->socket >= 0)
        wait_writable(drive);
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

natsStatus bus_drive_publish(struct bus_drive *drive, natsMsg *message)
{
    writes_itself = true;
    natsStatus problem = natsConnection_PublishMsg(drive->connection, message);
    writes_itself = false;
    write_wanted(drive);
    return problem;
}

void bus_drive_connected(struct bus_drive *drive, natsConnection *connection)
{
    drive->connection = connection;
}

/* -- the driver */

static void *drive_all(void *context)
{
    struct bus_driver *driver = context;
    struct epoll_event events[EVENTS_MAX];
    while (true) {
        int count = epoll_wait(driver->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct bus_drive *drive = events[i].data.ptr;
            if (!drive)
                return NULL;
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                natsConnection_ProcessReadEvent(drive->connection);
            if (events[i].events & EPOLLOUT)
                write_wanted(drive);
        }
    }
}

struct bus_driver *bus_driver_new(void)
{
    struct bus_driver *driver = calloc(1, sizeof *driver);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (!driver)
        abort();
    driver->epoll = epoll_create1(EPOLL_CLOEXEC);
    driver->bell = eventfd(0, EFD_CLOEXEC);
    assert(driver->epoll >= 0 && driver->bell >= 0);
    epoll_ctl(driver->epoll, EPOLL_CTL_ADD, driver->bell, &event);
    if (pthread_create(&driver->thread, NULL, drive_all, driver) != 0)
        abort();
    return driver;
}

void bus_driver_free(struct bus_driver *driver)
{
    uint64_t one = 1;
    if (!driver)
        return;
    (void)!write(driver->bell, &one, sizeof one);
    pthread_join(driver->thread, NULL);
    close(driver->bell);
    close(driver->epoll);
    free(driver);
}

struct bus_drive *bus_drive_new(struct bus_driver *driver, natsOptions *options)
{
    struct bus_drive *drive = calloc(1, sizeof *drive);
    if (!drive)
        abort();
    drive->driver = driver;
    drive->socket = -1;
    pthread_mutex_init(&drive->writing, NULL);
    natsOptions_SetEventLoop(options, drive, on_attach, on_read, on_write, on_detach);
    return drive;
}

void bus_drive_free(struct bus_drive *drive)
{
    if (!drive)
        return;
    pthread_mutex_destroy(&drive->writing);
    free(drive);
}
