#include "hold.h"

#include "base/text.h"
#include "cells.h"
#include "column.h"
#include "config.h"

enum { IDS_FIRST = 32 };

bool ids_has(const struct ids *ids, const char *id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (text_same(ids->list[i], id))
            return true;
    return false;
}

void ids_add(struct ids *ids, const char *id)
{
    if (text_empty(id) || ids_has(ids, id))
        return;
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? 2 * ids->capacity : IDS_FIRST;
        const char **list = ARENA_ARRAY(ids->arena, const char *, capacity);
        for (size_t i = 0; i < ids->count; i++)
            list[i] = ids->list[i];
        ids->list = list;
        ids->capacity = capacity;
    }
    ids->list[ids->count++] = id;
}

/* -- one table each: what is read, and the statement that locks it */

static const struct cell lead_cells[] = {
    CELL(held_lead, id, CELL_TEXT),
    CELL(held_lead, company_id, CELL_TEXT),
    CELL(held_lead, timezone, CELL_TEXT),
    CELL(held_lead, preferred_channel, CELL_TEXT),
    CELL(held_lead, opted_out_at, CELL_MOMENT),
    CELL(held_lead, proactive_at, CELL_MOMENT),
    CELL(held_lead, proactive_message_id, CELL_TEXT),
    CELL(held_lead, version, CELL_INT),
    { 0 },
};
static const struct statement lead_lock = {
    .name = "hold_leads",
    .sql =
        "select id, company_id, timezone, preferred_channel, opted_out_at, proactive_at, proactive_message_id, version "
        "from crm.leads where id = any($1::uuid[]) order by id for no key update",
};

static const struct cell conversation_cells[] = {
    CELL(held_conversation, id, CELL_TEXT),
    CELL(held_conversation, company_id, CELL_TEXT),
    CELL(held_conversation, lead_id, CELL_TEXT),
    { "channel_account_id", CELL_TEXT, offsetof(struct held_conversation, account_id) },
    CELL(held_conversation, channel, CELL_TEXT),
    CELL(held_conversation, contact_id, CELL_TEXT),
    CELL(held_conversation, phone, CELL_TEXT),
    CELL(held_conversation, state, CELL_TEXT),
    CELL(held_conversation, owner, CELL_TEXT),
    CELL(held_conversation, epoch, CELL_INT),
    CELL(held_conversation, last_position, CELL_INT),
    CELL(held_conversation, covered_position, CELL_INT),
    CELL(held_conversation, owed_position, CELL_INT),
    CELL(held_conversation, owed_since, CELL_MOMENT),
    CELL(held_conversation, window_ends_at, CELL_MOMENT),
    { 0 },
};
static const struct statement conversation_lock = {
    .name = "hold_conversations",
    .sql =
        "select id, company_id, lead_id, channel_account_id, channel, contact_id, phone, state, owner, epoch, last_position, "
        "       covered_position, owed_position, owed_since, window_ends_at "
        "from crm.conversations where id = any($1::uuid[]) order by id for no key update",
};

static const struct cell message_cells[] = {
    CELL(held_message, id, CELL_TEXT),
    CELL(held_message, company_id, CELL_TEXT),
    CELL(held_message, conversation_id, CELL_TEXT),
    CELL(held_message, lead_id, CELL_TEXT),
    { "channel_account_id", CELL_TEXT, offsetof(struct held_message, account_id) },
    CELL(held_message, channel, CELL_TEXT),
    CELL(held_message, direction, CELL_TEXT),
    CELL(held_message, sender_type, CELL_TEXT),
    CELL(held_message, status, CELL_TEXT),
    CELL(held_message, cause, CELL_TEXT),
    CELL(held_message, claim, CELL_TEXT),
    CELL(held_message, message_text, CELL_TEXT),
    CELL(held_message, media_info, CELL_TEXT),
    CELL(held_message, template_id, CELL_TEXT),
    CELL(held_message, extra_metadata, CELL_TEXT),
    CELL(held_message, external_id, CELL_TEXT),
    CELL(held_message, reply_to, CELL_TEXT),
    CELL(held_message, turn_id, CELL_TEXT),
    CELL(held_message, error_class, CELL_TEXT),
    CELL(held_message, error_code, CELL_TEXT),
    CELL(held_message, error, CELL_TEXT),
    CELL(held_message, correlation_id, CELL_TEXT),
    CELL(held_message, position, CELL_INT),
    CELL(held_message, epoch, CELL_INT),
    CELL(held_message, priority, CELL_INT),
    CELL(held_message, wants_answer, CELL_BOOL),
    CELL(held_message, go_until, CELL_MOMENT),
    CELL(held_message, created_at, CELL_MOMENT),
    CELL(held_message, updated_at, CELL_MOMENT),
    { 0 },
};
static const struct statement message_lock = {
    .name = "hold_messages",
    .sql =
        "select id, company_id, conversation_id, lead_id, channel_account_id, channel, direction, sender_type, status, cause, claim, "
        "       message_text, media_info, template_id, extra_metadata, external_id, reply_to, turn_id, error_class, error_code, error, "
        "       correlation_id, position, epoch, priority, wants_answer, go_until, created_at, updated_at "
        "from crm.messages where id = any($1::uuid[]) order by id for no key update",
};

