#include "arrival.h"
#include "base/text.h"
#include "transaction.h"

static const struct statement lead_update = {
    .name = "lead_update",
    .sql = "update crm.leads l set contact_name = u.name, phone_number = u.phone, opted_out_at = u.opted_out_at, version = l.version + 1, "
           "       updated_at = $5 "
           "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as u(id, name, phone, opted_out_at) where l.id = u.id",
};

/* People whose name, number or consent changed; those made just now carry name and number already. */
static enum status people_update(struct recording *recording, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **ids = ARENA_ARRAY(arena, const char *, recording->person_count);
    const char **names = ARENA_ARRAY(arena, const char *, recording->person_count);
    const char **phones = ARENA_ARRAY(arena, const char *, recording->person_count);
    moment *opted_out = ARENA_ARRAY(arena, moment, recording->person_count);
    size_t count = 0;
    for (size_t i = 0; i < recording->person_count; i++) {
        const struct person *person = recording->person_list[i];
        if (person->created ? !person->opted_out_at : !person->changed)
            continue;
        ids[count] = person->id;
        names[count] = person->name;
        phones[count] = person->phone;
        opted_out[count++] = person->opted_out_at;
    }
    if (!count)
        return OK;
    struct params *params = params_new(arena);
    params_texts(params, ids, count);
    params_texts(params, names, count);
    params_texts(params, phones, count);
    params_moments(params, opted_out, count);
    params_moment(params, recording->batch->now);
    return db_run(recording->batch->db, arena, &lead_update, params, NULL, error);
}

static const struct statement talk_update = {
    .name = "talk_update",
    .sql = "update crm.conversations c set owner = u.owner, epoch = u.epoch, last_position = u.last_position, "
           "       covered_position = u.covered_position, owed_position = u.owed_position, owed_since = u.owed_since, "
           "       buffer_until = u.buffer_until, window_ends_at = u.window_ends_at, contact_id = u.contact_id, phone = u.phone, "
           "       name = u.name, last_message_id = u.last_message_id, updated_at = $14 "
           "from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[], "
           "            $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::text[], $12::text[], $13::uuid[]) "
           "  as u(id, owner, epoch, last_position, covered_position, owed_position, owed_since, buffer_until, window_ends_at, contact_id, "
           "       phone, name, last_message_id) where c.id = u.id",
};

/* One member of every element of a list as one array parameter. */
#define COLUMN(type, function, list, length, expression)             \
    do {                                                             \
        type *column_ = ARENA_ARRAY(params->arena, type, (length));  \
        for (size_t i = 0; i < (length); i++)                        \
            column_[i] = (list)[i] expression;                       \
        function(params, column_, (length));                         \
    } while (0)
#define TEXTS(list, length, member) COLUMN(const char *, params_texts, list, length, member)
#define INTS(list, length, member) COLUMN(int64_t, params_ints, list, length, member)
#define MOMENTS(list, length, member) COLUMN(moment, params_moments, list, length, member)
#define BOOLS(list, length, member) COLUMN(bool, params_bools, list, length, member)

static enum status talks_update(struct recording *recording, struct error *error)
{
    struct talk **talks = recording->talks;
    size_t count = recording->talk_count;
    if (!count)
        return OK;
    struct params *params = params_new(recording->batch->arena);
    TEXTS(talks, count, ->id);
    TEXTS(talks, count, ->owner);
    INTS(talks, count, ->epoch);
    INTS(talks, count, ->last_position);
    INTS(talks, count, ->covered_position);
    INTS(talks, count, ->owed_position);
    MOMENTS(talks, count, ->owed_since);
    MOMENTS(talks, count, ->buffer_until);
    MOMENTS(talks, count, ->window_ends_at);
    TEXTS(talks, count, ->contact_id);
    TEXTS(talks, count, ->phone);
    TEXTS(talks, count, ->name);
    TEXTS(talks, count, ->last_message_id);
    params_moment(params, recording->batch->now);
    return db_run(recording->batch->db, recording->batch->arena, &talk_update, params, NULL, error);
}

