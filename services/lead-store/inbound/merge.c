#include "base/text.h"
#include "core/payload.h"
#include "identity.h"

/* Lock both people's conversations before anything of theirs is written. */
static const struct statement merge_lock = {
    .name = "merge_lock",
    .sql = "select id from crm.conversations where lead_id in ($1::uuid, $2::uuid) order by id for no key update",
};

static const struct statement merge_contacts = {
    .name = "merge_contacts",
    .sql = "update crm.lead_contacts set lead_id = $1::uuid, updated_at = $3 where lead_id = $2::uuid returning id",
};

/* Both wrote to the same account: two open conversations of one person there, which must become one. */
static const struct statement merge_clashes = {
    .name = "merge_clashes",
    .sql =
        "select i.id as into_id, f.id as from_id, i.last_position as shift, "
        "       case when i.owner = 'human' or f.owner = 'human' then 'human' else 'ai' end as owner, i.owner as owner_before, i.epoch "
        "from crm.conversations i join crm.conversations f on f.channel_account_id = i.channel_account_id and f.state = 'open' "
        "where i.lead_id = $1::uuid and f.lead_id = $2::uuid and i.state = 'open'",
};

/*
 * Appended in their order, by one shift that an undo can take back; what was answered already stays answered. The key
 * of a job names its lead: what is still owed gets a new one, which must not have the old one's id.
 */
static const struct statement merge_messages = {
    .name = "merge_messages",
    .sql =
        "update crm.messages m set conversation_id = $1::uuid, lead_id = $3::uuid, position = m.position + i.last_position, "
        "       wants_answer = m.wants_answer and m.position > f.covered_position, "
        "       epoch = case when m.status = 'queued' and m.epoch = f.epoch then i.epoch else m.epoch end, "
        "       job_id = case when m.direction = 'inbound' and m.position > f.covered_position then null else m.job_id end, updated_at = $4 "
        "from crm.conversations i, crm.conversations f "
        "where i.id = $1::uuid and f.id = $2::uuid and m.conversation_id = $2::uuid",
};

static const struct statement merge_conversation = {
    .name = "merge_conversation",
    .sql =
        "update crm.conversations i set "
        "  last_position = i.last_position + f.last_position, last_message_id = coalesce(f.last_message_id, i.last_message_id), "
        "  owed_position = case when f.owed_position > f.covered_position then i.last_position + f.owed_position else i.owed_position end, "
        "  owed_since = least(i.owed_since, f.owed_since), buffer_until = greatest(i.buffer_until, f.buffer_until), "
        "  window_ends_at = greatest(i.window_ends_at, f.window_ends_at), "
        "  owner = case when f.owner = 'human' then 'human' else i.owner end, "
        "  epoch = case when f.owner = 'human' and i.owner = 'ai' then i.epoch + 1 else i.epoch end, "
        "  assignee = coalesce(i.assignee, f.assignee), escalated_at = coalesce(i.escalated_at, f.escalated_at), updated_at = $3 "
        "from crm.conversations f where i.id = $1::uuid and f.id = $2::uuid",
};

static const struct statement merge_close = {
    .name = "merge_close",
    .sql =
        "with over as (update crm.turns set state = 'superseded', updated_at = $2 where conversation_id = $1::uuid and state = 'open') "
        "update crm.conversations set state = 'closed', owed_since = null, updated_at = $2 where id = $1::uuid",
};

static const struct statement merge_rest = {
    .name = "merge_rest",
    .sql =
        "with m as (update crm.messages m set lead_id = $1::uuid, job_id = case when m.direction = 'inbound' and m.position > c.covered_position "
        "                                                                        then null else m.job_id end "
        "           from crm.conversations c where m.lead_id = $2::uuid and c.id = m.conversation_id) "
        "update crm.conversations set lead_id = $1::uuid, updated_at = $3 where lead_id = $2::uuid returning id",
};

static const struct statement merge_consents = {
    .name = "merge_consents",
    .sql = "update crm.lead_consents set lead_id = $1::uuid where lead_id = $2::uuid returning id",
};

/* Who became the one that goes became the one that stays: there is no chain to follow. */
static const struct statement merge_leads = {
    .name = "merge_leads",
    .sql =
        "with f as (update crm.leads set merged_into = $1::uuid, version = version + 1, updated_at = $3 where id = $2::uuid returning *), "
        "     o as (update crm.leads set merged_into = $1::uuid, updated_at = $3 where merged_into = $2::uuid), "
        "     b as (select attributes, consent, opted_out_at, proactive_at, phone_number, contact_name from crm.leads where id = $1::uuid) "
        "update crm.leads i set attributes = f.attributes || i.attributes, opted_out_at = greatest(i.opted_out_at, f.opted_out_at), "
        "  consent = f.consent || i.consent || coalesce((select jsonb_object_agg(scope, granted) from (select distinct on (scope) scope, granted "
        "      from crm.lead_consents where lead_id = $1::uuid order by scope, given_at desc, created_at desc, id desc) newest), '{}'), "
        "  proactive_at = greatest(i.proactive_at, f.proactive_at), phone_number = coalesce(i.phone_number, f.phone_number), "
        "  contact_name = case when i.contact_name = '' then f.contact_name else i.contact_name end, version = i.version + 1, updated_at = $3 "
        "from f, b where i.id = $1::uuid "
        "returning i.opted_out_at, i.phone_number, i.contact_name, row_to_json(b)::text as before",
};

