/* store.stage.delete: a stage goes once nobody is in it; its leads go first where the caller says to which stage. */
#include <assert.h>

#include "base/ident.h"
#include "base/text.h"
#include "core/payload.h"
#include "core/write.h"
#include "stage.h"
#include "stage_view.h"
#include "wire/pbrow.h"

/* So many leads are counted, and moved in one transaction, which is to live under a second: with as many in it the
 * stage stays, and the caller asks again. */
enum { LEADS_AT_ONCE_MAX = 1000 };

struct removal {
    struct batch *batch;
    struct item *item;
    struct event_list *events;
    Pb__StageRemoved *stage; /* NULL: not there */
    const char *to, *to_name, *to_pipeline_id;
    int64_t version, stages, leads, models;
};

enum status stage_used_check(int64_t leads, int64_t models, const char *noun, struct error *refused)
{
    bool more = leads >= LEADS_AT_ONCE_MAX;
    if (!leads && !models)
        return OK;
    return error_code(refused, REJECT, "conflict", "%s%lld leads and %lld models are in the %s: move them first",
                      more ? "more than " : "", (long long)leads - more, (long long)models, noun);
}

/* -- what is there */

static const struct statement stage_removal_look = {
    .name = "stage_removal_look",
    .sql =
        "select s.id, s.pipeline_id, s.name, s.position, s.version, (select count(*) from crm.stages where pipeline_id = s.pipeline_id) as stages, "
        "    (select count(*) from (select from crm.leads where stage_id = s.id limit $4) l) as leads, "
        "    (select count(*) from crm.ai_models where company_id = $1::uuid and stage_id = s.id) as models, "
        "    t.id as to_id, t.name as to_name, t.pipeline_id as to_pipeline_id "
        "from crm.stages s left join crm.stages t on t.id = $3::uuid and t.company_id = $1::uuid and t.id <> s.id "
        "where s.company_id = $1::uuid and s.id = $2::uuid",
};

static enum status look(struct removal *removal, const Pb__StageRemoveRequest *request, struct error *error)
{
    struct params *params = params_new(removal->batch->arena);
    struct rows rows;
    params_text(params, removal->item->caller.company_id);
    params_text(params, request->id);
    params_text_if(params, request->move_to);
    params_int(params, LEADS_AT_ONCE_MAX);
    TRY(db_run(removal->batch->db, removal->batch->arena, &stage_removal_look, params, &rows, error));
    if (!rows.count)
        return OK;
    removal->stage = pbrow_read(removal->item->arena, &pb__stage_removed__descriptor, &rows, 0);
    removal->version = rows_int(&rows, 0, rows_column(&rows, "version"));
    removal->stages = rows_int(&rows, 0, rows_column(&rows, "stages"));
    removal->leads = rows_int(&rows, 0, rows_column(&rows, "leads"));
    removal->models = rows_int(&rows, 0, rows_column(&rows, "models"));
    removal->to = rows_text(&rows, 0, rows_column(&rows, "to_id"));
    removal->to_name = rows_text(&rows, 0, rows_column(&rows, "to_name"));
    removal->to_pipeline_id = rows_text(&rows, 0, rows_column(&rows, "to_pipeline_id"));
    return OK;
}

static enum status judge(const struct removal *removal, const Pb__StageRemoveRequest *request, struct error *refused)
{
    if (!removal->stage)
        return error_code(refused, REJECT, "unknown_pipeline_stage", "there is no such stage");
    TRY(write_version(request->has_if_version, request->if_version, removal->version, "the stage", refused));
    if (!text_empty(request->move_to) && !removal->to)
        return error_code(refused, REJECT, "unknown_stage", "move_to names no other stage of the company");
    if (removal->stages < 2)
        return error_code(refused, REJECT, "conflict", "it is the pipeline's last stage");
    return stage_used_check(removal->to ? 0 : removal->leads, removal->models, "stage", refused);
}

/* -- its leads go */

static const struct statement stage_leads_move = {
    .name = "stage_leads_move",
    .sql =
        "with held as (select id from crm.leads where id = any(array(select id from crm.leads where stage_id = $1::uuid limit $5)) "
        "                  and stage_id = $1::uuid order by id for no key update) "
        "update crm.leads l set stage_id = $2::uuid, pipeline_id = $3::uuid, version = l.version + 1, updated_at = $4 "
        "from held where l.id = held.id returning l.id, l.merged_into is not null as gone",
};

