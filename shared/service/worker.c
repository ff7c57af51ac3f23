/* The loop of one route's thread: nudges heard, calls that came back, what must be tried again, and only then something
 * new. */
#include <assert.h>
#include <stdlib.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

int64_t backoff_next(int64_t *backoff_ms)
{
    uint32_t random;
    ident_random(&random, sizeof random);
    *backoff_ms = *backoff_ms == 0 ? BACKOFF_MS_MIN : *backoff_ms * 2;
    if (*backoff_ms > BACKOFF_MS_MAX)
        *backoff_ms = BACKOFF_MS_MAX;
    return *backoff_ms * 3 / 4 + (int64_t)random % (*backoff_ms / 4 + 1);
}

/* Jobs a worker holds at most: slow ones what may be parked, others a few batches. */
size_t worker_capacity(const struct worker *worker)
{
    if (worker->route->resume)
        return parked_max(worker->route);
    return 4 * worker->batch_max > CAPACITY_MIN ? 4 * worker->batch_max : CAPACITY_MIN;
}

static void measure_batch(struct worker *worker, size_t count, int64_t began_us)
{
    metric_observe(&measure_batch_items, worker->subject->name, (int64_t)count);
    metric_observe(&measure_handle_seconds, worker->subject->name, moment_monotonic_us() - began_us);
    atomic_fetch_add(&worker->handled_count, count);
    atomic_fetch_add(&worker->handled_us, (uint64_t)(moment_monotonic_us() - began_us));
}

static void handle_now(struct worker *worker, void (*handle)(struct batch *batch), struct slot **slots, size_t count)
{
    int64_t began_us = moment_monotonic_us();
    for (size_t i = 0; i < count; i++)
        worker->items[i] = &slots[i]->item;
    worker->batch.items = worker->items;
    worker->batch.count = count;
    worker->batch.now = moment_now();
    handle(&worker->batch);
    measure_batch(worker, count, began_us);
}

void worker_handle(struct worker *worker, void (*handle)(struct batch *batch), struct slot **slots, size_t count)
{
    struct error error = { 0 };
    assert(count <= worker->batch_max);
    struct db *db = worker->batch.db = session_take(worker->db);
    if (!db || db_ready(db, &error) == OK)
        handle_now(worker, handle, slots, count);
    else
        for (size_t i = 0; i < count; i++)
            item_fail(&slots[i]->item, RETRY, text_or(error.code, "database_away"), "%s", error.text);
    session_give(db);
}

void worker_again_later(struct worker *worker, struct slot *slot)
{
    if (worker->again.count == 0)
        worker->again_us = moment_monotonic_us() + backoff_next(&worker->backoff_ms) * 1000;
    slots_add(&worker->again, slot);
}

static void take(struct worker *worker, const struct bus_message *messages, size_t count)
{
    metric_set(&measure_in_flight, worker->subject->name, (int64_t)count);
    switch (worker->subject->carrier) {
    case CARRIER_STREAM:
        stream_take(worker, messages, count);
        break;
    case CARRIER_WORK:
        work_take(worker, messages, count);
        break;
    case CARRIER_CALL:
        calls_take(worker, messages, count);
        break;
    case CARRIER_NUDGE:
        assert(false); /* a nudge is heard, not taken */
    }
    metric_set(&measure_in_flight, worker->subject->name, (int64_t)worker->held_count);
}

/* Ages at taking; only stream messages know when they were published. */
static void measure_ages(struct worker *worker, const struct bus_message *messages, size_t count)
{
    moment now = moment_now();
    int64_t oldest_ms = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t age_ms = messages[i].published_at ? now - messages[i].published_at : 0;
        if (messages[i].published_at)
            metric_observe(&measure_stage_seconds, worker->subject->name, age_ms > 0 ? age_ms * 1000 : 0);
        oldest_ms = age_ms > oldest_ms ? age_ms : oldest_ms;
    }
    metric_set(&measure_queue_age_seconds, worker->subject->name, oldest_ms * 1000);
}