static enum status pair_run(struct recording *recording, const struct statement *statement, const char *first,
                            const char *second, struct rows *rows, struct error *error)
{
    struct params *params = params_new(recording->batch->arena);
    params_text(params, first);
    params_text(params, second);
    params_moment(params, recording->batch->now);
    return db_run(recording->batch->db, recording->batch->arena, statement, params, rows, error);
}

static enum status pair_read(struct recording *recording, const struct statement *statement, const char *first,
                             const char *second, struct rows *rows, struct error *error)
{
    struct params *params = params_new(recording->batch->arena);
    params_text(params, first);
    params_text(params, second);
    return db_run(recording->batch->db, recording->batch->arena, statement, params, rows, error);
}

static enum status conversation_append(struct recording *recording, const char *into, const char *from,
                                       const char *lead_id, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    struct params *messages = params_new(arena), *closing = params_new(arena);
    params_text(messages, into);
    params_text(messages, from);
    params_text(messages, lead_id);
    params_moment(messages, recording->batch->now);
    params_text(closing, from);
    params_moment(closing, recording->batch->now);
    TRY(db_run(recording->batch->db, arena, &merge_messages, messages, NULL, error));
    TRY(pair_run(recording, &merge_conversation, into, from, NULL, error));
    return db_run(recording->batch->db, arena, &merge_close, closing, NULL, error);
}

/* A person who owned either of them owns what they became. */
static void note_owner(struct recording *recording, const struct rows *rows, size_t row, const struct person *into)
{
    if (!text_same(rows_text(rows, row, 3), "human") || text_same(rows_text(rows, row, 4), "human"))
        return;
    struct payload payload = payload_start(recording->batch->arena);
    payload_text(&payload, "conversation_id", rows_text(rows, row, 0));
    payload_int(&payload, "epoch", rows_int(rows, row, 5) + 1);
    payload_text(&payload, "by", "system");
    event_note(&recording->events, (struct event_note){ .type = "conversation.taken_over",
                                                        .company_id = into->company_id,
                                                        .lead_id = into->id,
                                                        .payload = payload_end(&payload),
                                                        .actor = "system" });
}

static enum status clashes_resolve(struct recording *recording, const struct person *into, const struct person *from,
                                   struct buffer *undo, struct error *error)
{
    struct rows rows;
    TRY(pair_read(recording, &merge_clashes, into->id, from->id, &rows, error));
    buffer_add(undo, "{\"appended\":[");
    for (size_t row = 0; row < rows.count; row++) {
        TRY(conversation_append(recording, rows_text(&rows, row, 0), rows_text(&rows, row, 1), into->id, error));
        note_owner(recording, &rows, row, into);
        buffer_format(undo, "%s{\"conversation_id\":\"%s\",\"into\":\"%s\",\"shift\":%s}", row ? "," : "",
                      rows_text(&rows, row, 1), rows_text(&rows, row, 0), rows_text(&rows, row, 2));
    }
    buffer_add(undo, "]");
    return OK;
}

static void undo_ids(struct buffer *undo, const char *member, const struct rows *rows)
{
    buffer_format(undo, ",\"%s\":[", member);
    for (size_t row = 0; row < rows->count; row++)
        buffer_format(undo, "%s\"%s\"", row ? "," : "", rows_text(rows, row, 0));
    buffer_add(undo, "]");
}

enum status person_merge(struct recording *recording, struct person *into, struct person *from, struct error *error)
{
    struct rows contacts, conversations, consents, leads;
    struct buffer undo = { .arena = recording->batch->arena };
    TRY(pair_read(recording, &merge_lock, into->id, from->id, NULL, error));
    TRY(pair_run(recording, &merge_contacts, into->id, from->id, &contacts, error));
    TRY(clashes_resolve(recording, into, from, &undo, error));
    TRY(pair_run(recording, &merge_rest, into->id, from->id, &conversations, error));
    TRY(pair_read(recording, &merge_consents, into->id, from->id, &consents, error));
    TRY(pair_run(recording, &merge_leads, into->id, from->id, &leads, error));
    into->opted_out_at = rows_moment(&leads, 0, 0);
    into->phone = rows_text(&leads, 0, 1);
    into->name = rows_text(&leads, 0, 2);
    undo_ids(&undo, "contact_ids", &contacts);
    undo_ids(&undo, "conversation_ids", &conversations);
    undo_ids(&undo, "consent_ids", &consents);
    buffer_format(&undo, ",\"before\":%s}", rows_text(&leads, 0, 3));
    struct payload payload = payload_start(recording->batch->arena);
    payload_text(&payload, "merged_lead_id", from->id);
    payload_json(&payload, "moved", buffer_text(&undo));
    event_note(&recording->events, (struct event_note){ .type = "lead.merged",
                                                        .company_id = into->company_id,
                                                        .lead_id = into->id,
                                                        .payload = payload_end(&payload),
                                                        .actor = "system" });
    return OK;
}
