/* Routes whose items are messages of a stream: OK acks, REJECT quarantines, RETRY keeps the item here and tries again.
 */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

static void ack(struct slot *slot, size_t together)
{
    bus_ack(process.bus, &slot->message, together);
    held_remove(slot);
}

static void refuse(struct worker *worker, struct slot *slot)
{
    arena_reset(worker->scratch);
    if (quarantine_message(worker->scratch, &slot->message, &slot->item.error, worker->subject->name) == OK)
        ack(slot, 1);
    else
        worker_again_later(worker, slot);
}

static void settle(struct worker *worker, struct slot *slot, size_t together)
{
    const char *route = worker->subject->name;
    switch (slot->item.status) {
    case OK:
        metric_add(&measure_items, route, 1);
        ack(slot, together);
        break;
    case RETRY:
        metric_add(&measure_retries, route, 1);
        log_line(LOG_WARN, "will try again", "route", route, "code", slot->item.error.code, "error",
                 slot->item.error.text, NULL);
        worker_again_later(worker, slot);
        break;
    case REJECT:
        metric_add(&measure_rejects, route, 1);
        refuse(worker, slot);
        break;
    }
}

static void read_caller(struct slot *slot)
{
    slot->item.caller = (struct caller){
        .company_id = text_or(bus_header(&slot->message, "Parley-Company"), ""),
        .correlation_id = text_or(bus_header(&slot->message, "Parley-Correlation"), ""),
        .traceparent = text_or(bus_header(&slot->message, "traceparent"), ""),
    };
}

/* Into the worker's arena, each time anew: a try leaves nothing behind. */
static void decode(struct worker *worker, struct slot *slot)
{
    void *message = NULL;
    slot->item = (struct item){ .arena = worker->arena, .sequence = slot->message.sequence, .slot = slot };
    read_caller(slot);
    if (slot->message.deliveries > DELIVERIES_ALONE_MAX)
        item_fail(&slot->item, REJECT, "deliveries",
                  "it was delivered %llu times and no process survived it or let it go",
                  (unsigned long long)slot->message.deliveries);
    else
        slot->item.status = pb_unpack(worker->arena, worker->subject->request, slot->message.data, slot->message.bytes,
                                      &message, &slot->item.error);
    slot->item.message = message;
}

/* One batch: what can't be read is refused by itself, the rest is handled together. */
static void handle(struct worker *worker, struct slot **slots, size_t count)
{
    size_t good = 0;
    arena_reset(worker->arena);
    struct slot **readable = ARENA_ARRAY(worker->arena, struct slot *, count);
    for (size_t i = 0; i < count; i++) {
        decode(worker, slots[i]);
        if (slots[i]->item.status == OK)
            readable[good++] = slots[i];
    }
    if (good > 0)
        worker_handle(worker, worker->route->handle, readable, good);
    for (size_t i = 0; i < count; i++)
        settle(worker, slots[i], count);
}

/* Firsts together; what came before killed a process, perhaps: each alone. */
static void handle_all(struct worker *worker, struct slot **slots, size_t count)
{
    size_t together = 0;
    for (size_t i = 0; i < count; i++)
        if (!slots[i]->alone) {
            struct slot *first = slots[i];
            slots[i] = slots[together];
            slots[together++] = first;
        }
    if (together > 0)
        handle(worker, slots, together);
    for (size_t i = together; i < count; i++)
        handle(worker, &slots[i], 1);
}

void stream_take(struct worker *worker, const struct bus_message *messages, size_t count)
{
    struct slot **slots = ARENA_ARRAY(worker->taken, struct slot *, count);
    for (size_t i = 0; i < count; i++) {
        slots[i] = ARENA_NEW(worker->taken, struct slot);
        slots[i]->worker = worker;
        slots[i]->message = messages[i];
        slots[i]->alone = messages[i].deliveries >= 2;
        held_add(slots[i]);
    }
    handle_all(worker, slots, count);
}

void stream_again(struct worker *worker)
{
    arena_reset(worker->scratch);
    size_t count = 0;
    struct slot *slots[BATCH_ITEMS_MAX];
    while (count < worker->batch_max && (slots[count] = slots_pop(&worker->again)))
        count++;
    handle_all(worker, slots, count);
}
