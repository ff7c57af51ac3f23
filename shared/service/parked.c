/*
 * Items of slow routes whose outside call is under way. The call's end comes on the HTTP client's thread, goes through
 * the worker's queue and is handled on the route's own thread, many as one batch.
 */
#include <assert.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

enum { CROWD = 1024 };

size_t parked_max(const struct route *route)
{
    return route->parked_max ? route->parked_max : PARKED_MAX;
}

bool parked_full(const struct worker *worker)
{
    return worker->held_count >= parked_max(worker->route);
}

static uint64_t hash_of(const char *label)
{
    uint64_t hash = 14695981039346656037u;
    for (; *label; label++)
        hash = (hash ^ (unsigned char)*label) * 1099511628211u;
    return hash;
}

static void join(struct worker *worker, struct slot *slot)
{
    slot->parked = true;
    slot->parked_next = worker->parked;
    slot->parked_at = &worker->parked;
    if (worker->parked)
        worker->parked->parked_at = &slot->parked_next;
    worker->parked = slot;
    size_t count = atomic_fetch_add(&worker->parked_count, 1) + 1;
    worker->parked_peak = count > worker->parked_peak ? count : worker->parked_peak;
    metric_add(&measure_parked, worker->subject->name, 1);
}

static void leave(struct worker *worker, struct slot *slot)
{
    slot->parked = false;
    *slot->parked_at = slot->parked_next;
    if (slot->parked_next)
        slot->parked_next->parked_at = slot->parked_at;
    atomic_fetch_sub(&worker->parked_count, 1);
    metric_add(&measure_parked, worker->subject->name, -1);
}

/* On the HTTP client's thread: passed on, nothing else. The call's handle ends with this function. */
static void on_done(void *context, struct http_call *call, const struct http_response *response)
{
    struct slot *slot = context;
    struct worker *worker = slot->worker;
    (void)call;
    slot->response = *response;
    pthread_mutex_lock(&worker->lock);
    slot->call = NULL;
    pthread_mutex_unlock(&worker->lock);
    queue_push(&worker->done, &slot->done);
    bus_source_wake(worker->source);
}

void item_call(struct item *item, const struct http_request *request)
{
    struct slot *slot = item->slot;
    struct worker *worker = slot->worker;
    assert(worker->route->resume && !slot->parked);
    slot->label_hash = item->label ? hash_of(item->label) : 0;
    slot->abort_reason[0] = '\0';
    slot->response = (struct http_response){ 0 };
    item->response = NULL;
    join(worker, slot);
    /* Under the lock, so that a call that is over at once clears the handle after it was set. */
    pthread_mutex_lock(&worker->lock);
    slot->call = http_start(process.http, item->arena, request, on_done, slot);
    pthread_mutex_unlock(&worker->lock);
}

void item_resume_later(struct item *item)
{
    struct slot *slot = item->slot;
    struct worker *worker = slot->worker;
    assert(worker->route->resume && !slot->parked);
    if (worker->later.count == 0)
        worker->later_us = moment_monotonic_us() + backoff_next(&worker->later_backoff_ms) * 1000;
    slot->parked = true;
    slots_add(&worker->later, slot);
}

static void abort_call(struct worker *worker, struct slot *slot)
{
    pthread_mutex_lock(&worker->lock);
    if (slot->call)
        http_abort(process.http, slot->call);
    pthread_mutex_unlock(&worker->lock);
}

size_t route_abort(struct batch *batch, const char *label, const char *reason)
{
    struct worker *worker = batch->worker;
    uint64_t hash = hash_of(label);
    size_t count = 0;
    for (struct slot *slot = worker->parked; slot; slot = slot->parked_next) {
        if (slot->label_hash != hash || slot->abort_reason[0] || !text_same(slot->item.label, label))
            continue;
        snprintf(slot->abort_reason, sizeof slot->abort_reason, "%s", text_or(reason, "aborted"));
        abort_call(worker, slot);
        count++;
    }
    return count;
}

static struct slot *slot_of(struct queue_entry *entry)
{
    return (struct slot *)(void *)((char *)entry - offsetof(struct slot, done));
}

static struct slot *pop_done(struct worker *worker)
{
    struct queue_entry *entry = queue_pop(&worker->done);
    struct slot *slot = entry ? slot_of(entry) : NULL;
    if (!slot)
        return NULL;
    leave(worker, slot);
    if (slot->abort_reason[0] && slot->response.end == HTTP_ABORTED)
        error_code(&slot->response.error, RETRY, "aborted", "%s", slot->abort_reason);
    slot->item.response = &slot->response;
    return slot;
}

static void resume(struct worker *worker, struct slot **slots, size_t count)
{
    atomic_store(&worker->tick_us, moment_monotonic_us());
    arena_reset(worker->arena);
    worker_handle(worker, worker->route->resume, slots, count);
    work_settle(worker, slots, count);
}

static struct slot *pop_later(struct slot_list *list)
{
    struct slot *slot = slots_pop(list);
    if (slot)
        slot->parked = false;
    return slot;
}

static void resume_later_ones(struct worker *worker)
{
    struct slot *slots[BATCH_ITEMS_MAX];
    if (worker->later.count == 0 || moment_monotonic_us() < worker->later_us)
        return;
    struct slot_list due = worker->later;
    slots_init(&worker->later);
    while (due.count > 0) {
        size_t count = 0;
        while (count < worker->batch_max && (slots[count] = pop_later(&due)))
            count++;
        resume(worker, slots, count);
    }
    if (worker->later.count == 0)
        worker->later_backoff_ms = 0;
}

/* What thousands of calls took is free now, but the library keeps it for the next ones: the machine gets it back. */
static void memory_give_back(struct worker *worker)
{
    if (worker->parked_peak < CROWD || atomic_load(&worker->parked_count) > 0)
        return;
    worker->parked_peak = 0;
    malloc_trim(0);
}

/* One batch: whatever has come back, something new is taken in between, or calls would come and go in waves. */
void parked_resume(struct worker *worker)
{
    struct slot *slots[BATCH_ITEMS_MAX];
    size_t count = 0;
    resume_later_ones(worker);
    while (count < worker->batch_max && (slots[count] = pop_done(worker)))
        count++;
    if (count > 0)
        resume(worker, slots, count);
    memory_give_back(worker);
}

static void abandon(struct slot *slot)
{
    if (slot->worker->route->let_go)
        slot->worker->route->let_go(&slot->item);
    work_give_back(slot);
}

/* Calls that didn't come back in time are ended, unanswered: their messages are another worker's. */
void parked_abandon(struct worker *worker)
{
    for (struct slot *slot; (slot = slots_pop(&worker->later));)
        abandon(slot);
    for (struct slot *slot = worker->parked; slot; slot = slot->parked_next)
        abort_call(worker, slot);
    while (worker->parked) {
        struct slot *slot = pop_done(worker);
        if (slot)
            abandon(slot);
        else
            queue_wait(&worker->done, 100);
    }
}
