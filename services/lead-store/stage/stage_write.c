/* store.stage.create, .patch: one after the other under their company's row, for a later one sees what an earlier one
 * left. */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "core/payload.h"
#include "core/write.h"
#include "llm/stage.h"
#include "stage.h"
#include "stage_view.h"

enum { STAGE_NAME_CHARACTERS_MAX = 64, POSITION_MAX = 1000, STAGES_MAX = 50 };

/* What a caller wants of a stage, made or changed. */
struct wish {
    const char *id, *pipeline_id, *name; /* NULL: not named */
    const Pb__Json *ai_config, *transitions;
    bool has_position, has_version;
    int32_t position;
    int64_t version;
};

static struct wish wish_to_create(const struct item *item)
{
    const Pb__StageCreateRequest *request = item->message;
    return (struct wish){ .id = request->id,
                          .pipeline_id = request->pipeline_id,
                          .name = request->name,
                          .ai_config = request->ai_config,
                          .transitions = request->allowed_transitions,
                          .has_position = request->has_position,
                          .position = request->position };
}

static struct wish wish_to_patch(const struct item *item)
{
    const Pb__StagePatchRequest *request = item->message;
    return (struct wish){ .id = text_or(request->id, "none"),
                          .name = request->name,
                          .ai_config = request->ai_config,
                          .transitions = request->allowed_transitions,
                          .has_position = request->has_position,
                          .position = request->position,
                          .has_version = request->has_if_version,
                          .version = request->if_version };
}

static bool transitions_fit(struct arena *arena, const Pb__Json *transitions)
{
    cJSON *list = NULL;
    const cJSON *id;
    const char *text = pb_json_text(transitions);
    if (text_same(text, "\"all\""))
        return true;
    if (json_parse(arena, text, strlen(text), &list, NULL) != OK || !cJSON_IsArray(list) ||
        cJSON_GetArraySize(list) > STAGES_MAX)
        return false;
    cJSON_ArrayForEach (id, list)
        if (!cJSON_IsString(id) || !ident_valid(id->valuestring))
            return false;
    return true;
}

static enum status wish_check(const struct item *item, const struct wish *wish, struct error *error)
{
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    if (wish->id && !ident_valid(wish->id))
        return error_code(error, REJECT, "unknown_pipeline_stage", "there is no such stage");
    if (wish->pipeline_id && !ident_valid(wish->pipeline_id))
        return error_code(error, REJECT, "unknown_pipeline", "there is no such pipeline");
    if (wish->name && (!*wish->name || text_characters(wish->name) > STAGE_NAME_CHARACTERS_MAX))
        return error_code(error, REJECT, "bad_value", "name must have 1 to %d characters", STAGE_NAME_CHARACTERS_MAX);
    if (wish->has_position && (wish->position < 1 || wish->position > POSITION_MAX))
        return error_code(error, REJECT, "bad_value", "position must be 1 to %d", POSITION_MAX);
    const char *wrong = wish->ai_config ? stage_policy_wrong(item->arena, pb_json_text(wish->ai_config)) : NULL;
    if (wrong)
        return error_code(error, REJECT, "bad_value", "%s", wrong);
    if (wish->transitions && !transitions_fit(item->arena, wish->transitions))
        return error_code(error, REJECT, "bad_value", "allowed_transitions must be a list of stages' ids, or \"all\"");
    return OK;
}

/* -- what is there */

/* The stage, if it is there; the pipeline that it is in or would be; who has the wanted name and place. */
static const struct statement stage_look = {
    .name = "stage_look",
    .sql =
        "select s.company_id as owner_id, s.version, p.id as pipeline_id, n.count, coalesce($4::integer, s.position, n.position_next) as position, "
        "    exists (select from crm.stages x where x.pipeline_id = p.id and x.id <> $2::uuid "
        "        and x.position = coalesce($4::integer, s.position, n.position_next)) as place_taken, "
        "    exists (select from crm.stages x where x.pipeline_id = p.id and x.id <> $2::uuid and x.name = $5) as name_taken, "
        "    not exists (select from jsonb_array_elements_text(case jsonb_typeof($6::jsonb) when 'array' then $6::jsonb else '[]' end) as e(id) "
        "        where not exists (select from crm.stages x where x.id = e.id::uuid and x.company_id = $1::uuid)) as transitions_known "
        "from (select 1) one left join crm.stages s on s.id = $2::uuid "
        "left join lateral (select id from crm.pipelines where company_id = $1::uuid "
        "    and id = coalesce(s.pipeline_id, $3::uuid, (select id from crm.pipelines where company_id = $1::uuid and is_default)) limit 1) p on true "
        "cross join lateral (select count(*) as count, coalesce(max(position) + 1, 1) as position_next from crm.stages where pipeline_id = p.id) n",
};

struct look {
    bool present, mine, place_taken, name_taken, transitions_known;
    const char *pipeline_id;
    int64_t version, count, position;
};

static const char *json_given(const Pb__Json *json)
{
    return json ? pb_json_text(json) : NULL;
}

