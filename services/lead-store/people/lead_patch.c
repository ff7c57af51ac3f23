/* store.lead.patch: what is present changes, under the version that the caller saw. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/event.h"
#include "core/payload.h"
#include "core/write.h"
#include "lead.h"
#include "lead_view.h"
#include "wire/pbjson.h"
#include "wire/pbrow.h"

enum { ATTRIBUTES_BYTES_MAX = 64 * 1024 };

static enum status attributes_check(struct arena *arena, const Pb__Json *attributes, struct error *error)
{
    struct error inner;
    cJSON *tree;
    size_t bytes = strlen(pb_json_text(attributes));
    if (bytes > ATTRIBUTES_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "attributes have more than %d bytes", ATTRIBUTES_BYTES_MAX);
    if (json_parse(arena, pb_json_text(attributes), bytes, &tree, &inner) != OK || !cJSON_IsObject(tree))
        return error_code(error, REJECT, "wrong_type", "attributes must be a JSON object");
    return OK;
}

static enum status lead_patch_check(const struct item *item, struct error *error)
{
    const Pb__LeadPatchRequest *request = item->message;
    if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_lead", "there is no such lead");
    if (request->contact_name && strlen(request->contact_name) > NAME_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "contact_name has more than %d bytes", NAME_BYTES_MAX);
    if (request->stage_id && !ident_valid(request->stage_id))
        return error_code(error, REJECT, "unknown_stage", "there is no such stage");
    if (request->has_preferred_channel && request->preferred_channel == PB__CHANNEL__CHANNEL_UNSPECIFIED)
        return error_code(error, REJECT, "bad_value", "preferred_channel must be a channel");
    return request->attributes ? attributes_check(item->arena, request->attributes, error) : OK;
}

/* The lead as it is, locked before, and the stage that is wanted: of this company, and one that the present stage leads
 * to. */
static const struct statement lead_patch_look = {
    .name = "lead_patch_look",
    .sql =
        "select l.version, l.stage_id, s.name as stage, w.id as new_stage_id, w.name as new_stage, "
        "       s.allowed_transitions is null or w.id = any(s.allowed_transitions) or w.id = s.id as allowed, "
        "       octet_length((l.attributes || coalesce($4::jsonb, '{}'))::text) as attributes_bytes "
        "from crm.leads l join crm.stages s on s.id = l.stage_id left join crm.stages w on w.id = $3 and w.company_id = $2 "
        "where l.id = $1 and l.company_id = $2",
};
static const struct statement lead_patch_save = {
    .name = "lead_patch_save",
    .sql =
        "update crm.leads l set contact_name = coalesce($3, l.contact_name), stage_id = coalesce($4::uuid, l.stage_id), "
        "    pipeline_id = coalesce((select pipeline_id from crm.stages where id = $4::uuid), l.pipeline_id), "
        "    priority = coalesce($5::integer, l.priority), preferred_channel = coalesce($6, l.preferred_channel), "
        "    attributes = (l.attributes || coalesce($7::jsonb, '{}')) - array(select key from jsonb_each(coalesce($7::jsonb, '{}')) "
        "        where value = 'null'), version = l.version + 1, updated_at = $8 where l.id = $1 and l.company_id = $2",
};
static const struct statement lead_patch_read = {
    .name = "lead_patch_read",
    .sql = LEAD_VIEW "from crm.leads l where l.company_id = $1 and l.id = $2",
};

static bool changes_nothing(const Pb__LeadPatchRequest *request)
{
    return !request->contact_name && !request->stage_id && !request->has_priority && !request->has_preferred_channel &&
           !request->attributes;
}

static enum status look(struct batch *batch, const struct item *item, struct rows *rows, struct error *error)
{
    const Pb__LeadPatchRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, request->id);
    params_text(params, item->caller.company_id);
    params_text(params, request->stage_id);
    params_text(params, request->attributes ? pb_json_text(request->attributes) : NULL);
    return db_run(batch->db, batch->arena, &lead_patch_look, params, rows, error);
}

