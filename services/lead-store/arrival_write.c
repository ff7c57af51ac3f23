#include "arrival.h"
#include "base/text.h"
#include "column.h"
#include "payload.h"

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
        "       name = u.name, last_message_id = u.last_message_id, updated_at = $14 "
        "from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], "
        "            $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::uuid[]) "
        "  as u(id, owner, epoch, last_position, covered_position, owed_position, owed_since, buffer_until, window_ends_at, contact_id, "
        "       phone, name, last_message_id) where c.id = u.id",
};

/* One that came into being meanwhile fails the transaction (23505), which is run again. */
static const struct statement talk_insert = {
    .name = "talk_insert",
    .sql =
        "insert into crm.conversations (id, owner, epoch, last_position, covered_position, owed_position, owed_since, buffer_until, "
        "       window_ends_at, contact_id, phone, name, last_message_id, company_id, lead_id, channel_account_id, channel, "
        "       created_at, updated_at) "
        "select u.*, $14, $14 "
        "from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], "
        "            $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::uuid[], $15::uuid[], "
        "            $16::uuid[], $17::uuid[], $18::text[]) as u",
};

static struct params *talk_params(const struct recording *recording, struct talk **talks, size_t count)
{
    struct params *params = params_new(recording->batch->arena);
    COLUMN_TEXTS(params, count, i, talks[i]->id);
    COLUMN_TEXTS(params, count, i, talks[i]->owner);
    COLUMN_INTS(params, count, i, talks[i]->epoch);
    COLUMN_INTS(params, count, i, talks[i]->last_position);
    COLUMN_INTS(params, count, i, talks[i]->covered_position);
    COLUMN_INTS(params, count, i, talks[i]->owed_position);
    COLUMN_MOMENTS(params, count, i, talks[i]->owed_since);
    COLUMN_MOMENTS(params, count, i, talks[i]->buffer_until);
    COLUMN_MOMENTS(params, count, i, talks[i]->window_ends_at);
    COLUMN_TEXTS(params, count, i, talks[i]->contact_id);
    COLUMN_TEXTS(params, count, i, talks[i]->phone);
    COLUMN_TEXTS(params, count, i, talks[i]->name);
    COLUMN_TEXTS(params, count, i, talks[i]->last_message_id);
    params_moment(params, recording->batch->now);
    return params;
}

static void talks_insert(const struct recording *recording, struct talk **talks, size_t count)
{
    if (!count)
        return;
    struct params *params = talk_params(recording, talks, count);
    COLUMN_TEXTS(params, count, i, talks[i]->company_id);
    COLUMN_TEXTS(params, count, i, talks[i]->person->id);
    COLUMN_TEXTS(params, count, i, talks[i]->account_id);
    COLUMN_TEXTS(params, count, i, talks[i]->channel);
    db_queue(recording->batch->db, recording->batch->arena, &talk_insert, params, NULL);
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
    talks_insert(recording, created, created_count);
    if (known_count)
        db_queue(recording->batch->db, arena, &talk_update, talk_params(recording, known, known_count), NULL);
}

static const struct statement message_insert = {
    .name = "message_insert",
    .sql =
        "insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, "
        "                          kind, external_id, message_text, media_info, extra_metadata, reply_to, correlation_id, provider_ts, "
        "                          job_id, wants_answer, status, cause, epoch, priority, created_at, updated_at) "
        "select u.id, u.company_id, u.conversation_id, u.lead_id, u.account_id, u.channel, u.position, u.direction, u.sender_type, "
        "       u.kind, u.external_id, u.text, u.media_info::jsonb, u.extra_metadata::jsonb, u.reply_to, u.correlation_id, u.provider_at, "
        "       u.job_id, u.wants_answer, u.status, u.cause, nullif(u.epoch, -1), nullif(u.priority, -1), $24, $24 "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], "
        "            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::timestamptz[], "
        "            $18::uuid[], $19::bool[], $20::text[], $21::text[], $22::bigint[], $23::bigint[]) "
        "  as u(id, company_id, conversation_id, lead_id, account_id, channel, position, direction, sender_type, kind, external_id, text, "
        "       media_info, extra_metadata, reply_to, correlation_id, provider_at, job_id, wants_answer, status, cause, epoch, priority)",
};

static struct params *message_params(struct recording *recording)
{
    struct params *params = params_new(recording->batch->arena);
    const struct message_row *rows = recording->rows;
    size_t count = recording->row_count;
    COLUMN_TEXTS(params, count, i, rows[i].id);
    COLUMN_TEXTS(params, count, i, rows[i].company_id);
    COLUMN_TEXTS(params, count, i, rows[i].conversation_id);
    COLUMN_TEXTS(params, count, i, rows[i].lead_id);
    COLUMN_TEXTS(params, count, i, rows[i].account_id);
    COLUMN_TEXTS(params, count, i, rows[i].channel);
    COLUMN_INTS(params, count, i, rows[i].position);
    COLUMN_TEXTS(params, count, i, rows[i].direction);
    COLUMN_TEXTS(params, count, i, rows[i].sender_type);
    COLUMN_TEXTS(params, count, i, rows[i].kind);
    COLUMN_TEXTS(params, count, i, rows[i].external_id);
    COLUMN_TEXTS(params, count, i, rows[i].text);
    COLUMN_TEXTS(params, count, i, rows[i].media_info);
    COLUMN_TEXTS(params, count, i, rows[i].extra_metadata);
    COLUMN_TEXTS(params, count, i, rows[i].reply_to);
    COLUMN_TEXTS(params, count, i, rows[i].correlation_id);
    COLUMN_MOMENTS(params, count, i, rows[i].provider_at);
    COLUMN_TEXTS(params, count, i, rows[i].job_id);
    COLUMN_BOOLS(params, count, i, rows[i].wants_answer);
    COLUMN_TEXTS(params, count, i, rows[i].status);
    COLUMN_TEXTS(params, count, i, rows[i].cause);
    COLUMN_INTS(params, count, i, rows[i].epoch);
    COLUMN_INTS(params, count, i, rows[i].priority);
    params_moment(params, recording->batch->now);
    return params;
}

/* The database decides what is new: a row that came into being since we looked fails the transaction (23505), and is
 * known when it is run again. */
static void messages_insert(struct recording *recording)
{
    if (recording->row_count)
        db_queue(recording->batch->db, recording->batch->arena, &message_insert, message_params(recording), NULL);
}

/* All that is queued for people who just opted out, but for the confirmation of it. */
static const struct statement stop_queued = {
    .name = "stop_queued",
    .sql =
        "with stopped as (select id from crm.messages where lead_id = any($1::uuid[]) and status || '' = 'queued' and cause <> 'notice' "
        "                 order by id for no key update) "
        "update crm.messages m set status = 'cancelled', error_class = 'opted_out', updated_at = $2 from stopped where m.id = stopped.id "
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