static enum status look(struct batch *batch, const struct item *item, const char *id, const struct wish *wish,
                        struct look *out, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    params_text(params, wish->pipeline_id);
    params_int_if(params, wish->has_position, wish->position);
    params_text(params, wish->name);
    params_text(params, json_given(wish->transitions));
    TRY(db_run(batch->db, batch->arena, &stage_look, params, &rows, error));
    const char *owner = rows_text(&rows, 0, rows_column(&rows, "owner_id"));
    *out = (struct look){
        .present = owner != NULL,
        .mine = text_same(owner, text_lower(batch->arena, item->caller.company_id)),
        .place_taken = rows_bool(&rows, 0, rows_column(&rows, "place_taken")),
        .name_taken = rows_bool(&rows, 0, rows_column(&rows, "name_taken")),
        .transitions_known = rows_bool(&rows, 0, rows_column(&rows, "transitions_known")),
        .pipeline_id = rows_text(&rows, 0, rows_column(&rows, "pipeline_id")),
        .version = rows_int(&rows, 0, rows_column(&rows, "version")),
        .count = rows_int(&rows, 0, rows_column(&rows, "count")),
        .position = rows_int(&rows, 0, rows_column(&rows, "position")),
    };
    return OK;
}

static enum status place_check(const struct look *found, struct error *refused)
{
    if (found->place_taken)
        return error_code(refused, REJECT, "conflict", "another stage stands at position %lld",
                          (long long)found->position);
    if (found->name_taken)
        return error_code(refused, REJECT, "conflict", "another stage of the pipeline has that name");
    if (!found->transitions_known)
        return error_code(refused, REJECT, "unknown_stage", "allowed_transitions names a stage that isn't there");
    return OK;
}

static enum status current_check(const struct look *found, const struct wish *wish, struct error *refused)
{
    if (!found->mine)
        return error_code(refused, REJECT, "unknown_pipeline_stage", "there is no such stage");
    return write_version(wish->has_version, wish->version, found->version, "the stage", refused);
}

static const struct statement stage_show = {
    .name = "stage_show",
    .sql = "select " STAGE_COLUMNS "from crm.stages s where s.company_id = $1 and s.id = $2",
};

static enum status show(struct batch *batch, struct item *item, const char *id, struct error *error)
{
    return write_show(batch, item, &stage_show, &pb__stage__descriptor, id, error);
}

/* Of the stage as it is now, or was last. */
static void note(struct event_list *events, const struct item *item, const char *type)
{
    const Pb__Stage *stage = (const Pb__Stage *)item->reply;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "stage_id", stage->id);
    payload_text(&payload, "pipeline_id", stage->pipeline_id);
    payload_text(&payload, "name", stage->name);
    payload_int(&payload, "position", stage->position);
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = item->caller.company_id,
                                            .entity_type = "stage",
                                            .entity_id = stage->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

/* -- made and changed */

static const struct statement stage_save = {
    .name = "stage_save",
    .sql =
        "insert into crm.stages as s (id, company_id, pipeline_id, name, position, ai_config, allowed_transitions, created_at, updated_at) "
        "values ($1::uuid, $2::uuid, $3::uuid, coalesce($4, ''), $5::integer, coalesce($6::jsonb, '{}'), case jsonb_typeof($7::jsonb) when 'array' "
        "    then array(select jsonb_array_elements_text($7::jsonb)::uuid) end, $8, $8) "
        "on conflict (id) do update set name = coalesce($4, s.name), position = excluded.position, ai_config = coalesce($6::jsonb, s.ai_config), "
        "    allowed_transitions = case when $7::jsonb is null then s.allowed_transitions else excluded.allowed_transitions end, "
        "    version = s.version + 1, updated_at = $8 where s.company_id = $2::uuid",
};

static enum status save(struct batch *batch, struct item *item, const char *id, const struct wish *wish,
                        const struct look *found, struct error *error)
{
    struct params *params = params_new(batch->arena);
    params_text(params, id);
    params_text(params, item->caller.company_id);
    params_text(params, found->pipeline_id);
    params_text(params, wish->name);
    params_int(params, found->position);
    params_text(params, json_given(wish->ai_config));
    params_text(params, json_given(wish->transitions));
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &stage_save, params, NULL);
    return show(batch, item, id, error);
}

/* A known id gets the stage as it is: asking again is harmless. */
static enum status create_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const struct wish wish = wish_to_create(item);
    const char *id = text_empty(wish.id) ? ident_fresh(batch->arena) : text_lower(batch->arena, wish.id);
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, id, &wish, &found, error));
    if (found.mine)
        return show(batch, item, id, error);
    if (!found.pipeline_id)
        error_code(&refused, REJECT, "unknown_pipeline", "there is no such pipeline");
    else if (found.present || found.count >= STAGES_MAX)
        error_code(&refused, REJECT, "conflict", "a pipeline has at most %d stages", STAGES_MAX);
    else
        place_check(&found, &refused);
    if (*refused.code) {
        write_refuse(item, &refused);
        return OK;
    }
    TRY(save(batch, item, id, &wish, &found, error));
    note(events, item, "stage.created");
    return OK;
}

static enum status patch_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const struct wish wish = wish_to_patch(item);
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, wish.id, &wish, &found, error));
    if (current_check(&found, &wish, &refused) != OK || place_check(&found, &refused) != OK) {
        write_refuse(item, &refused);
        return OK;
    }
    if (!wish.name && !wish.has_position && !wish.ai_config && !wish.transitions)
        return show(batch, item, wish.id, error);
    TRY(save(batch, item, wish.id, &wish, &found, error));
    note(events, item, "stage.updated");
    return OK;
}

/* -- what can be told without looking, and the handlers */

static enum status create_check(const struct item *item, struct error *refused)
{
    const struct wish wish = wish_to_create(item);
    return wish_check(item, &wish, refused);
}

static enum status patch_check(const struct item *item, struct error *refused)
{
    const struct wish wish = wish_to_patch(item);
    return wish_check(item, &wish, refused);
}

void stage_create(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ create_check, create_one });
}

void stage_patch(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ patch_check, patch_one });
}
