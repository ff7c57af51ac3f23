#include "stream/hub.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/moment.h"
#include "base/text.h"
#include "keys.h"
#include "service/metrics.h"
#include "settings.h"
#include "stream/listener.h"

enum {
    EVENTS_MAX = 64,
    TICK_MS = 500,
    STALLED_MS = 30000,    /* a peer that took nothing for so long is gone */
    QUEUED_BYTES = 131072, /* a listener with more than this on its way is given no further page */
    LAGGARDS_MAX = 32,     /* pages of one round */
};

/* A company somebody listens to. */
struct head {
    struct head *next;
    char company_id[IDENT_BYTES];
    int64_t number;
    size_t listeners;
    bool due;
};

static struct {
    pthread_mutex_t lock;
    struct head *heads;
    struct listener *listeners;
    size_t count; /* admitted */
    uint64_t serial;
    int epoll, stop; /* stop: an eventfd */
    pthread_t thread;
    bool over;
} hub = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct metric streams = { .name = "parley_event_streams",
                                 .help = "Connections that listen to the event stream.",
                                 .kind = METRIC_GAUGE };
static struct metric told = { .name = "parley_event_stream_events_total",
                              .help = "Events written to streams.",
                              .kind = METRIC_COUNTER };

/* -- companies; under the lock */

static struct head *head_find(const char *company_id)
{
    for (struct head *head = hub.heads; head != NULL; head = head->next)
        if (strcmp(head->company_id, company_id) == 0)
            return head;
    return NULL;
}

static struct head *head_make(const char *company_id, int64_t number)
{
    struct head *head = calloc(1, sizeof *head);
    if (head == NULL)
        abort();
    snprintf(head->company_id, sizeof head->company_id, "%s", company_id);
    head->number = number;
    head->due = true;
    head->next = hub.heads;
    hub.heads = head;
    return head;
}

static void head_leave(const char *company_id)
{
    for (struct head **at = &hub.heads; *at != NULL; at = &(*at)->next) {
        struct head *head = *at;
        if (strcmp(head->company_id, company_id) != 0)
            continue;
        if (--head->listeners == 0) {
            *at = head->next;
            free(head);
        }
        return;
    }
}

/* -- listeners come and go */

enum status hub_admit(const char *company_id, const char *key_id, const struct filter *filter, struct listener **out,
                      struct error *error)
{
    pthread_mutex_lock(&hub.lock);
    bool full = hub.count >= (size_t)settings.streams;
    if (!full) {
        *out = listener_new(++hub.serial, company_id, key_id, filter);
        metric_set(&streams, NULL, (int64_t)++hub.count);
    }
    pthread_mutex_unlock(&hub.lock);
    return full ? error_code(error, RETRY, "too_many_streams", "As many streams are open as may be.") : OK;
}

/* Under the lock. */
static void forget(struct listener *listener)
{
    metric_set(&streams, NULL, (int64_t)--hub.count);
    listener_free(listener);
}

void hub_dismiss(struct listener *listener)
{
    pthread_mutex_lock(&hub.lock);
    forget(listener);
    pthread_mutex_unlock(&hub.lock);
}

void hub_begin(struct listener *listener, int64_t number, int64_t settled_number)
{
    pthread_mutex_lock(&hub.lock);
    struct head *head = head_find(listener->company_id);
    if (head == NULL)
        head = head_make(listener->company_id, settled_number);
    head->listeners++;
    listener->number = number;
    pthread_mutex_unlock(&hub.lock);
}

static void watch(const struct listener *listener, int operation)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = (void *)listener };
    if (listener_waiting(listener) > 0)
        event.events |= EPOLLOUT;
    epoll_ctl(hub.epoll, operation, listener->fd, &event);
}

