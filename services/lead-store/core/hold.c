#include "hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cells.h"
#include "column.h"
#include "config.h"
#include "map.h"

enum { IDS_FIRST = 32 };

bool ids_has(const struct ids *ids, const char *id)
{
    return ids->count && map_find(ids->seen, id);
}

static void ids_grow(struct ids *ids)
{
    size_t capacity = ids->capacity ? 2 * ids->capacity : IDS_FIRST;
    const char **list = ARENA_ARRAY(ids->arena, const char *, capacity);
    ids->seen = map_new(ids->arena, capacity);
    for (size_t i = 0; i < ids->count; i++) {
        list[i] = ids->list[i];
        *map_at(ids->seen, list[i]) = (void *)list[i];
    }
    ids->list = list;
    ids->capacity = capacity;
}

void ids_add(struct ids *ids, const char *id)
{
    if (text_empty(id) || ids_has(ids, id))
        return;
    if (ids->count == ids->capacity)
        ids_grow(ids);
    ids->list[ids->count++] = id;
    *map_at(ids->seen, id) = (void *)id;
}

/*
 * -- one table each: what is read, and the statement that locks it
 *
 * Ids come sorted and are locked one by one in that order. The lateral query is a fence: whatever the statistics say, a
 * row is found by its key, and no index is walked in its order instead.
 */
#define LOCKED(columns, table)                                                                                         \
    "select r.* from unnest($1::uuid[]) as v(id) cross join lateral (select " columns " from " table                   \
    " where id = v.id for no key update) as r"

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
        LOCKED("id, company_id, timezone, preferred_channel, opted_out_at, proactive_at, proactive_message_id, version",
               "crm.leads"),
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
    CELL(held_conversation, escalated_at, CELL_MOMENT),
    CELL(held_conversation, escalation_told_at, CELL_MOMENT),
    CELL(held_conversation, remembered_position, CELL_INT),
    CELL(held_conversation, silence_at, CELL_MOMENT),
    CELL(held_conversation, ai_replies, CELL_INT),
    CELL(held_conversation, ai_replies_since, CELL_MOMENT),
    CELL(held_conversation, quick_count, CELL_INT),
    { 0 },
};
static const struct statement conversation_lock = {
    .name = "hold_conversations",
    .sql = LOCKED(
        "id, company_id, lead_id, channel_account_id, channel, contact_id, phone, state, owner, epoch, "
        "last_position, covered_position, owed_position, owed_since, window_ends_at, escalated_at, escalation_told_at, "
        "remembered_position, silence_at, ai_replies, ai_replies_since, quick_count",
        "crm.conversations"),
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
        LOCKED("id, company_id, conversation_id, lead_id, channel_account_id, channel, direction, sender_type, status, "
               "cause, claim, message_text, media_info, template_id, extra_metadata, external_id, reply_to, turn_id, "
               "error_class, error_code, error, correlation_id, position, epoch, priority, wants_answer, go_until, "
               "created_at, updated_at",
               "crm.messages"),
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
    CELL(held_turn, handed_over, CELL_BOOL),
    { 0 },
};
#define TURNS(key, more)                                                                                               \
    "select t.*, r.conversation_id as reply_conversation_id from unnest($1::uuid[]) as v(id) cross join lateral ( "    \
    "    select id, company_id, conversation_id, lead_id, job_id, claim, state, message_id, epoch, opened_position, "  \
    "           after_position, covered_position, answer_by, opened_at, handed_over from crm.turns where " key         \
    " = v.id" more " limit 1) t "                                                                                      \
    "left join lateral (select conversation_id from crm.messages where id = t.message_id limit 1) r on true"
static const struct statement turn_read = { .name = "hold_turns", .sql = TURNS("id", "") };
static const struct statement turn_of_job_read = { .name = "hold_turns_of_jobs",
                                                   .sql = TURNS("job_id", " and not taken_back") };

static const struct cell reach_cells[] = {
    CELL(reach, id, CELL_TEXT),
    CELL(reach, account_id, CELL_TEXT),
    CELL(reach, address, CELL_TEXT),
    CELL(reach, kind, CELL_TEXT),
    CELL(reach, contact_zone, CELL_TEXT),
    CELL(reach, unreachable_at, CELL_MOMENT),
    CELL(reach, opted_out_at, CELL_MOMENT),
    CELL(reach, preferred_channel, CELL_TEXT),
    { 0 },
};
static const struct statement reach_read = {
    .name = "hold_reach",
    .sql =
        "select v.id, c.account_id, p.address, p.kind, p.timezone as contact_zone, p.unreachable_at, l.opted_out_at, "
        "       l.preferred_channel from unnest($1::uuid[]) as v(id) "
        "cross join lateral (select lead_id, contact_id, channel_account_id as account_id from crm.conversations "
        "                    where id = v.id limit 1) c "
        "cross join lateral (select opted_out_at, preferred_channel from crm.leads where id = c.lead_id limit 1) l "
        "left join lateral (select address, kind, timezone, unreachable_at from crm.lead_contacts "
        "                   where id = c.contact_id limit 1) p on true",
};

