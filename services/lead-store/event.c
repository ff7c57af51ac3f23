#include "event.h"

#include <assert.h>

#include "base/ident.h"
#include "base/text.h"
#include "relay.h"

enum { NOTES_FIRST = 64 };

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
    .sql = "insert into crm.events (id, company_id, type, entity_type, entity_id, lead_id, payload, actor, correlation_id, "
           "                        occurred_at, admitted_at) "
           "select e.id, e.company_id, e.type, e.entity_type, e.entity_id, e.lead_id, e.payload::jsonb, e.actor, e.correlation_id, "
           "       e.occurred_at, $11 "
           "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], "
           "            $10::timestamptz[]) with ordinality "
           "  as e(id, company_id, type, entity_type, entity_id, lead_id, payload, actor, correlation_id, occurred_at, place) "
           "order by e.place",
};

/* One member of every note as a text array. */
#define NOTE_TEXTS(expression)                       \
    do {                                             \
        for (size_t i = 0; i < list->count; i++) {   \
            const struct event_note *note = &list->notes[i]; \
            texts[i] = (expression);                 \
        }                                            \
        params_texts(params, texts, list->count);    \
    } while (0)

static struct params *event_params(const struct event_list *list)
{
    struct arena *arena = list->batch->arena;
    struct params *params = params_new(arena);
    const char **texts = ARENA_ARRAY(arena, const char *, list->count);
    moment *occurred = ARENA_ARRAY(arena, moment, list->count);
    for (size_t i = 0; i < list->count; i++) {
        texts[i] = ident_fresh(arena);
        occurred[i] = list->notes[i].occurred_at ? list->notes[i].occurred_at : list->batch->now;
    }
    params_texts(params, texts, list->count);
    NOTE_TEXTS(note->company_id);
    NOTE_TEXTS(note->type);
    NOTE_TEXTS(note->entity_type ? note->entity_type : "lead");
    NOTE_TEXTS(note->entity_id ? note->entity_id : note->lead_id);
    NOTE_TEXTS(note->lead_id);
    NOTE_TEXTS(note->payload ? note->payload : "{}");
    NOTE_TEXTS(note->actor);
    NOTE_TEXTS(text_empty(note->correlation_id) ? NULL : note->correlation_id);
    params_moments(params, occurred, list->count);
    params_moment(params, list->batch->now);
    return params;
}

enum status event_flush(struct event_list *list, struct error *error)
{
    if (!list->count)
        return OK;
    TRY(db_run(list->batch->db, list->batch->arena, &event_insert, event_params(list), NULL, error));
    list->count = 0;
    relay_note();
    return OK;
}