static const struct cell turn_cells[] = {
    CELL(held_turn, id, CELL_TEXT),
    CELL(held_turn, company_id, CELL_TEXT),
    CELL(held_turn, conversation_id, CELL_TEXT),
    CELL(held_turn, lead_id, CELL_TEXT),
    CELL(held_turn, job_id, CELL_TEXT),
    CELL(held_turn, claim, CELL_TEXT),
    CELL(held_turn, state, CELL_TEXT),
    CELL(held_turn, message_id, CELL_TEXT),
    CELL(held_turn, reply_conversation_id, CELL_TEXT),
    CELL(held_turn, epoch, CELL_INT),
    CELL(held_turn, opened_position, CELL_INT),
    CELL(held_turn, after_position, CELL_INT),
    CELL(held_turn, covered_position, CELL_INT),
    CELL(held_turn, answer_by, CELL_MOMENT),
    CELL(held_turn, opened_at, CELL_MOMENT),
    { 0 },
};
#define TURN_COLUMNS                                                                                                   \
    "select t.id, t.company_id, t.conversation_id, t.lead_id, t.job_id, t.claim, t.state, t.message_id, t.epoch, "     \
    "       t.opened_position, t.after_position, t.covered_position, t.answer_by, t.opened_at, "                       \
    "       r.conversation_id as reply_conversation_id from crm.turns t left join crm.messages r on r.id = t.message_id "
static const struct statement turn_read = { .name = "hold_turns", .sql = TURN_COLUMNS "where t.id = any($1::uuid[])" };
static const struct statement turn_of_job_read = { .name = "hold_turns_of_jobs",
                                                   .sql = TURN_COLUMNS "where t.job_id = any($1::uuid[])" };

static const struct cell reach_cells[] = {
    CELL(reach, id, CELL_TEXT),
    CELL(reach, account, CELL_TEXT),
    CELL(reach, credentials, CELL_TEXT),
    CELL(reach, address, CELL_TEXT),
    CELL(reach, kind, CELL_TEXT),
    CELL(reach, contact_zone, CELL_TEXT),
    CELL(reach, unreachable_at, CELL_MOMENT),
    CELL(reach, company_zone, CELL_TEXT),
    CELL(reach, quiet_from, CELL_TEXT),
    CELL(reach, quiet_to, CELL_TEXT),
    CELL(reach, buffer_ms, CELL_INT),
    CELL(reach, buffer_max_ms, CELL_INT),
    CELL(reach, opted_out_at, CELL_MOMENT),
    CELL(reach, preferred_channel, CELL_TEXT),
    { 0 },
};
static const struct statement reach_read = {
    .name = "hold_reach",
    .sql = "select c.id, a.account, a.credentials, p.address, p.kind, p.timezone as contact_zone, p.unreachable_at, "
           "       o.timezone as company_zone, o.quiet_from, o.quiet_to, coalesce(o.buffer_ms, $2) as buffer_ms, "
           "       coalesce(o.buffer_max_ms, $3) as buffer_max_ms, l.opted_out_at, l.preferred_channel "
           "from crm.conversations c join crm.channel_accounts a on a.id = c.channel_account_id "
           "join crm.companies o on o.id = c.company_id join crm.leads l on l.id = c.lead_id "
           "left join crm.lead_contacts p on p.id = c.contact_id where c.id = any($1::uuid[])",
};

static void hold_queue(struct held *held, const struct statement *statement, const struct ids *ids, struct rows *rows)
{
    if (!ids->count)
        return;
    struct params *params = params_new(held->batch->arena);
    params_texts(params, ids->list, ids->count);
    db_queue(held->batch->db, held->batch->arena, statement, params, rows);
}

void hold_leads(struct held *held, const struct ids *ids)
{
    hold_queue(held, &lead_lock, ids, &held->lead_rows);
}

void hold_conversations(struct held *held, const struct ids *ids)
{
    hold_queue(held, &conversation_lock, ids, &held->conversation_rows);
}

void hold_messages(struct held *held, const struct ids *ids)
{
    hold_queue(held, &message_lock, ids, &held->message_rows);
}

void hold_turns_of_jobs(struct held *held, const struct ids *job_ids)
{
    hold_queue(held, &turn_of_job_read, job_ids, &held->turn_rows);
}

void hold_turns(struct held *held, const struct ids *ids)
{
    hold_queue(held, &turn_read, ids, &held->turn_rows);
}

