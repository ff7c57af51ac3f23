/* One thread that tells the others' state: heartbeats for what is taken and unanswered, capacity for the scheduler. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

enum { CAPACITY_EVERY_MS = 1000, CAPACITY_APART_MS = 20, ROUTES_MAX = 64 };

/* What the scheduler heard last of each route: free and held together, which is all it reckons with. */
static struct {
    size_t jobs;
    int64_t again_us; /* from then on it is told again, whatever it is */
} told[ROUTES_MAX];

static pthread_t thread;
static struct queue bell;
static atomic_bool stopping;

/* A thread that doesn't come round has lost its messages: others shall have them. */
static void heartbeat(void)
{
    int64_t now_us = moment_monotonic_us();
    for (size_t i = 0; i < process.worker_count; i++) {
        struct worker *worker = &process.workers[i];
        if (worker->subject->carrier != CARRIER_CALL && now_us - worker->tick_us < ACK_WAIT_MS * 1000LL)
            held_progress(worker);
    }
}

/* All copies of a route together: the scheduler knows processes, not threads. */
static void count_route(const struct route *route, size_t *free_jobs, size_t *held)
{
    *free_jobs = *held = 0;
    for (size_t i = 0; i < process.worker_count; i++) {
        struct worker *worker = &process.workers[i];
        if (worker->route != route)
            continue;
        size_t holds = worker->held_count + bus_source_queued(worker->source), can = worker_capacity(worker);
        *held += holds;
        if (!worker->saturated && worker->running && !process.draining && can > holds)
            *free_jobs += can - holds;
    }
}

/* Taking a job makes one less free and one more held: that is no news. */
static bool worth_telling(size_t route, size_t jobs)
{
    int64_t now_us = moment_monotonic_us();
    assert(route < ROUTES_MAX);
    if (told[route].jobs == jobs && now_us < told[route].again_us)
        return false;
    told[route].jobs = jobs;
    told[route].again_us = now_us + CAPACITY_EVERY_MS * 1000LL / 2;
    return true;
}

static void tell_capacity(struct arena *arena, const struct route *route)
{
    Pb__JobCapacity *capacity = PB_NEW(arena, job_capacity);
    ProtobufCBinaryData bytes;
    size_t free_jobs, held;
    count_route(route, &free_jobs, &held);
    metric_set(&measure_in_flight, route->takes->name, (int64_t)held);
    if (!worth_telling((size_t)(route - process.service->routes), free_jobs + held))
        return;
    capacity->worker_id = process.worker_id;
    capacity->task = (char *)(uintptr_t)route->takes->task;
    PB_SET(capacity, free, (int32_t)free_jobs);
    PB_SET(capacity, held, (int32_t)held);
    pb_pack(arena, capacity, &bytes);
    bus_send(process.bus, topology_capacity_subject(arena, route->takes->task), bytes.data, bytes.len, NULL);
}

static void tell_capacities(struct arena *arena)
{
    arena_reset(arena);
    for (const struct route *route = process.service->routes; route && route->takes; route++)
        if (route->takes->carrier == CARRIER_WORK)
            tell_capacity(arena, route);
}

static void *run(void *context)
{
    (void)context;
    struct arena *arena = arena_new(0);
    const struct timespec apart = { .tv_nsec = CAPACITY_APART_MS * 1000000L };
    int64_t beat_us = 0;
    while (!stopping) {
        tell_capacities(arena);
        if (moment_monotonic_us() - beat_us >= HEARTBEAT_MS * 1000LL) {
            heartbeat();
            beat_us = moment_monotonic_us();
        }
        nanosleep(&apart, NULL); /* changes in between are told together */
        queue_wait_wake(&bell, CAPACITY_EVERY_MS - CAPACITY_APART_MS);
    }
    tell_capacities(arena);
    arena_free(arena);
    return NULL;
}

void pulse_changed(void)
{
    queue_wake(&bell);
}

void pulse_open(void)
{
    queue_init(&bell);
}

void pulse_start(void)
{
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
}

void pulse_stop(void)
{
    stopping = true;
    queue_wake(&bell);
    pthread_join(thread, NULL);
}
