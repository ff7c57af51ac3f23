#include "event.h"

#include <assert.h>

#include "base/ident.h"
#include "base/text.h"
#include "column.h"

enum { NOTES_FIRST = 64 };

static void (*wake_publisher)(void);
static _Thread_local bool written; /* by the transaction of this thread */

void event_publisher(void (*wake)(void))
{
    wake_publisher = wake;
}

void event_begin(void)
{
    written = false;
}

void event_committed(void)
{
    if (!written || !wake_publisher)
        return;
    written = false;
    wake_publisher();
}

void event_note(struct event_list *list, struct event_note note)
{
    assert(note.type && note.company_id && (note.lead_id || note.entity_id));
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : NOTES_FIRST;
        struct event_note *notes = ARENA_ARRAY(list->batch->arena, struct event_note, capacity);
        for (size_t i = 0; i < list->count; i++)
            notes[i] = list->notes[i];
        list->notes = notes;
        list->capacity = capacity;
    }
    list->notes[list->count++] = note;
}

/* Order by ordinality: n, which orders events of one transaction, is given out in the order of the notes. */
static const struct statement event_insert = {
    .name = "event_insert",
    .sql =
        "insert into crm.events (id, company_id, type, entity_type, entity_id, lead_id, payload, actor, correlation_id, "
        "                        occurred_at, admitted_at) "
        "select e.id, e.company_id, e.type, e.entity_type, e.entity_id, e.lead_id, e.payload, e.actor, e.correlation_id, "
        "       e.occurred_at, $2 "
        "from unnest($1::crm.event_row[]) with ordinality "
        "  as e(id, company_id, type, entity_type, entity_id, lead_id, payload, actor, correlation_id, occurred_at, place) "
        "order by e.place",
};

static struct params *event_params(const struct event_list *list)
{
    const struct event_note *notes = list->notes;
    struct params *params = params_new(list->batch->arena);
    struct records *rows = records_new(params->arena, list->count);
    RECORD_UUIDS(rows, i, ident_fresh(params->arena));
    RECORD_UUIDS(rows, i, notes[i].company_id);
    RECORD_TEXTS(rows, i, notes[i].type);
    RECORD_TEXTS(rows, i, notes[i].entity_type ? notes[i].entity_type : "lead");
    RECORD_UUIDS(rows, i, notes[i].entity_id ? notes[i].entity_id : notes[i].lead_id);
    RECORD_UUIDS(rows, i, notes[i].lead_id);
    RECORD_JSONS(rows, i, notes[i].payload ? notes[i].payload : "{}");
    RECORD_TEXTS(rows, i, notes[i].actor);
    RECORD_TEXTS(rows, i, text_empty(notes[i].correlation_id) ? NULL : notes[i].correlation_id);
    RECORD_MOMENTS(rows, i, notes[i].occurred_at ? notes[i].occurred_at : list->batch->now);
    params_records(params, rows, "crm.event_row");
    params_moment(params, list->batch->now);
    return params;
}

void event_flush(struct event_list *list)
{
    if (!list->count)
        return;
    db_queue(list->batch->db, list->batch->arena, &event_insert, event_params(list), NULL);
    list->count = 0;
    written = true;
}