/* The consumer is gone: the keeper makes it again, or waits for the stream's owner to. */
static void wait_for_consumer(struct worker *worker, const struct error *error)
{
    log_line(LOG_WARN, "nothing to take from", "route", worker->subject->name, "error", error->text, NULL);
    keeper_look();
    size_t none;
    bus_take(worker->source, worker->taken, NULL, 0, 0, backoff_next(&worker->backoff_ms), &none, NULL);
}

/* Stream messages and work stay where they are while what we took can't be answered, and while calls in flight are at
 * their maximum. */
static size_t room(struct worker *worker)
{
    if (worker->again.count > 0 || (worker->route->resume && parked_full(worker)))
        return 0;
    if (worker->subject->carrier == CARRIER_WORK && !worker->route->resume)
        bus_source_window(worker->source, worker_capacity(worker)); /* the rest is for others */
    if (!worker->route->resume)
        return worker->batch_max;
    size_t left = parked_max(worker->route) - worker->held_count;
    bus_source_window(worker->source, left);
    return left < worker->batch_max ? left : worker->batch_max;
}

static int64_t wait_ms(struct worker *worker)
{
    if (worker->route->resume && queue_count(&worker->done) > 0)
        return 0;
    if (worker->again.count == 0 && worker->later.count == 0)
        return ROUND_WAIT_MS;
    int64_t due_us = worker->again.count > 0 ? worker->again_us : worker->later_us;
    if (worker->later.count > 0 && worker->later_us < due_us)
        due_us = worker->later_us;
    int64_t left_ms = (due_us - moment_monotonic_us()) / 1000 + 1;
    return left_ms < 0 ? 0 : left_ms < ROUND_WAIT_MS ? left_ms : ROUND_WAIT_MS;
}

static void take_new(struct worker *worker, struct bus_message *messages)
{
    struct error error = { 0 };
    size_t count = 0, some = room(worker);
    if (worker->again.count == 0)
        arena_reset(worker->taken);
    if (worker->saturated != (some == 0)) {
        worker->saturated = some == 0;
        pulse_changed();
    }
    if (bus_take(worker->source, worker->taken, messages, some, BATCH_BYTES_MAX, wait_ms(worker), &count, &error) !=
        OK) {
        wait_for_consumer(worker, &error);
        return;
    }
    if (count == 0)
        return;
    measure_ages(worker, messages, count);
    take(worker, messages, count);
    if (worker->again.count == 0)
        worker->backoff_ms = 0;
}

static void try_again(struct worker *worker)
{
    if (worker->again.count == 0 || moment_monotonic_us() < worker->again_us)
        return;
    if (worker->subject->carrier == CARRIER_WORK)
        work_again(worker);
    else
        stream_again(worker);
    if (worker->again.count == 0)
        worker->backoff_ms = 0;
}

static void come_round(struct worker *worker)
{
    atomic_store(&worker->tick_us, moment_monotonic_us());
    if (worker->route->hear)
        hear_all(worker);
    if (worker->route->resume)
        parked_resume(worker);
    try_again(worker);
}

/* Nobody who waits is let down: requests that are here already are answered. */
static void drain_calls(struct worker *worker, struct bus_message *messages)
{
    size_t count = 0;
    do {
        arena_reset(worker->taken);
        bus_take(worker->source, worker->taken, messages, worker->batch_max, BATCH_BYTES_MAX, 1, &count, NULL);
        if (count > 0)
            take(worker, messages, count);
    } while (count > 0);
}

/* Calls may come back and results be reported for a while yet; what can't be answered by then is given back. */
static void drain(struct worker *worker, struct bus_message *messages)
{
    int64_t ends_us = moment_monotonic_us() + DRAIN_WAIT_MS * 1000LL;
    size_t none;
    bus_source_stop(worker->source);
    if (worker->subject->carrier == CARRIER_CALL)
        drain_calls(worker, messages);
    come_round(worker);
    while ((worker->again.count > 0 || worker->later.count > 0 || worker->parked) && moment_monotonic_us() < ends_us) {
        bus_take(worker->source, worker->taken, NULL, 0, 0, wait_ms(worker), &none, NULL);
        come_round(worker);
    }
    parked_abandon(worker);
    for (struct slot *slot; (slot = slots_pop(&worker->again));)
        work_give_back(slot);
}

