#include "arrival.h"
#include "base/text.h"
#include "conversation/outbound.h"
#include "core/column.h"
#include "core/payload.h"

static const struct statement lead_update = {
    .name = "lead_update",
    .sql =
        "update crm.leads l set contact_name = u.name, phone_number = u.phone, opted_out_at = u.opted_out_at, version = l.version + 1, "
        "       updated_at = $5 "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as u(id, name, phone, opted_out_at) where l.id = u.id",
};

/* People whose name, number or consent changed; those made just now carry name and number already. */
static void people_update(struct recording *recording)
{
    struct arena *arena = recording->batch->arena;
    struct person **people = ARENA_ARRAY(arena, struct person *, recording->person_count);
    size_t count = 0;
    for (size_t i = 0; i < recording->person_count; i++) {
        struct person *person = recording->person_list[i];
        if (person->created ? person->opted_out_at != 0 : person->changed)
            people[count++] = person;
    }
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, people[i]->id);
    COLUMN_TEXTS(params, count, i, people[i]->name);
    COLUMN_TEXTS(params, count, i, people[i]->phone);
    COLUMN_MOMENTS(params, count, i, people[i]->opted_out_at);
    params_moment(params, recording->batch->now);
    db_queue(recording->batch->db, arena, &lead_update, params, NULL);
}

static const struct statement talk_update = {
    .name = "talk_update",
    .sql =
        "update crm.conversations c set owner = u.owner, epoch = u.epoch, last_position = u.last_position, "
        "       covered_position = u.covered_position, owed_position = u.owed_position, owed_since = u.owed_since, "
        "       buffer_until = u.buffer_until, window_ends_at = u.window_ends_at, contact_id = u.contact_id, phone = u.phone, "
        "       name = u.name, last_message_id = u.last_message_id, automatic_count = u.automatic_count, inbound_mark = u.inbound_mark, "
        "       quick_count = u.quick_count, updated_at = $2 "
        "from unnest($1::crm.conversation_row[]) as u where c.id = u.id",
};

/* One that came into being meanwhile fails the transaction (23505), which is run again. */
static const struct statement talk_insert = {
    .name = "talk_insert",
    .sql =
        "insert into crm.conversations (id, owner, epoch, last_position, covered_position, owed_position, owed_since, buffer_until, "
        "       window_ends_at, contact_id, phone, name, last_message_id, company_id, lead_id, channel_account_id, channel, "
        "       automatic_count, inbound_mark, quick_count, created_at, updated_at) "
        "select u.*, $2, $2 from unnest($1::crm.conversation_row[]) as u",
};

static void talks_queue(const struct recording *recording, const struct statement *statement, struct talk **talks,
                        size_t count)
{
    if (!count)
        return;
    struct params *params = params_new(recording->batch->arena);
    struct records *rows = records_new(params->arena, count);
    RECORD_UUIDS(rows, i, talks[i]->id);
    RECORD_TEXTS(rows, i, talks[i]->owner);
    RECORD_BIGINTS(rows, i, talks[i]->epoch);
    RECORD_BIGINTS(rows, i, talks[i]->last_position);
    RECORD_BIGINTS(rows, i, talks[i]->covered_position);
    RECORD_BIGINTS(rows, i, talks[i]->owed_position);
    RECORD_MOMENTS(rows, i, talks[i]->owed_since);
    RECORD_MOMENTS(rows, i, talks[i]->buffer_until);
    RECORD_MOMENTS(rows, i, talks[i]->window_ends_at);
    RECORD_UUIDS(rows, i, talks[i]->contact_id);
    RECORD_TEXTS(rows, i, talks[i]->phone);
    RECORD_TEXTS(rows, i, talks[i]->name);
    RECORD_UUIDS(rows, i, talks[i]->last_message_id);
    RECORD_UUIDS(rows, i, talks[i]->company_id);
    RECORD_UUIDS(rows, i, talks[i]->person->id);
    RECORD_UUIDS(rows, i, talks[i]->account_id);
    RECORD_TEXTS(rows, i, talks[i]->channel);
    RECORD_INTEGERS(rows, i, talks[i]->automatic_count);
    RECORD_BIGINTS(rows, i, talks[i]->inbound_mark);
    RECORD_INTEGERS(rows, i, talks[i]->quick_count);
    params_records(params, rows, "crm.conversation_row");
    params_moment(params, recording->batch->now);
    db_queue(recording->batch->db, recording->batch->arena, statement, params, NULL);
}

/* It waits for nobody any more, and is a person's whose name no provider tells. */
static const struct statement talks_taken = {
    .name = "talks_taken",
    .sql = "update crm.conversations set escalated_at = null, assignee = $2 where id = any($1::uuid[])",
};

static void talks_take_over(const struct recording *recording)
{
    struct ids ids = { .arena = recording->batch->arena };
    for (size_t i = 0; i < recording->talk_count; i++)
        if (recording->talks[i]->taken)
            ids_add(&ids, recording->talks[i]->id);
    if (!ids.count)
        return;
    struct params *params = ids_params(&ids);
    params_text(params, OPERATOR_PHONE);
    db_queue(recording->batch->db, ids.arena, &talks_taken, params, NULL);
}