static const struct cell sender_cells[] = {
    CELL(reach_sender, account_id, CELL_TEXT),
    CELL(reach_sender, account, CELL_TEXT),
    CELL(reach_sender, credentials, CELL_TEXT),
    CELL(reach_sender, company_zone, CELL_TEXT),
    CELL(reach_sender, quiet_from, CELL_TEXT),
    CELL(reach_sender, quiet_to, CELL_TEXT),
    CELL(reach_sender, locale, CELL_TEXT),
    CELL(reach_sender, hand_over, CELL_TEXT),
    CELL(reach_sender, buffer_ms, CELL_INT),
    CELL(reach_sender, buffer_max_ms, CELL_INT),
    CELL(reach_sender, summary_after_minutes, CELL_INT),
    CELL(reach_sender, bumps_up, CELL_BOOL),
    CELL(reach_sender, replies_max, CELL_INT),
    CELL(reach_sender, window_ms, CELL_INT),
    CELL(reach_sender, quick_max, CELL_INT),
    CELL(reach_sender, has_budgets, CELL_BOOL),
    { 0 },
};
/* A batch has many conversations and few accounts. */
static const struct statement sender_read = {
    .name = "hold_senders",
    .sql =
        "select a.id as account_id, a.account, a.credentials, o.timezone as company_zone, o.quiet_from, o.quiet_to, o.locale, "
        "       nullif(o.hand_over, '{}') as hand_over, "
        "       coalesce(o.buffer_ms, $2) as buffer_ms, coalesce(o.buffer_max_ms, $3) as buffer_max_ms, "
        "       coalesce((o.ai_policy #>> '{loops,replies_max}')::numeric::bigint, $4) as replies_max, "
        "       coalesce((o.ai_policy #>> '{loops,window_ms}')::numeric::bigint, $5) as window_ms, "
        "       coalesce((o.ai_policy #>> '{loops,quick_max}')::numeric::bigint, $6) as quick_max, "
        "       o.summary_after_minutes, o.bumpup_template_id is not null as bumps_up, o.budgets <> '{}' as has_budgets "
        "from (select distinct c.account_id from unnest($1::uuid[]) as v(id) cross join lateral ( "
        "          select channel_account_id as account_id from crm.conversations where id = v.id limit 1) c) d "
        "cross join lateral (select * from crm.channel_accounts where id = d.account_id limit 1) a "
        "cross join lateral (select * from crm.companies where id = a.company_id limit 1) o",
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct params *ids_params(const struct ids *ids)
{
    struct params *params = params_new(ids->arena);
    const char **sorted = ARENA_ARRAY(ids->arena, const char *, ids->count);
    memcpy(sorted, ids->list, ids->count * sizeof *sorted);
    qsort(sorted, ids->count, sizeof *sorted, by_text);
    params_uuids(params, sorted, ids->count);
    return params;
}

static void hold_queue(struct held *held, const struct statement *statement, const struct ids *ids, struct rows *rows)
{
    if (!ids->count)
        return;
    db_queue(held->batch->db, held->batch->arena, statement, ids_params(ids), rows);
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
    struct params *params = ids_params(conversation_ids);
    db_queue(held->batch->db, held->batch->arena, &reach_read, params, &held->reach_rows);
    struct params *senders = ids_params(conversation_ids);
    params_int(senders, config_buffer_ms);
    params_int(senders, config_buffer_max_ms);
    params_int(senders, config_loop_replies_max);
    params_int(senders, config_loop_window_ms);
    params_int(senders, config_loop_quick_max);
    db_queue(held->batch->db, held->batch->arena, &sender_read, senders, &held->sender_rows);
    held->reach_wanted = conversation_ids->count;
}

static const struct reach_sender *sender_of(const struct reach_sender *senders, size_t count, const char *account_id)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(senders[i].account_id, account_id))
            return &senders[i];
    return NULL;
}

