#include "base/queue.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

void queue_init(struct queue *queue)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->rung, &monotonic);
    pthread_condattr_destroy(&monotonic);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    queue->woken = false;
}

void queue_clear(struct queue *queue)
{
    assert(!queue->first);
    pthread_cond_destroy(&queue->rung);
    pthread_mutex_destroy(&queue->lock);
}

static void append(struct queue *queue, struct queue_entry *entry)
{
    entry->next = NULL;
    *queue->last = entry;
    queue->last = &entry->next;
    if (queue->count++ == 0)
        pthread_cond_signal(&queue->rung);
}

void queue_push(struct queue *queue, struct queue_entry *entry)
{
    pthread_mutex_lock(&queue->lock);
    append(queue, entry);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_offer(struct queue *queue, struct queue_entry *entry, size_t count_max)
{
    pthread_mutex_lock(&queue->lock);
    bool room = queue->count < count_max;
    if (room)
        append(queue, entry);
    pthread_mutex_unlock(&queue->lock);
    return room;
}

void queue_wake(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->woken = true;
    pthread_cond_signal(&queue->rung);
    pthread_mutex_unlock(&queue->lock);
}

struct queue_entry *queue_pop(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct queue_entry *entry = queue->first;
    if (entry) {
        queue->first = entry->next;
        queue->count--;
        if (!queue->first)
            queue->last = &queue->first;
    }
    pthread_mutex_unlock(&queue->lock);
    return entry;
}

struct queue_entry *queue_pop_all(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct queue_entry *entries = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->count = 0;
    pthread_mutex_unlock(&queue->lock);
    return entries;
}

void queue_push_back(struct queue *queue, struct queue_entry *entry)
{
    pthread_mutex_lock(&queue->lock);
    entry->next = queue->first;
    queue->first = entry;
    if (queue->count++ == 0)
        queue->last = &entry->next;
    pthread_mutex_unlock(&queue->lock);
}

size_t queue_count(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}

static struct timespec later(int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    return until;
}

static bool wait_for(struct queue *queue, int64_t wait_ms, bool entries_count)
{
    struct timespec until = later(wait_ms > 0 ? wait_ms : 0);
    pthread_mutex_lock(&queue->lock);
    int problem = wait_ms > 0 ? 0 : ETIMEDOUT;
    while (!queue->woken && !(entries_count && queue->first) && problem != ETIMEDOUT)
        problem = pthread_cond_timedwait(&queue->rung, &queue->lock, &until);
    bool woken = queue->woken;
    queue->woken = false;
    pthread_mutex_unlock(&queue->lock);
    return woken;
}

bool queue_wait(struct queue *queue, int64_t wait_ms)
{
    return wait_for(queue, wait_ms, true);
}

bool queue_wait_wake(struct queue *queue, int64_t wait_ms)
{
    return wait_for(queue, wait_ms, false);
}

void queue_each(struct queue *queue, void (*see)(struct queue_entry *entry, void *context), void *context)
{
    pthread_mutex_lock(&queue->lock);
    for (struct queue_entry *entry = queue->first; entry; entry = entry->next)
        see(entry, context);
    pthread_mutex_unlock(&queue->lock);
}
