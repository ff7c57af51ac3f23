/* Nudges for a route: they come on a thread of the library and are delivered on the route's own, between batches. */
#include <stdlib.h>
#include <string.h>

#include "service/process.h"

enum { HEARD_MAX = 16384 }; /* nudges are best effort: what is past it is dropped */

struct heard {
    struct queue_entry entry; /* first */
    size_t bytes;
    char data[];
};

static void on_nudge(void *context, const struct bus_message *message)
{
    struct worker *worker = context;
    struct heard *heard = malloc(sizeof *heard + message->bytes);
    if (!heard)
        abort();
    heard->bytes = message->bytes;
    memcpy(heard->data, message->data, message->bytes);
    if (!queue_offer(&worker->heard, &heard->entry, HEARD_MAX))
        free(heard);
    else if (!worker->route->resume || worker->parked_count > 0) /* else nothing can be in vain before it comes round */
        bus_source_wake(worker->source);
}

enum status hear_open(struct worker *worker, struct error *error)
{
    return bus_listen(process.bus, worker->route->hears->name, on_nudge, worker, error);
}

static void hear_one(struct worker *worker, const struct heard *heard)
{
    void *message = NULL;
    if (pb_unpack(worker->scratch, worker->route->hears->request, heard->data, heard->bytes, &message, NULL) != OK)
        return;
    worker->batch.items = NULL;
    worker->batch.count = 0;
    worker->batch.now = moment_now();
    worker->route->hear(&worker->batch, message);
}

void hear_all(struct worker *worker)
{
    struct queue_entry *entries = queue_pop_all(&worker->heard);
    while (entries) {
        struct heard *heard = (struct heard *)entries;
        entries = entries->next;
        arena_reset(worker->scratch);
        hear_one(worker, heard);
        free(heard);
    }
}

void hear_close(struct worker *worker)
{
    for (struct queue_entry *entry; (entry = queue_pop(&worker->heard));)
        free(entry);
}
