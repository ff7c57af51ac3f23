#include "arrival.h"
#include "base/ident.h"
#include "base/text.h"
#include "core/config.h"

/*
 * Found first, then locked one by one in the order of their ids. Each lateral query is a fence that the planner can't
 * turn into another join: a plan made while the table was empty probes an index per row, and does so when it is large.
 * The second one names nothing but the id, or a partial index might be walked from end to end for it; none of them is
 * closed meanwhile, for only a merge of two people closes one, and they are locked.
 */
static const struct statement talk_lock = {
    .name = "talk_lock",
    .sql =
        "with found as materialized ( "
        "    select f.id from unnest($1::uuid[], $2::uuid[]) as w(lead_id, account_id) "
        "    cross join lateral (select id from crm.conversations where lead_id = w.lead_id and channel_account_id = w.account_id "
        "                        and state = 'open' limit 1) as f order by f.id) "
        "select c.*, s.said_at from found cross join lateral ( "
        "    select id, lead_id, channel_account_id, owner, epoch, last_position, covered_position, owed_position, owed_since, "
        "           buffer_until, window_ends_at, contact_id, phone, name, last_message_id, escalated_at is not null as waits, "
        "           automatic_count, inbound_mark, quick_count "
        "    from crm.conversations where id = found.id for no key update) as c "
        "left join lateral (select sent_at as said_at from crm.messages where $3::boolean and id = c.last_message_id "
        "                   and sender_type = 'ai' limit 1) as s on true",
};

static const char *talk_key(struct arena *arena, const char *lead_id, const char *account_id)
{
    return text_format(arena, "%s|%s", lead_id, account_id);
}

static void talks_ask(struct recording *recording, const char *const *leads, const char *const *accounts, size_t count,
                      struct rows *rows)
{
    struct params *params = params_new(recording->batch->arena);
    params_uuids(params, leads, count);
    params_uuids(params, accounts, count);
    params_bool(params, config_loop_guard);
    db_queue(recording->batch->db, recording->batch->arena, &talk_lock, params, rows);
}

/* Of the leads behind the contacts, as they are before two of them may turn out to be one. */
void arrivals_ask_talks(struct recording *recording)
{
    struct arena *arena = recording->batch->arena;
    const char **leads = ARENA_ARRAY(arena, const char *, recording->identity_count);
    const char **accounts = ARENA_ARRAY(arena, const char *, recording->identity_count);
    size_t count = 0;
    recording->talks_looked = map_new(arena, recording->identity_count);
    for (size_t i = 0; i < recording->identity_count; i++) {
        struct identity *identity = &recording->identities[i];
        if (!identity->lead_id)
            continue;
        void **looked = map_at(recording->talks_looked, talk_key(arena, identity->lead_id, identity->account_id));
        if (*looked)
            continue;
        *looked = identity;
        leads[count] = identity->lead_id;
        accounts[count++] = identity->account_id;
    }
    if (count)
        talks_ask(recording, leads, accounts, count, &recording->talk_rows);
}

static struct talk *talk_of(struct recording *recording, struct map *talks, const struct arrival *arrival)
{
    struct arena *arena = recording->batch->arena;
    struct person *person = arrival->sender->person;
    void **slot = map_at(talks, talk_key(arena, person->id, arrival->place->account_id));
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
    talk->waits = rows_bool(rows, row, 15);
    talk->automatic_count = rows_int(rows, row, 16);
    talk->inbound_mark = rows_int(rows, row, 17);
    talk->quick_count = rows_int(rows, row, 18);
    talk->said_at = rows_moment(rows, row, 19);
}

static void talks_take(struct recording *recording, struct map *talks, const struct rows *rows)
{
    for (size_t row = 0; row < rows->count; row++) {
        struct talk *talk =
            map_find(talks, talk_key(recording->batch->arena, rows_text(rows, row, 1), rows_text(rows, row, 2)));
        if (talk)
            talk_fill(talk, rows, row);
    }
}

/* Those that were not looked for: of people who were made or merged meanwhile. */
static enum status talks_lock(struct recording *recording, struct map *talks, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **leads = ARENA_ARRAY(arena, const char *, recording->talk_count);
    const char **accounts = ARENA_ARRAY(arena, const char *, recording->talk_count);
    size_t count = 0;
    if (!recording->merged)
        talks_take(recording, talks, &recording->talk_rows);
    for (size_t i = 0; i < recording->talk_count; i++) {
        const struct talk *talk = recording->talks[i];
        if (talk->person->created ||
            (!recording->merged &&
             map_find(recording->talks_looked, talk_key(arena, talk->person->id, talk->account_id))))
            continue;
        leads[count] = talk->person->id;
        accounts[count++] = talk->account_id;
    }
    if (!count)
        return OK;
    struct rows rows;
    talks_ask(recording, leads, accounts, count, &rows);
    TRY(db_flush(recording->batch->db, error));
    talks_take(recording, talks, &rows);
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