void hub_take(void *taken, int fd)
{
    struct listener *listener = taken;
    pthread_mutex_lock(&hub.lock);
    if (fd < 0 || hub.over) {
        if (fd >= 0)
            close(fd);
        head_leave(listener->company_id);
        forget(listener);
    } else {
        listener_connect(listener, fd);
        listener->next = hub.listeners;
        hub.listeners = listener;
        watch(listener, EPOLL_CTL_ADD);
    }
    pthread_mutex_unlock(&hub.lock);
}

/* Under the lock, by the hub's thread alone: nobody else holds on to a listener. */
static void sweep(void)
{
    for (struct listener **at = &hub.listeners; *at != NULL;) {
        struct listener *listener = *at;
        if (!listener->closing) {
            at = &listener->next;
            continue;
        }
        *at = listener->next;
        head_leave(listener->company_id);
        forget(listener);
    }
}

/* -- writing; under the lock */

static void write_to(struct listener *listener)
{
    if (listener->closing)
        return;
    listener_flush(listener);
    bool waiting = listener_waiting(listener) > 0;
    if (waiting != listener->watched) {
        listener->watched = waiting;
        watch(listener, EPOLL_CTL_MOD);
    }
}

static void look_after(struct listener *listener, moment now, int64_t now_us)
{
    if (listener->key_id[0] != '\0' && !keys_allow(listener->key_id, now))
        listener->closing = true;
    else if (listener_waiting(listener) > 0 && now_us - listener->moved_us > STALLED_MS * 1000LL)
        listener->closing = true;
    else if (now_us - listener->spoke_us > settings.heartbeat_ms * 1000) {
        listener_queue(listener, ":\n\n", 3);
        write_to(listener);
    }
}

static void tick(void)
{
    static int64_t due_us;
    int64_t now_us = moment_monotonic_us();
    moment now = moment_now();
    if (now_us < due_us)
        return;
    due_us = now_us + TICK_MS * 1000;
    for (struct listener *listener = hub.listeners; listener != NULL; listener = listener->next)
        look_after(listener, now, now_us);
}

static void *run(void *context)
{
    struct epoll_event events[EVENTS_MAX];
    (void)context;
    for (bool over = false; !over;) {
        int count = epoll_wait(hub.epoll, events, EVENTS_MAX, TICK_MS);
        pthread_mutex_lock(&hub.lock);
        for (int i = 0; i < count; i++) {
            struct listener *listener = events[i].data.ptr;
            if (listener == NULL)
                continue;
            if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
                listener_hear(listener);
            write_to(listener);
        }
        tick();
        sweep();
        over = hub.over;
        pthread_mutex_unlock(&hub.lock);
    }
    return NULL;
}

/* -- the feed */

void hub_due(const char *company_id)
{
    pthread_mutex_lock(&hub.lock);
    for (struct head *head = hub.heads; head != NULL; head = head->next)
        head->due |= company_id == NULL || strcmp(head->company_id, company_id) == 0;
    pthread_mutex_unlock(&hub.lock);
}

size_t hub_heads(struct arena *arena, struct hub_want **out)
{
    size_t count = 0, due = 0;
    pthread_mutex_lock(&hub.lock);
    for (const struct head *head = hub.heads; head != NULL; head = head->next)
        due += head->due;
    *out = ARENA_ARRAY(arena, struct hub_want, due + 1);
    for (struct head *head = hub.heads; head != NULL; head = head->next) {
        if (head->due)
            (*out)[count++] =
                (struct hub_want){ .company_id = arena_text(arena, head->company_id), .after = head->number };
        head->due = false;
    }
    pthread_mutex_unlock(&hub.lock);
    return count;
}

static bool lags(const struct listener *listener, const struct head *head)
{
    return !listener->closing && listener->number < head->number && listener_waiting(listener) < QUEUED_BYTES;
}

