/*
 * loop - the one thread: epoll for sockets, a heap of timers for everything that is due later.
 *
 * Watches and timers live inside their owners; the owner must unwatch and stop them before it is freed.
 * Both may be taken away from inside any callback.
 */
#ifndef SIMULATOR_LOOP_H
#define SIMULATOR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t events);
};

struct timer {
    void (*expired)(struct timer *timer);
    int64_t due_us;
    uint64_t number; /* equal moments expire in the order they were started */
    size_t place;    /* in the heap, counted from 1; 0: not running */
};

enum { LOOP_EVENTS_MAX = 256 };

struct loop {
    int epoll_fd;
    struct timer **heap; /* heap[1] is due first */
    size_t timers;
    size_t heap_room;
    uint64_t timers_started;
    struct epoll_event events[LOOP_EVENTS_MAX];
    int event_count;
    bool stopped;
};

bool loop_open(struct loop *loop);
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t events);
void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t events);
void loop_unwatch(struct loop *loop, struct watch *watch);

/* Starts the timer, or moves it when it runs already. */
void timer_start(struct loop *loop, struct timer *timer, int64_t delay_ms);
void timer_start_at(struct loop *loop, struct timer *timer, int64_t due_us);
void timer_stop(struct loop *loop, struct timer *timer);

#endif