static void note_moved(const struct removal *removal, const char *lead_id)
{
    struct payload payload = payload_start(removal->batch->arena);
    payload_text(&payload, "from", removal->stage->id);
    payload_text(&payload, "from_name", removal->stage->name);
    payload_text(&payload, "to", removal->to);
    payload_text(&payload, "to_name", removal->to_name);
    payload_text(&payload, "by", "operator");
    payload_text(&payload, "reason", "stage_deleted");
    event_note(removal->events, (struct event_note){ .type = "lead.stage_changed",
                                                     .company_id = removal->item->caller.company_id,
                                                     .lead_id = lead_id,
                                                     .payload = payload_end(&payload),
                                                     .actor = "operator",
                                                     .correlation_id = removal->item->caller.correlation_id });
}

/* Whoever became another is no lead any more: the row goes along, its story is over. */
static enum status leads_move(struct removal *removal, struct error *error)
{
    struct params *params = params_new(removal->batch->arena);
    struct rows rows;
    params_text(params, removal->stage->id);
    params_text(params, removal->to);
    params_text(params, removal->to_pipeline_id);
    params_moment(params, removal->batch->now);
    params_int(params, LEADS_AT_ONCE_MAX);
    TRY(db_run(removal->batch->db, removal->batch->arena, &stage_leads_move, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        if (!rows_bool(&rows, row, 1))
            note_moved(removal, rows_text(&rows, row, 0));
    PB_SET(removal->stage, leads_moved, (int32_t)rows.count);
    return OK;
}

/* -- and the stage itself */

static const struct statement stage_forget = {
    .name = "stage_forget",
    .sql = "update crm.stages set allowed_transitions = array_remove(allowed_transitions, $2::uuid), updated_at = $3 "
           "where company_id = $1::uuid and $2::uuid = any(allowed_transitions)",
};
static const struct statement stage_remove = {
    .name = "stage_remove",
    .sql = "delete from crm.stages where company_id = $1::uuid and id = $2::uuid",
};

static struct params *stage_params(const struct removal *removal)
{
    struct params *params = params_new(removal->batch->arena);
    params_text(params, removal->item->caller.company_id);
    params_text(params, removal->stage->id);
    return params;
}

static void remove_stage(struct removal *removal)
{
    const Pb__StageRemoved *stage = removal->stage;
    struct batch *batch = removal->batch;
    struct params *forget = stage_params(removal);
    params_moment(forget, batch->now);
    db_queue(batch->db, batch->arena, &stage_forget, forget, NULL);
    db_queue(batch->db, batch->arena, &stage_remove, stage_params(removal), NULL);
    struct payload payload = payload_start(batch->arena);
    payload_text(&payload, "stage_id", stage->id);
    payload_text(&payload, "pipeline_id", stage->pipeline_id);
    payload_text(&payload, "name", stage->name);
    payload_int(&payload, "position", stage->position);
    event_note(removal->events, (struct event_note){ .type = "stage.deleted",
                                                     .company_id = removal->item->caller.company_id,
                                                     .entity_type = "stage",
                                                     .entity_id = stage->id,
                                                     .payload = payload_end(&payload),
                                                     .actor = "operator",
                                                     .correlation_id = removal->item->caller.correlation_id });
}

static enum status delete_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__StageRemoveRequest *request = item->message;
    struct removal removal = { .batch = batch, .item = item, .events = events };
    struct error refused = { 0 };
    TRY(look(&removal, request, error));
    if (judge(&removal, request, &refused) != OK) {
        write_refuse(item, &refused);
        return OK;
    }
    assert(removal.stage);
    if (removal.leads)
        TRY(leads_move(&removal, error));
    bool removed = removal.leads < LEADS_AT_ONCE_MAX;
    PB_SET(removal.stage, removed, removed);
    if (removed)
        remove_stage(&removal);
    item->reply = &removal.stage->base;
    return OK;
}

static enum status delete_check(const struct item *item, struct error *error)
{
    const Pb__StageRemoveRequest *request = item->message;
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_pipeline_stage", "there is no such stage");
    if (!text_empty(request->move_to) && !ident_valid(request->move_to))
        return error_code(error, REJECT, "unknown_stage", "move_to names no other stage of the company");
    return OK;
}

void stage_delete(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ delete_check, delete_one });
}