/* In turn: who was given a page goes to the end. */
size_t hub_laggards(struct arena *arena, struct hub_want **out)
{
    static uint64_t last;
    size_t count = 0;
    *out = ARENA_ARRAY(arena, struct hub_want, LAGGARDS_MAX);
    pthread_mutex_lock(&hub.lock);
    for (int pass = 0; pass < 2; pass++) {
        for (const struct listener *listener = hub.listeners; listener != NULL; listener = listener->next) {
            const struct head *head = head_find(listener->company_id);
            bool turn = pass == 0 ? listener->serial < last : listener->serial >= last;
            if (!turn || count == LAGGARDS_MAX || !lags(listener, head))
                continue;
            (*out)[count++] = (struct hub_want){ .company_id = arena_text(arena, head->company_id),
                                                 .listener = listener->serial,
                                                 .after = listener->number,
                                                 .upto = head->number,
                                                 .filter = listener->filter };
        }
    }
    if (count > 0)
        last = (*out)[count - 1].listener;
    pthread_mutex_unlock(&hub.lock);
    return count;
}

/* All of the frames that it wants, or none of them: its number moves with them. */
static void give(struct listener *listener, const struct frame *frames, size_t count, int64_t through)
{
    for (size_t i = 0; i < count; i++) {
        if (!filter_wants(&listener->filter, frames[i].lead_id, frames[i].type))
            continue;
        listener_queue(listener, frames[i].text, frames[i].bytes);
        metric_add(&told, NULL, 1);
    }
    listener->number = through;
    write_to(listener);
}

/* Those at the head go on with it; who is slow stays behind, and catches up by pages of his own. */
static void tell_head(struct head *head, const struct frame *frames, size_t count, int64_t through)
{
    for (struct listener *listener = hub.listeners; listener != NULL; listener = listener->next)
        if (listener->number == head->number && strcmp(listener->company_id, head->company_id) == 0 &&
            listener_waiting(listener) < QUEUED_BYTES)
            give(listener, frames, count, through);
    head->number = through;
}

void hub_tell(const struct hub_want *want, const struct frame *frames, size_t count, int64_t through, bool again)
{
    pthread_mutex_lock(&hub.lock);
    struct head *head = head_find(want->company_id);
    if (want->listener == 0 && head != NULL) {
        head->due |= again;
        if (head->number == want->after)
            tell_head(head, frames, count, through);
    }
    for (struct listener *listener = hub.listeners; want->listener != 0 && listener != NULL; listener = listener->next)
        if (listener->serial == want->listener && listener->number == want->after)
            give(listener, frames, count, through);
    pthread_mutex_unlock(&hub.lock);
}

void hub_pass(const char *company_id, const struct frame *frame)
{
    pthread_mutex_lock(&hub.lock);
    for (struct listener *listener = hub.listeners; listener != NULL; listener = listener->next)
        if (strcmp(listener->company_id, company_id) == 0 && listener_waiting(listener) < QUEUED_BYTES)
            give(listener, frame, 1, listener->number);
    pthread_mutex_unlock(&hub.lock);
}

/* -- opening and closing */

enum status hub_open(struct error *error)
{
    sigset_t all, before;
    struct epoll_event event = { .events = EPOLLIN };
    hub.over = false;
    hub.epoll = epoll_create1(EPOLL_CLOEXEC);
    hub.stop = eventfd(0, EFD_CLOEXEC);
    if (hub.epoll < 0 || hub.stop < 0 || epoll_ctl(hub.epoll, EPOLL_CTL_ADD, hub.stop, &event) != 0)
        return error_set(error, REJECT, "The event streams can't be opened.");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&hub.thread, NULL, run, NULL) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return OK;
}

void hub_close(void)
{
    if (hub.stop <= 0)
        return;
    pthread_mutex_lock(&hub.lock);
    hub.over = true;
    for (struct listener *listener = hub.listeners; listener != NULL; listener = listener->next) {
        listener_flush(listener);
        listener->closing = true;
    }
    eventfd_write(hub.stop, 1);
    pthread_mutex_unlock(&hub.lock);
    pthread_join(hub.thread, NULL);
    close(hub.epoll);
    close(hub.stop);
}
