/*
 * queue - the one place where threads meet: many push, one takes.
 *
 * Entries are embedded in what they carry (first member or by offset) and belong to the queue between push and pop.
 * Only the taking thread pops and waits. A wake is remembered until the next wait.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_entry {
    struct queue_entry *next;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    struct queue_entry *first, **last;
    size_t count;
    bool woken;
};

void queue_init(struct queue *queue);
void queue_clear(struct queue *queue); /* must be empty: what is in it is its owner's to free */

void queue_push(struct queue *queue, struct queue_entry *entry);
/* False, and nothing pushed, when it holds count_max already. */
bool queue_offer(struct queue *queue, struct queue_entry *entry, size_t count_max);
void queue_wake(struct queue *queue);

struct queue_entry *queue_pop(struct queue *queue);     /* NULL: empty */
struct queue_entry *queue_pop_all(struct queue *queue); /* chained by next, oldest first; NULL: empty */
/* Puts back what was popped last, before everything else. */
void queue_push_back(struct queue *queue, struct queue_entry *entry);
size_t queue_count(struct queue *queue);

/* Until there is something, a wake, or wait_ms are over. True: somebody called queue_wake (since the last wait). */
bool queue_wait(struct queue *queue, int64_t wait_ms);
/* As queue_wait, but what is in the queue doesn't end it. */
bool queue_wait_wake(struct queue *queue, int64_t wait_ms);

/* Under the queue's lock, on any thread; see must be quick. */
void queue_each(struct queue *queue, void (*see)(struct queue_entry *entry, void *context), void *context);
