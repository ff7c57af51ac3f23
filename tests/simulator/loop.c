#include "loop.h"

#include "memory.h"
#include "moment.h"

#include <errno.h>
#include <limits.h>

enum { HEAP_ROOM_MIN = 1024 };

bool loop_open(struct loop *loop)
{
    *loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
    return loop->epoll_fd >= 0;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

static bool is_before(const struct timer *one, const struct timer *other)
{
    if (one->due_us != other->due_us)
        return one->due_us < other->due_us;
    return one->number < other->number;
}

static void heap_set(struct loop *loop, size_t place, struct timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static void heap_raise(struct loop *loop, struct timer *timer)
{
    size_t place = timer->place;
    for (; place > 1 && is_before(timer, loop->heap[place / 2]); place /= 2)
        heap_set(loop, place, loop->heap[place / 2]);
    heap_set(loop, place, timer);
}

static void heap_sink(struct loop *loop, struct timer *timer)
{
    size_t place = timer->place;
    for (size_t child = place * 2; child <= loop->timers; child = place * 2) {
        if (child < loop->timers && is_before(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!is_before(loop->heap[child], timer))
            break;
        heap_set(loop, place, loop->heap[child]);
        place = child;
    }
    heap_set(loop, place, timer);
}

void timer_stop(struct loop *loop, struct timer *timer)
{
    if (timer->place == 0)
        return;
    struct timer *last = loop->heap[loop->timers--];
    if (last != timer) {
        heap_set(loop, timer->place, last);
        heap_raise(loop, last);
        heap_sink(loop, last);
    }
    timer->place = 0;
}

void timer_start_at(struct loop *loop, struct timer *timer, int64_t due_us)
{
    timer_stop(loop, timer);
    if (loop->timers + 2 > loop->heap_room) {
        loop->heap_room = loop->heap_room == 0 ? HEAP_ROOM_MIN : loop->heap_room * 2;
        loop->heap = memory_resized(loop->heap, loop->heap_room * sizeof(struct timer *));
    }
    timer->due_us = due_us;
    timer->number = loop->timers_started++;
    heap_set(loop, ++loop->timers, timer);
    heap_raise(loop, timer);
}

void timer_start(struct loop *loop, struct timer *timer, int64_t delay_ms)
{
    timer_start_at(loop, timer, moment_steady_us() + delay_ms * 1000);
}

static void run_timers(struct loop *loop)
{
    int64_t now_us = moment_steady_us();
    while (loop->timers > 0 && loop->heap[1]->due_us <= now_us) {
        struct timer *timer = loop->heap[1];
        timer_stop(loop, timer);
        timer->expired(timer);
    }
}

static int wait_ms(const struct loop *loop)
{
    if (loop->timers == 0)
        return -1;
    int64_t wait_us = loop->heap[1]->due_us - moment_steady_us();
    if (wait_us <= 0)
        return 0;
    int64_t rounded_up_ms = (wait_us + 999) / 1000;
    return rounded_up_ms > INT_MAX ? INT_MAX : (int)rounded_up_ms;
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped) {
        loop->event_count = epoll_wait(loop->epoll_fd, loop->events, LOOP_EVENTS_MAX, wait_ms(loop));
        if (loop->event_count < 0 && errno != EINTR)
            return;
        for (int i = 0; i < loop->event_count; i++) {
            struct watch *watch = loop->events[i].data.ptr;
            if (watch != NULL)
                watch->ready(watch, loop->events[i].events);
        }
        loop->event_count = 0;
        run_timers(loop);
    }
}