/* Why not; the code stays empty when it may. */
static void judge(const Pb__LeadPatchRequest *request, const struct rows *rows, struct error *refused)
{
    if (!rows->count)
        error_code(refused, REJECT, "unknown_lead", "there is no such lead");
    else if (write_version(request->has_if_version, request->if_version, rows_int(rows, 0, 0), "the lead", refused) !=
             OK)
        return;
    else if (request->stage_id && !rows_text(rows, 0, 3))
        error_code(refused, REJECT, "unknown_stage", "there is no such stage");
    else if (request->stage_id && !rows_bool(rows, 0, 5))
        error_code(refused, REJECT, "stage_not_allowed", "the present stage does not lead to that one");
    else if (request->attributes && rows_int(rows, 0, 6) > ATTRIBUTES_BYTES_MAX)
        error_code(refused, REJECT, "too_long", "attributes would have more than %d bytes", ATTRIBUTES_BYTES_MAX);
}

static void save(struct batch *batch, const struct item *item)
{
    const Pb__LeadPatchRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, request->id);
    params_text(params, item->caller.company_id);
    params_text(params, request->contact_name);
    params_text(params, request->stage_id);
    params_int_if(params, request->has_priority, request->priority);
    params_text(params, request->has_preferred_channel
                            ? pbjson_enum_word(&pb__channel__descriptor, (int)request->preferred_channel)
                            : NULL);
    params_text(params, request->attributes ? pb_json_text(request->attributes) : NULL);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &lead_patch_save, params, NULL);
}

static void note_stage(struct event_list *events, const struct item *item, const struct rows *before)
{
    const Pb__LeadPatchRequest *request = item->message;
    if (!request->stage_id || text_same(rows_text(before, 0, 1), rows_text(before, 0, 3)))
        return;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "from", rows_text(before, 0, 1));
    payload_text(&payload, "from_name", rows_text(before, 0, 2));
    payload_text(&payload, "to", rows_text(before, 0, 3));
    payload_text(&payload, "to_name", rows_text(before, 0, 4));
    payload_text(&payload, "by", "operator");
    event_note(events, (struct event_note){ .type = "lead.stage_changed",
                                            .company_id = item->caller.company_id,
                                            .lead_id = request->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

/* Which members, not their values: the lead itself has them. */
static void note_updated(struct event_list *events, const struct item *item, int64_t version)
{
    const Pb__LeadPatchRequest *request = item->message;
    const char *members[5];
    size_t count = 0;
    if (request->contact_name)
        members[count++] = "contact_name";
    if (request->stage_id)
        members[count++] = "stage_id";
    if (request->has_priority)
        members[count++] = "priority";
    if (request->has_preferred_channel)
        members[count++] = "preferred_channel";
    if (request->attributes)
        members[count++] = "attributes";
    struct payload payload = payload_start(events->batch->arena);
    payload_texts(&payload, "changed", members, count);
    payload_int(&payload, "version", version);
    event_note(events, (struct event_note){ .type = "lead.updated",
                                            .company_id = item->caller.company_id,
                                            .lead_id = request->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

static enum status patch_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__LeadPatchRequest *request = item->message;
    struct error refused = { 0 };
    struct rows before, after;
    TRY(look(batch, item, &before, error));
    judge(request, &before, &refused);
    if (*refused.code) {
        write_refuse(item, &refused);
        return OK;
    }
    if (!changes_nothing(request)) {
        save(batch, item);
        note_stage(events, item, &before);
        note_updated(events, item, rows_int(&before, 0, 0) + 1);
    }
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    TRY(db_run(batch->db, batch->arena, &lead_patch_read, params, &after, error));
    Pb__Lead *lead = pbrow_read(item->arena, &pb__lead__descriptor, &after, 0);
    item->reply = &lead->base;
    return OK;
}

static const struct statement lead_patch_lock = {
    .name = "lead_patch_lock",
    .sql =
        "select l.id from unnest($1::uuid[], $2::uuid[]) as v(id, company_id) join crm.leads l on l.id = v.id and l.company_id = v.company_id "
        "order by l.id for no key update of l",
};

/* All leads of the batch are locked first, in order; then one after the other, for a later patch sees an earlier one's
 * version. */
static enum status lead_patch_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, ((const Pb__LeadPatchRequest *)items[i]->message)->id);
    COLUMN_TEXTS(params, count, i, items[i]->caller.company_id);
    db_queue(batch->db, batch->arena, &lead_patch_lock, params, NULL);
    for (size_t i = 0; i < count; i++)
        TRY(patch_one(batch, items[i], &events, error));
    event_flush(&events);
    return OK;
}

void lead_patch(struct batch *batch)
{
    write_run(batch, lead_patch_check, lead_patch_work);
}