void hold_reach(struct held *held, const struct ids *conversation_ids)
{
    if (!conversation_ids->count)
        return;
    struct params *params = params_new(held->batch->arena);
    params_texts(params, conversation_ids->list, conversation_ids->count);
    params_int(params, config_buffer_ms);
    params_int(params, config_buffer_max_ms);
    db_queue(held->batch->db, held->batch->arena, &reach_read, params, &held->reach_rows);
    held->reach_wanted = true;
}

static enum status reach_join(struct held *held, struct error *error)
{
    struct reach *reaches = cells_read(held->batch->arena, &held->reach_rows, reach_cells, sizeof *reaches);
    for (size_t i = 0; i < held->reach_rows.count; i++) {
        struct held_conversation *conversation = held_conversation(held, reaches[i].id);
        if (conversation)
            conversation->reach = &reaches[i];
    }
    for (size_t i = 0; held->reach_wanted && i < held->conversation_count; i++)
        if (!held->conversations[i].reach)
            return error_code(error, RETRY, "again", "a conversation's account or person is being changed");
    return OK;
}

enum status hold_read(struct held *held, struct error *error)
{
    struct arena *arena = held->batch->arena;
    TRY(db_flush(held->batch->db, error));
    held->leads = cells_read(arena, &held->lead_rows, lead_cells, sizeof *held->leads);
    held->lead_count = held->lead_rows.count;
    held->conversations = cells_read(arena, &held->conversation_rows, conversation_cells, sizeof *held->conversations);
    held->conversation_count = held->conversation_rows.count;
    held->messages = cells_read(arena, &held->message_rows, message_cells, sizeof *held->messages);
    held->message_count = held->message_rows.count;
    held->turns = cells_read(arena, &held->turn_rows, turn_cells, sizeof *held->turns);
    held->turn_count = held->turn_rows.count;
    return reach_join(held, error);
}

/* What is owed since when follows from the rows, whoever changed the coverage. */
static const struct statement conversation_save = {
    .name = "hold_save",
    .sql =
        "update crm.conversations c set last_position = v.last_position, covered_position = v.covered_position, owner = v.owner, "
        "       epoch = v.epoch, last_message_id = coalesce(v.last_message_id, c.last_message_id), "
        "       assignee = case when v.epoch = c.epoch then c.assignee else v.assignee end, "
        "       escalated_at = case when v.owner = c.owner then c.escalated_at end, "
        "       buffer_until = case when c.owed_position > v.covered_position then c.buffer_until end, "
        "       owed_since = case when c.owed_position > v.covered_position then coalesce(v.owed_from, "
        "           (select min(m.created_at) from crm.messages m where m.conversation_id = c.id and m.position > v.covered_position "
        "            and m.direction = 'inbound' and m.wants_answer)) end, "
        "       updated_at = $9 "
        "from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::timestamptz[]) "
        "  as v(id, last_position, covered_position, owner, epoch, last_message_id, assignee, owed_from) where c.id = v.id",
};

void hold_save(struct held *held)
{
    struct arena *arena = held->batch->arena;
    struct held_conversation **list = ARENA_ARRAY(arena, struct held_conversation *, held->conversation_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < held->conversation_count; i++)
        if (held->conversations[i].changed)
            list[count++] = &held->conversations[i];
    if (!count)
        return;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, list[i]->id);
    COLUMN_INTS(params, count, i, list[i]->last_position);
    COLUMN_INTS(params, count, i, list[i]->covered_position);
    COLUMN_TEXTS(params, count, i, list[i]->owner);
    COLUMN_INTS(params, count, i, list[i]->epoch);
    COLUMN_TEXTS(params, count, i, list[i]->last_message_id);
    COLUMN_TEXTS(params, count, i, list[i]->assignee);
    COLUMN_MOMENTS(params, count, i, list[i]->owed_from);
    params_moment(params, held->batch->now);
    db_queue(held->batch->db, arena, &conversation_save, params, NULL);
}

/* -- found by id */

#define FIND(list, count, member, wanted)                                                                              \
    do {                                                                                                               \
        for (size_t i = 0; i < (count); i++)                                                                           \
            if (text_same((list)[i].member, wanted))                                                                   \
                return &(list)[i];                                                                                     \
        return NULL;                                                                                                   \
    } while (0)

struct held_lead *held_lead(const struct held *held, const char *id)
{
    FIND(held->leads, held->lead_count, id, id);
}

struct held_conversation *held_conversation(const struct held *held, const char *id)
{
    FIND(held->conversations, held->conversation_count, id, id);
}

struct held_message *held_message(const struct held *held, const char *id)
{
    FIND(held->messages, held->message_count, id, id);
}

struct held_turn *held_turn(const struct held *held, const char *id)
{
    FIND(held->turns, held->turn_count, id, id);
}

struct held_turn *held_turn_of_job(const struct held *held, const char *job_id)
{
    FIND(held->turns, held->turn_count, job_id, job_id);
}

bool reach_has_account(const struct reach *reach)
{
    return !text_empty(reach->account) && !text_empty(reach->credentials);
}
