#include "arrival.h"
#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"

/* By our id, or by the provider's within the account. What its conversation says of it goes along, so that asking again
 * gets the same answer. */
static const struct statement known_find = {
    .name = "known_find",
    .sql =
        "select w.n, m.id, m.job_id, m.lead_id, m.conversation_id, m.position, m.wants_answer, c.owner = 'human' as human, "
        "       c.state = 'open' and m.position > c.covered_position as uncovered, x.id as confirmation_id, t.address as recipient "
        "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) with ordinality as w(id, account_id, external_id, confirmation_id, n) "
        "cross join lateral (select * from crm.messages where id = w.id "
        "              union all "
        "              select * from crm.messages where channel_account_id = w.account_id and external_id = w.external_id and id <> w.id "
        "              limit 1) as m "
        "cross join lateral (select * from crm.conversations where id = m.conversation_id limit 1) as c "
        "left join lateral (select id from crm.messages where id = w.confirmation_id and status || '' = 'queued' limit 1) as x on true "
        "left join lateral (select address from crm.lead_contacts where id = c.contact_id limit 1) as t on true",
};

const char *arrival_confirmation_id(struct arena *arena, const char *message_id)
{
    return ident_named(arena, "opt_out_confirmation", message_id, NULL);
}

static void known_fill(struct arrival *arrival, const struct rows *rows, size_t row)
{
    arrival->id = rows_text(rows, row, rows_column(rows, "id"));
    arrival->job_id = rows_text(rows, row, rows_column(rows, "job_id"));
    arrival->lead_id = rows_text(rows, row, rows_column(rows, "lead_id"));
    arrival->conversation_id = rows_text(rows, row, rows_column(rows, "conversation_id"));
    arrival->position = rows_int(rows, row, rows_column(rows, "position"));
    arrival->wants_answer = rows_bool(rows, row, rows_column(rows, "wants_answer"));
    arrival->owner_human = rows_bool(rows, row, rows_column(rows, "human"));
    arrival->uncovered = rows_bool(rows, row, rows_column(rows, "uncovered"));
    arrival->opted_out = arrival->message->opt_out;
    arrival->confirmation_id = rows_text(rows, row, rows_column(rows, "confirmation_id"));
    arrival->confirmation_recipient = rows_text(rows, row, rows_column(rows, "recipient"));
}

static struct arrival *first_of(struct arrival *arrival)
{
    return arrival->repeats ? arrival->repeats : arrival;
}

/* The first arrival of this batch with the same id or the same provider's id. */
static struct arrival *repeat_find(struct recording *recording, struct map *seen, struct arrival *arrival)
{
    void **by_id = map_at(seen, arrival->message->id);
    if (*by_id)
        return first_of(*by_id);
    *by_id = arrival;
    if (text_empty(arrival->message->external_id))
        return NULL;
    void **by_external = map_at(
        seen, text_format(recording->batch->arena, "%s|%s", arrival->place->account_id, arrival->message->external_id));
    if (*by_external)
        return first_of(*by_external);
    *by_external = arrival;
    return NULL;
}

void arrivals_ask_known(struct recording *recording)
{
    struct arena *arena = recording->batch->arena;
    struct arrival **asked = ARENA_ARRAY(arena, struct arrival *, recording->count);
    struct map *seen = map_new(arena, 2 * recording->count);
    size_t count = 0;
    for (size_t i = 0; i < recording->count; i++) {
        struct arrival *arrival = &recording->arrivals[i];
        if (arrival->item->status != OK)
            continue;
        arrival->repeats = repeat_find(recording, seen, arrival);
        if (!arrival->repeats)
            asked[count++] = arrival;
    }
    recording->asked = asked;
    recording->asked_count = count;
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, asked[i]->message->id);
    COLUMN_UUIDS(params, count, i, asked[i]->place->account_id);
    COLUMN_WORDS(params, count, i, text_empty(asked[i]->message->external_id) ? NULL : asked[i]->message->external_id);
    COLUMN_UUIDS(params, count, i,
                 asked[i]->message->opt_out ? arrival_confirmation_id(arena, asked[i]->message->id) : NULL);
    db_queue(recording->batch->db, arena, &known_find, params, &recording->known_rows);
}

void arrivals_know(struct recording *recording)
{
    const struct rows *rows = &recording->known_rows;
    for (size_t row = 0; row < rows->count; row++)
        known_fill(recording->asked[rows_int(rows, row, rows_column(rows, "n")) - 1], rows, row);
}

bool arrival_new(const struct arrival *arrival)
{
    return arrival->item->status == OK && !arrival->repeats && !arrival->id;
}
