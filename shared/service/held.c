#include "service/process.h"

void slots_init(struct slot_list *list)
{
    list->first = NULL;
    list->last = &list->first;
    list->count = 0;
}

void slots_add(struct slot_list *list, struct slot *slot)
{
    slot->next = NULL;
    *list->last = slot;
    list->last = &slot->next;
    list->count++;
}

struct slot *slots_pop(struct slot_list *list)
{
    struct slot *slot = list->first;
    if (!slot)
        return NULL;
    list->first = slot->next;
    list->count--;
    if (!list->first)
        list->last = &list->first;
    return slot;
}

void held_add(struct slot *slot)
{
    struct worker *worker = slot->worker;
    slot->held.ack_subject = slot->message.reply;
    pthread_mutex_lock(&worker->lock);
    slot->held.next = worker->held;
    slot->held.at = &worker->held;
    if (worker->held)
        worker->held->at = &slot->held.next;
    worker->held = &slot->held;
    pthread_mutex_unlock(&worker->lock);
    atomic_fetch_add(&worker->held_count, 1);
}

void held_remove(struct slot *slot)
{
    struct worker *worker = slot->worker;
    pthread_mutex_lock(&worker->lock);
    *slot->held.at = slot->held.next;
    if (slot->held.next)
        slot->held.next->at = slot->held.at;
    pthread_mutex_unlock(&worker->lock);
    atomic_fetch_sub(&worker->held_count, 1);
}

void held_progress(struct worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    for (struct held *held = worker->held; held; held = held->next)
        bus_progress(process.bus, held->ack_subject);
    pthread_mutex_unlock(&worker->lock);
    bus_source_progress(worker->source);
}