static void talks_write(const struct recording *recording)
{
    struct arena *arena = recording->batch->arena;
    struct talk **created = ARENA_ARRAY(arena, struct talk *, recording->talk_count);
    struct talk **known = ARENA_ARRAY(arena, struct talk *, recording->talk_count);
    size_t created_count = 0, known_count = 0;
    for (size_t i = 0; i < recording->talk_count; i++)
        if (recording->talks[i]->created)
            created[created_count++] = recording->talks[i];
        else
            known[known_count++] = recording->talks[i];
    talks_queue(recording, &talk_insert, created, created_count);
    talks_queue(recording, &talk_update, known, known_count);
    talks_take_over(recording);
}

static struct records *message_records(const struct recording *recording)
{
    const struct message_row *list = recording->rows;
    struct records *rows = records_new(recording->batch->arena, recording->row_count);
    RECORD_UUIDS(rows, i, list[i].id);
    RECORD_UUIDS(rows, i, list[i].company_id);
    RECORD_UUIDS(rows, i, list[i].conversation_id);
    RECORD_UUIDS(rows, i, list[i].lead_id);
    RECORD_UUIDS(rows, i, list[i].account_id);
    RECORD_TEXTS(rows, i, list[i].channel);
    RECORD_BIGINTS(rows, i, list[i].position);
    RECORD_TEXTS(rows, i, list[i].direction);
    RECORD_TEXTS(rows, i, list[i].sender_type);
    RECORD_TEXTS(rows, i, list[i].sender_id);
    RECORD_TEXTS(rows, i, list[i].kind);
    RECORD_TEXTS(rows, i, list[i].external_id);
    RECORD_TEXTS(rows, i, list[i].text);
    RECORD_JSONBS(rows, i, list[i].media_info);
    RECORD_JSONBS(rows, i, list[i].extra_metadata);
    RECORD_TEXTS(rows, i, list[i].reply_to);
    RECORD_TEXTS(rows, i, list[i].correlation_id);
    RECORD_MOMENTS(rows, i, list[i].provider_at);
    RECORD_UUIDS(rows, i, list[i].job_id);
    RECORD_UUIDS(rows, i, NULL); /* turn_id */
    RECORD_BOOLS(rows, i, list[i].wants_answer);
    RECORD_TEXTS(rows, i, list[i].status);
    RECORD_TEXTS(rows, i, list[i].cause);
    RECORD_BIGINTS(rows, i, list[i].epoch < 0 ? RECORD_NULL : list[i].epoch);
    RECORD_INTEGERS(rows, i, list[i].priority < 0 ? RECORD_NULL : list[i].priority);
    return rows;
}

/* The database decides what is new: a row that came into being since we looked fails the transaction (23505), and is
 * known when it is run again. */
static void messages_insert(struct recording *recording)
{
    if (recording->row_count)
        messages_queue(recording->batch, message_records(recording));
}

/* All that is queued for people who just opted out, but for the confirmation of it. */
static const struct statement stop_queued = {
    .name = "stop_queued",
    .sql =
        "with found as materialized ( "
        "    select m.id from unnest($1::uuid[]) as v(id) cross join lateral (select id from crm.messages where lead_id = v.id "
        "        and status || '' = 'queued' and cause <> 'notice' offset 0) m order by 1), "
        "stopped as materialized (select s.id from found cross join lateral ( "
        "    select id from crm.messages where id = found.id and status || '' = 'queued' for no key update) s) "
        "update crm.messages m set status = 'cancelled', error_class = 'opted_out', updated_at = $2 "
        "where m.id = any (array(select id from stopped)) "
        "returning m.id, m.lead_id, m.conversation_id, m.channel, m.company_id",
};

static void note_cancelled(struct recording *recording, const struct rows *rows, size_t row)
{
    const struct person *person = map_find(recording->people, rows_text(rows, row, 1));
    struct payload payload = payload_start(recording->batch->arena);
    payload_text(&payload, "message_id", rows_text(rows, row, 0));
    payload_text(&payload, "conversation_id", rows_text(rows, row, 2));
    payload_text(&payload, "channel", rows_text(rows, row, 3));
    payload_text(&payload, "reason", "opted_out");
    event_note(&recording->events, (struct event_note){ .type = "message.cancelled",
                                                        .company_id = rows_text(rows, row, 4),
                                                        .lead_id = rows_text(rows, row, 1),
                                                        .payload = payload_end(&payload),
                                                        .actor = "system",
                                                        .correlation_id = person ? person->correlation_id : NULL });
}

static enum status queued_stop(struct recording *recording, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **ids = ARENA_ARRAY(arena, const char *, recording->person_count);
    size_t count = 0;
    for (size_t i = 0; i < recording->person_count; i++)
        if (recording->person_list[i]->stopped && !recording->person_list[i]->created)
            ids[count++] = recording->person_list[i]->id;
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    params_texts(params, ids, count);
    params_moment(params, recording->batch->now);
    struct rows rows;
    TRY(db_run(recording->batch->db, arena, &stop_queued, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        note_cancelled(recording, &rows, row);
    return OK;
}

enum status arrivals_write(struct recording *recording, struct error *error)
{
    people_update(recording);
    talks_write(recording);
    TRY(queued_stop(recording, error));
    messages_insert(recording);
    event_flush(&recording->events);
    return OK;
}