static enum status open_source(struct worker *worker, struct error *error)
{
    const struct subject *subject = worker->subject;
    if (subject->carrier == CARRIER_CALL)
        return bus_serve_open(process.bus, subject->name, process.service->name, &worker->source, error);
    return bus_pull_open(process.bus, subject->stream, subject->consumer, &worker->source, error);
}

static void *run(void *context)
{
    struct worker *worker = context;
    struct arena *lasting = arena_new(0);
    struct bus_message *messages = ARENA_ARRAY(lasting, struct bus_message, worker->batch_max);
    while (!service_draining()) {
        come_round(worker);
        take_new(worker, messages);
    }
    drain(worker, messages);
    arena_free(lasting);
    atomic_store(&worker->running, false);
    return NULL;
}

static void init(struct worker *worker, const struct route *route)
{
    worker->route = route;
    worker->subject = route->takes;
    worker->batch_max = route->batch_max && route->batch_max < BATCH_ITEMS_MAX ? route->batch_max : BATCH_ITEMS_MAX;
    worker->taken = arena_new(0);
    worker->arena = arena_new(0);
    worker->scratch = arena_new(0);
    worker->db = process_db(route->takes->name);
    worker->items = calloc(worker->batch_max, sizeof *worker->items);
    if (!worker->items)
        abort();
    worker->batch = (struct batch){ .arena = worker->arena, .db = worker->db, .worker = worker };
    slots_init(&worker->again);
    slots_init(&worker->later);
    queue_init(&worker->done);
    queue_init(&worker->heard);
    pthread_mutex_init(&worker->lock, NULL);
    worker->tick_us = moment_monotonic_us();
    worker->running = true;
}

static void start(struct worker *worker)
{
    struct error error = { 0 };
    if (open_source(worker, &error) != OK || (worker->route->hears && hear_open(worker, &error) != OK)) {
        log_line(LOG_ERROR, "route can't start", "route", worker->subject->name, "error", error.text, NULL);
        abort();
    }
    if (pthread_create(&worker->thread, NULL, run, worker) != 0)
        abort();
}

static unsigned copies(const struct route *route)
{
    assert(!route->resume || (route->takes->carrier == CARRIER_WORK && process.http));
    return route->threads ? route->threads : 1;
}

void workers_start(void)
{
    size_t count = 0, at = 0;
    for (const struct route *route = process.service->routes; route && route->takes; route++)
        count += copies(route);
    struct worker *workers = calloc(count ? count : 1, sizeof *workers);
    if (!workers)
        abort();
    for (const struct route *route = process.service->routes; route && route->takes; route++)
        for (unsigned copy = 0; copy < copies(route); copy++)
            init(&workers[at++], route);
    process.workers = workers;
    for (size_t i = 0; i < count; i++)
        start(&workers[i]);
    process.worker_count = count;
}

static void close_worker(struct worker *worker)
{
    hear_close(worker);
    bus_source_close(worker->source);
    queue_clear(&worker->done);
    queue_clear(&worker->heard);
    pthread_mutex_destroy(&worker->lock);
    db_close(worker->db);
    arena_free(worker->taken);
    arena_free(worker->arena);
    arena_free(worker->scratch);
    free(worker->items);
}

void workers_join(void)
{
    for (size_t i = 0; i < process.worker_count; i++)
        bus_source_wake(process.workers[i].source);
    for (size_t i = 0; i < process.worker_count; i++)
        pthread_join(process.workers[i].thread, NULL);
}

void workers_close(void)
{
    for (size_t i = 0; i < process.worker_count; i++)
        close_worker(&process.workers[i]);
    process.worker_count = 0;
    free(process.workers);
    process.workers = NULL;
}
