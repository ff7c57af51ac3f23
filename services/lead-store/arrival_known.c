#include "arrival.h"
#include "base/ident.h"
#include "base/text.h"
#include "column.h"

/* By our id, or by the provider's within the account. What its conversation says of it goes along, so that asking again
 * gets the same answer. */
static const struct statement known_find = {
    .name = "known_find",
    .sql =
        "select w.n, m.id, m.job_id, m.lead_id, m.conversation_id, m.position, m.wants_answer, c.owner = 'human' as human, "
        "       c.state = 'open' and m.position > c.covered_position as uncovered, x.id as confirmation_id, t.address as recipient "
        "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) with ordinality as w(id, account_id, external_id, confirmation_id, n) "
        "join lateral (select * from crm.messages where id = w.id "
        "              union all "
        "              select * from crm.messages where channel_account_id = w.account_id and external_id = w.external_id and id <> w.id "
        "              limit 1) as m on true "
        "join crm.conversations c on c.id = m.conversation_id "
        "left join crm.messages x on x.id = w.confirmation_id and x.status || '' = 'queued' " /* not by the index of
                                                                                               * what is queued
                                                                                               */
        "left join crm.lead_contacts t on t.id = c.contact_id",
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

static enum status known_read(struct recording *recording, struct arrival **wanted, size_t count, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, wanted[i]->message->id);
    COLUMN_TEXTS(params, count, i, wanted[i]->place->account_id);
    COLUMN_TEXTS(params, count, i,
                 text_empty(wanted[i]->message->external_id) ? NULL : wanted[i]->message->external_id);
    COLUMN_TEXTS(params, count, i,
                 wanted[i]->message->opt_out ? arrival_confirmation_id(arena, wanted[i]->message->id) : NULL);
    struct rows rows;
    TRY(db_run(recording->batch->db, arena, &known_find, params, &rows, error));
    int n = rows_column(&rows, "n");
    for (size_t row = 0; row < rows.count; row++)
        known_fill(wanted[rows_int(&rows, row, n) - 1], &rows, row);
    return OK;
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

enum status arrivals_know(struct recording *recording, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    struct arrival **wanted = ARENA_ARRAY(arena, struct arrival *, recording->count);
    struct map *seen = map_new(arena, 2 * recording->count);
    size_t count = 0;
    for (size_t i = 0; i < recording->count; i++) {
        struct arrival *arrival = &recording->arrivals[i];
        if (arrival->item->status != OK)
            continue;
        arrival->repeats = repeat_find(recording, seen, arrival);
        if (!arrival->repeats)
            wanted[count++] = arrival;
    }
    return count ? known_read(recording, wanted, count, error) : OK;
}

bool arrival_new(const struct arrival *arrival)
{
    return arrival->item->status == OK && !arrival->repeats && !arrival->id;
}
