#include "arrival.h"
#include "base/ident.h"
#include "base/text.h"

static const struct statement talk_lock = {
    .name = "talk_lock",
    .sql =
        "select c.id, c.lead_id, c.channel_account_id, c.owner, c.epoch, c.last_position, c.covered_position, c.owed_position, c.owed_since, "
        "       c.buffer_until, c.window_ends_at, c.contact_id, c.phone, c.name, c.last_message_id "
        "from unnest($1::uuid[], $2::uuid[]) as w(lead_id, account_id) "
        "join crm.conversations c on c.lead_id = w.lead_id and c.channel_account_id = w.account_id and c.state = 'open' "
        "order by c.id for no key update of c",
};

static struct talk *talk_of(struct recording *recording, struct map *talks, const struct arrival *arrival)
{
    struct arena *arena = recording->batch->arena;
    struct person *person = arrival->sender->person;
    const char *key = text_format(arena, "%s|%s", person->id, arrival->place->account_id);
    void **slot = map_at(talks, key);
    if (*slot)
        return *slot;
    struct talk *talk = ARENA_NEW(arena, struct talk);
    talk->person = person;
    talk->company_id = arrival->place->company_id;
    talk->account_id = arrival->place->account_id;
    talk->channel = arrival->place->channel;
    talk->owner = "ai";
    recording->talks[recording->talk_count++] = talk;
    return *slot = talk;
}

static void talk_fill(struct talk *talk, const struct rows *rows, size_t row)
{
    talk->id = rows_text(rows, row, 0);
    talk->owner = rows_text(rows, row, 3);
    talk->epoch = rows_int(rows, row, 4);
    talk->last_position = rows_int(rows, row, 5);
    talk->covered_position = rows_int(rows, row, 6);
    talk->owed_position = rows_int(rows, row, 7);
    talk->owed_since = rows_moment(rows, row, 8);
    talk->buffer_until = rows_moment(rows, row, 9);
    talk->window_ends_at = rows_moment(rows, row, 10);
    talk->contact_id = rows_text(rows, row, 11);
    talk->phone = rows_text(rows, row, 12);
    talk->name = rows_text(rows, row, 13);
    talk->last_message_id = rows_text(rows, row, 14);
}

static enum status talks_lock(struct recording *recording, struct map *talks, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **leads = ARENA_ARRAY(arena, const char *, recording->talk_count);
    const char **accounts = ARENA_ARRAY(arena, const char *, recording->talk_count);
    size_t count = 0;
    for (size_t i = 0; i < recording->talk_count; i++) {
        if (recording->talks[i]->person->created)
            continue;
        leads[count] = recording->talks[i]->person->id;
        accounts[count++] = recording->talks[i]->account_id;
    }
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    params_texts(params, leads, count);
    params_texts(params, accounts, count);
    struct rows rows;
    TRY(db_run(recording->batch->db, arena, &talk_lock, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        talk_fill(map_find(talks, text_format(arena, "%s|%s", rows_text(&rows, row, 1), rows_text(&rows, row, 2))),
                  &rows, row);
    return OK;
}

static void talks_create(struct recording *recording)
{
    for (size_t i = 0; i < recording->talk_count; i++) {
        struct talk *talk = recording->talks[i];
        if (talk->id)
            continue;
        talk->id = ident_fresh(recording->batch->arena);
        talk->created = true;
    }
}

enum status arrivals_join(struct recording *recording, struct error *error)
{
    struct map *talks = map_new(recording->batch->arena, recording->count);
    recording->talks = ARENA_ARRAY(recording->batch->arena, struct talk *, recording->count);
    for (size_t i = 0; i < recording->count; i++)
        if (arrival_new(&recording->arrivals[i]))
            recording->arrivals[i].talk = talk_of(recording, talks, &recording->arrivals[i]);
    if (!recording->talk_count)
        return OK;
    TRY(talks_lock(recording, talks, error));
    talks_create(recording);
    return OK;
}