static const struct statement message_insert = {
    .name = "message_insert",
    .sql = "insert into crm.messages (id, company_id, conversation_id, lead_id, channel_account_id, channel, position, direction, sender_type, "
           "                          kind, external_id, message_text, media_info, extra_metadata, reply_to, correlation_id, provider_ts, "
           "                          job_id, wants_answer, status, cause, epoch, priority, created_at, updated_at) "
           "select u.id, u.company_id, u.conversation_id, u.lead_id, u.account_id, u.channel, u.position, u.direction, u.sender_type, "
           "       u.kind, u.external_id, u.text, u.media_info::jsonb, u.extra_metadata::jsonb, u.reply_to, u.correlation_id, u.provider_at, "
           "       u.job_id, u.wants_answer, u.status, u.cause, nullif(u.epoch, -1), nullif(u.priority, -1), $24, $24 "
           "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::text[], $9::text[], "
           "            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::timestamptz[], "
           "            $18::uuid[], $19::bool[], $20::text[], $21::text[], $22::bigint[], $23::bigint[]) "
           "  as u(id, company_id, conversation_id, lead_id, account_id, channel, position, direction, sender_type, kind, external_id, text, "
           "       media_info, extra_metadata, reply_to, correlation_id, provider_at, job_id, wants_answer, status, cause, epoch, priority) "
           "on conflict do nothing",
};

static struct params *message_params(struct recording *recording)
{
    struct params *params = params_new(recording->batch->arena);
    const struct message_row *rows = recording->rows;
    size_t count = recording->row_count;
    TEXTS(rows, count, .id);
    TEXTS(rows, count, .company_id);
    TEXTS(rows, count, .conversation_id);
    TEXTS(rows, count, .lead_id);
    TEXTS(rows, count, .account_id);
    TEXTS(rows, count, .channel);
    INTS(rows, count, .position);
    TEXTS(rows, count, .direction);
    TEXTS(rows, count, .sender_type);
    TEXTS(rows, count, .kind);
    TEXTS(rows, count, .external_id);
    TEXTS(rows, count, .text);
    TEXTS(rows, count, .media_info);
    TEXTS(rows, count, .extra_metadata);
    TEXTS(rows, count, .reply_to);
    TEXTS(rows, count, .correlation_id);
    MOMENTS(rows, count, .provider_at);
    TEXTS(rows, count, .job_id);
    BOOLS(rows, count, .wants_answer);
    TEXTS(rows, count, .status);
    TEXTS(rows, count, .cause);
    INTS(rows, count, .epoch);
    INTS(rows, count, .priority);
    params_moment(params, recording->batch->now);
    return params;
}

/* The database decides what is new: a row that came into being since we looked is known when we look again. */
static enum status messages_insert(struct recording *recording, struct error *error)
{
    struct rows rows;
    if (!recording->row_count)
        return OK;
    TRY(db_run(recording->batch->db, recording->batch->arena, &message_insert, message_params(recording), &rows, error));
    return rows.affected == recording->row_count ? OK : error_code(error, RETRY, TRANSACTION_AGAIN, "a message came into being meanwhile");
}

/* All that is queued for people who just opted out, but for the confirmation of it. */
static const struct statement stop_queued = {
    .name = "stop_queued",
    .sql = "with stopped as (select id from crm.messages where lead_id = any($1::uuid[]) and status = 'queued' and cause <> 'notice' "
           "                 order by id for no key update) "
           "update crm.messages m set status = 'cancelled', updated_at = $2 from stopped where m.id = stopped.id "
           "returning m.id, m.lead_id, m.conversation_id, m.channel, m.company_id",
};

static void note_cancelled(struct recording *recording, const struct rows *rows, size_t row)
{
    const struct person *person = map_find(recording->people, rows_text(rows, row, 1));
    const char *payload = text_format(recording->batch->arena,
                                      "{\"message_id\":\"%s\",\"conversation_id\":\"%s\",\"channel\":\"%s\",\"reason\":\"opted_out\"}",
                                      rows_text(rows, row, 0), rows_text(rows, row, 2), rows_text(rows, row, 3));
    event_note(&recording->events, (struct event_note){ .type = "message.cancelled",
                                                        .company_id = rows_text(rows, row, 4),
                                                        .lead_id = rows_text(rows, row, 1),
                                                        .payload = payload,
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
    TRY(people_update(recording, error));
    TRY(talks_update(recording, error));
    TRY(queued_stop(recording, error));
    TRY(messages_insert(recording, error));
    return event_flush(&recording->events, error);
}