static enum status reach_join(struct held *held, struct error *error)
{
    struct arena *arena = held->batch->arena;
    struct reach *reaches = cells_read(arena, &held->reach_rows, reach_cells, sizeof *reaches);
    const struct reach_sender *senders = cells_read(arena, &held->sender_rows, sender_cells, sizeof *senders);
    size_t joined = 0;
    for (size_t i = 0; i < held->reach_rows.count; i++) {
        struct held_conversation *conversation = held_conversation(held, reaches[i].id);
        reaches[i].sender = sender_of(senders, held->sender_rows.count, reaches[i].account_id);
        if (!conversation || !reaches[i].sender)
            continue;
        conversation->reach = &reaches[i];
        joined++;
    }
    if (joined < held->reach_wanted)
        return error_code(error, RETRY, "again", "a conversation's account or person is being changed");
    return OK;
}

/* Rows of one table, found by one of their members. */
#define MAP_BY(map, list, count, member)                                                                               \
    do {                                                                                                               \
        (map) = map_new(held->batch->arena, (count));                                                                  \
        for (size_t i = 0; i < (count); i++)                                                                           \
            *map_at((map), (list)[i].member) = &(list)[i];                                                             \
    } while (0)

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
    MAP_BY(held->leads_by_id, held->leads, held->lead_count, id);
    MAP_BY(held->conversations_by_id, held->conversations, held->conversation_count, id);
    MAP_BY(held->messages_by_id, held->messages, held->message_count, id);
    MAP_BY(held->turns_by_id, held->turns, held->turn_count, id);
    MAP_BY(held->turns_by_job, held->turns, held->turn_count, job_id);
    return reach_join(held, error);
}

/* What is owed since when follows from the rows, whoever changed the coverage. */
static const struct statement conversation_save = {
    .name = "hold_save",
    .sql =
        "update crm.conversations c set last_position = v.last_position, covered_position = v.covered_position, owner = v.owner, "
        "       epoch = v.epoch, last_message_id = coalesce(v.last_message_id, c.last_message_id), "
        "       assignee = case when v.epoch = c.epoch then c.assignee else v.assignee end, "
        "       escalated_at = case when v.epoch = c.epoch then c.escalated_at end, "
        "       buffer_until = case when c.owed_position > v.covered_position then c.buffer_until end, "
        "       owed_since = case when c.owed_position > v.covered_position then coalesce(v.owed_from, "
        "           (select min(m.created_at) from crm.messages m where m.conversation_id = c.id and m.position > v.covered_position "
        "            and m.direction = 'inbound' and m.wants_answer)) end, "
        "       quick_count = case when v.epoch = c.epoch then c.quick_count else 0 end, "
        "       ai_replies = v.ai_replies, ai_replies_since = v.ai_replies_since, silence_at = coalesce(c.silence_at, v.silence_at), updated_at = $2 from unnest($1::crm.conversation_state_row[]) as v where c.id = v.id",
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
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, list[i]->id);
    RECORD_BIGINTS(rows, i, list[i]->last_position);
    RECORD_BIGINTS(rows, i, list[i]->covered_position);
    RECORD_TEXTS(rows, i, list[i]->owner);
    RECORD_BIGINTS(rows, i, list[i]->epoch);
    RECORD_UUIDS(rows, i, list[i]->last_message_id);
    RECORD_TEXTS(rows, i, list[i]->assignee);
    RECORD_MOMENTS(rows, i, list[i]->owed_from);
    RECORD_INTEGERS(rows, i, list[i]->ai_replies);
    RECORD_MOMENTS(rows, i, list[i]->ai_replies_since);
    RECORD_MOMENTS(rows, i, list[i]->silence_at);
    params_records(params, rows, "crm.conversation_state_row");
    params_moment(params, held->batch->now);
    db_queue(held->batch->db, arena, &conversation_save, params, NULL);
}

/* -- found by id */

struct held_lead *held_lead(const struct held *held, const char *id)
{
    return id && held->leads_by_id ? map_find(held->leads_by_id, id) : NULL;
}

struct held_conversation *held_conversation(const struct held *held, const char *id)
{
    return id && held->conversations_by_id ? map_find(held->conversations_by_id, id) : NULL;
}

struct held_message *held_message(const struct held *held, const char *id)
{
    return id && held->messages_by_id ? map_find(held->messages_by_id, id) : NULL;
}

struct held_turn *held_turn(const struct held *held, const char *id)
{
    return id && held->turns_by_id ? map_find(held->turns_by_id, id) : NULL;
}

struct held_turn *held_turn_of_job(const struct held *held, const char *job_id)
{
    return job_id && held->turns_by_job ? map_find(held->turns_by_job, job_id) : NULL;
}

bool reach_has_account(const struct reach *reach)
{
    return !text_empty(reach->sender->account) && !text_empty(reach->sender->credentials);
}
