/* store.conversation.read: a person has seen it; the customer's provider is told of the newest that was seen. */
#include <stdlib.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "conversation/conversation_view.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/transaction.h"
#include "inbox.h"
#include "mark.h"

/* A mark only moves on. Meta marks earlier ones with it. */
static const struct statement inbox_see = {
    .name = "inbox_see",
    .sql =
        "with was as (select c.id, c.lead_id, c.channel, c.read_position, least(coalesce($3, c.last_position), c.last_position) as seen "
        "             from crm.conversations c where c.company_id = $1 and c.id = $2 for no key update), "
        "now as (update crm.conversations c set read_position = was.seen, updated_at = $4 from was "
        "        where c.id = was.id and was.seen > was.read_position) "
        "select was.lead_id, was.channel, greatest(was.seen, was.read_position), was.seen > was.read_position, "
        "       (select m.id from crm.messages m where m.conversation_id = was.id and m.position <= was.seen and m.direction = 'inbound' "
        "        and m.external_id is not null and m.position > was.read_position order by m.position desc limit 1), "
        "       (select count(*) from (select from crm.messages u where u.conversation_id = was.id and u.direction = 'inbound' "
        "        and u.position > greatest(was.seen, was.read_position) order by u.position limit 100) as unread) from was",
};

static void note_seen(struct event_list *events, const struct item *item, const Pb__ConversationSeen *seen,
                      const char *lead_id)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "conversation_id", seen->conversation_id);
    payload_int(&payload, "position", seen->read_position);
    event_note(events, (struct event_note){ .type = "conversation.seen",
                                            .company_id = item->caller.company_id,
                                            .lead_id = lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

static enum status see_one(struct event_list *events, struct item *item, struct error *error)
{
    const Pb__ConversationReadRequest *request = item->message;
    struct batch *batch = events->batch;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    params_int_if(params, request->has_position, request->position);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &inbox_see, params, &rows, error));
    if (!rows.count) {
        item_fail(item, REJECT, "unknown_conversation", "there is no such conversation");
        return OK;
    }
    Pb__ConversationSeen *seen = PB_NEW(item->arena, conversation_seen);
    item->reply = &seen->base;
    seen->conversation_id = request->id;
    PB_SET(seen, read_position, rows_int(&rows, 0, 2));
    PB_SET(seen, unread, (int32_t)rows_int(&rows, 0, 5));
    seen->jobs = ARENA_ARRAY(item->arena, Pb__JobSpec *, 1);
    Pb__JobSpec *job =
        mark_job(item->arena, &item->caller, rows_text(&rows, 0, 1), rows_text(&rows, 0, 4), false, batch->now);
    if (job)
        seen->jobs[seen->n_jobs++] = job;
    if (rows_bool(&rows, 0, 3))
        note_seen(events, item, seen, rows_text(&rows, 0, 0));
    return OK;
}

static int by_conversation(const void *a, const void *b)
{
    const struct item *const *one = a, *const *other = b;
    const Pb__ConversationReadRequest *x = (*one)->message, *y = (*other)->message;
    return strcmp(x->id, y->id);
}

/* In the order of their ids, as everybody locks them. */
static enum status see_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    qsort(items, count, sizeof *items, by_conversation);
    for (size_t i = 0; i < count; i++)
        TRY(see_one(&events, items[i], error));
    event_flush(&events);
    return OK;
}

void inbox_read(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__ConversationReadRequest *request = batch->items[i]->message;
        if (!ident_valid(batch->items[i]->caller.company_id) || !ident_valid(text_or(request->id, "")))
            item_fail(batch->items[i], REJECT, "unknown_conversation", "there is no such conversation");
        else if (request->has_position && request->position < 0)
            item_fail(batch->items[i], REJECT, "bad_value", "'position' must not be negative.");
    }
    transaction_run(batch, see_work);
}
