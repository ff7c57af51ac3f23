/* store.pipeline.get, .create, .patch, .delete: one after the other under their company's row, as stages are written.
 */
#include "base/ident.h"
#include "base/text.h"
#include "company/company.h"
#include "core/column.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/write.h"
#include "stage.h"
#include "stage_view.h"

enum { PIPELINE_NAME_CHARACTERS_MAX = 64, PIPELINES_MAX = 50, STAGES_MAX = 50, LEADS_COUNTED_MAX = 1000 };

static enum status unknown(struct error *error)
{
    return error_code(error, REJECT, "unknown_pipeline", "there is no such pipeline");
}

/* -- what is there */

static const struct statement pipeline_read = {
    .name = "pipeline_read",
    .sql = "select " STAGE_COLUMNS ", " PIPELINE_COLUMNS
           "from crm.pipelines p left join crm.stages s on s.pipeline_id = p.id where p.company_id = $1 and p.id = $2 "
           "order by s.position",
};

static struct params *one_params(const struct item *item, const char *id)
{
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, id);
    return params;
}

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__PipelineRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown(error);
    *step = (struct db_step){ .statement = &pipeline_read, .params = one_params(item, request->id) };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown(error);
    item->reply = &pipelines_told(item->arena, rows)->items[0]->base;
    return OK;
}

void pipeline_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
}

static enum status show(struct batch *batch, struct item *item, const char *id, struct error *error)
{
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &pipeline_read, one_params(item, id), &rows, error));
    return get_tell(item, &rows, error);
}

/* Whether it is there and whose; who has its name; how many there are. */
static const struct statement pipeline_look = {
    .name = "pipeline_look",
    .sql =
        "select p.company_id as owner_id, p.version, coalesce(p.is_default, false) as is_default, "
        "    exists (select from crm.pipelines x where x.company_id = $1::uuid and x.name = $3 and x.id <> $2::uuid) as name_taken, "
        "    (select count(*) from crm.pipelines x where x.company_id = $1::uuid) as count "
        "from (select 1) one left join crm.pipelines p on p.id = $2::uuid",
};

struct look {
    bool present, mine, is_default, name_taken;
    int64_t version, count;
};

static enum status look(struct batch *batch, const struct item *item, const char *id, const char *name,
                        struct look *out, struct error *error)
{
    struct params *params = one_params(item, id);
    struct rows rows;
    params_text(params, name);
    TRY(db_run(batch->db, batch->arena, &pipeline_look, params, &rows, error));
    const char *owner = rows_text(&rows, 0, rows_column(&rows, "owner_id"));
    *out = (struct look){
        .present = owner != NULL,
        .mine = text_same(owner, text_lower(batch->arena, item->caller.company_id)),
        .is_default = rows_bool(&rows, 0, rows_column(&rows, "is_default")),
        .name_taken = rows_bool(&rows, 0, rows_column(&rows, "name_taken")),
        .version = rows_int(&rows, 0, rows_column(&rows, "version")),
        .count = rows_int(&rows, 0, rows_column(&rows, "count")),
    };
    return OK;
}

static enum status current_check(const struct look *found, bool has_version, int64_t version, struct error *refused)
{
    if (!found->mine)
        return unknown(refused);
    return write_version(has_version, version, found->version, "the pipeline", refused);
}

static enum status name_check(const struct look *found, struct error *refused)
{
    if (found->name_taken)
        return error_code(refused, REJECT, "conflict", "another pipeline has that name");
    return OK;
}

static void note(struct event_list *events, const struct item *item, const char *type)
{
    const Pb__Pipeline *pipeline = (const Pb__Pipeline *)item->reply;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "pipeline_id", pipeline->id);
    payload_text(&payload, "name", pipeline->name);
    payload_bool(&payload, "is_default", pipeline->is_default);
    payload_bool(&payload, "archived", pipeline->archived);
    payload_int(&payload, "stages", (int64_t)pipeline->n_stages);
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = item->caller.company_id,
                                            .entity_type = "pipeline",
                                            .entity_id = pipeline->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

static enum status refuse(struct item *item, const struct error *refused)
{
    write_refuse(item, refused);
    return OK;
}

/* -- writing */

static const struct statement pipeline_make = {
    .name = "pipeline_add",
    .sql =
        "insert into crm.pipelines (id, company_id, name, is_default, created_at, updated_at) values ($2::uuid, $1::uuid, $3, false, $4, $4)",
};
static const struct statement pipeline_stages_make = {
    .name = "pipeline_add_stages",
    .sql =
        "insert into crm.stages (id, company_id, pipeline_id, name, position, created_at, updated_at) "
        "select u.id, $1::uuid, $2::uuid, u.name, u.n, $5, $5 from unnest($3::uuid[], $4::text[]) with ordinality as u(id, name, n)",
};
/* There is one default: the old one makes room before. */
static const struct statement pipeline_yield = {
    .name = "pipeline_yield",
    .sql = "update crm.pipelines set is_default = false, version = version + 1, updated_at = $3 "
           "where company_id = $1::uuid and is_default and id <> $2::uuid",
};
static const struct statement pipeline_save = {
    .name = "pipeline_save",
    .sql = "update crm.pipelines set name = coalesce($3, name), is_default = is_default or $4::boolean, "
           "    archived = coalesce($5::boolean, archived), version = version + 1, updated_at = $6 "
           "where company_id = $1::uuid and id = $2::uuid",
};

static void default_set(struct batch *batch, const struct item *item, const char *id)
{
    struct params *params = one_params(item, id);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &pipeline_yield, params, NULL);
}

static void save(struct batch *batch, const struct item *item, const char *id, const char *name, bool is_default,
                 const bool *archived)
{
    struct params *params = one_params(item, id);
    if (is_default)
        default_set(batch, item, id);
    params_text(params, name);
    params_bool(params, is_default);
    if (archived)
        params_bool(params, *archived);
    else
        params_null(params);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &pipeline_save, params, NULL);
}

static void make(struct batch *batch, const struct item *item, const char *id)
{
    const Pb__PipelineCreateRequest *request = item->message;
    const char *const *names = (const char *const *)request->stages;
    size_t count = request->n_stages;
    if (!count)
        names = company_stage_names(&count);
    struct params *params = one_params(item, id), *stages = one_params(item, id);
    params_text(params, request->name);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &pipeline_make, params, NULL);
    COLUMN_TEXTS(stages, count, i, ident_named(batch->arena, "stage", id, names[i], NULL));
    params_texts(stages, names, count);
    params_moment(stages, batch->now);
    db_queue(batch->db, batch->arena, &pipeline_stages_make, stages, NULL);
    if (request->is_default)
        save(batch, item, id, NULL, true, NULL);
}

/* A known id gets the pipeline as it is: asking again is harmless. */
static enum status create_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__PipelineCreateRequest *request = item->message;
    const char *id = text_empty(request->id) ? ident_fresh(batch->arena) : text_lower(batch->arena, request->id);
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, id, request->name, &found, error));
    if (found.mine)
        return show(batch, item, id, error);
    if (found.present || found.count >= PIPELINES_MAX)
        error_code(&refused, REJECT, "conflict", "a company has at most %d pipelines", PIPELINES_MAX);
    else
        name_check(&found, &refused);
    if (*refused.code)
        return refuse(item, &refused);
    make(batch, item, id);
    TRY(show(batch, item, id, error));
    note(events, item, "pipeline.created");
    return OK;
}

static enum status patch_check(const Pb__PipelinePatchRequest *request, const struct look *found, struct error *refused)
{
    bool archives = request->has_archived && request->archived;
    TRY(current_check(found, request->has_if_version, request->if_version, refused));
    TRY(name_check(found, refused));
    if (request->has_is_default && !request->is_default && found->is_default)
        return error_code(refused, REJECT, "conflict", "new leads need a default pipeline: make another one it");
    if (archives && (found->is_default || request->is_default))
        return error_code(refused, REJECT, "conflict", "the default pipeline is not archived: make another one it");
    return OK;
}

static enum status patch_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__PipelinePatchRequest *request = item->message;
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, request->id, request->name, &found, error));
    if (patch_check(request, &found, &refused) != OK)
        return refuse(item, &refused);
    if (!request->name && !request->has_is_default && !request->has_archived)
        return show(batch, item, request->id, error);
    bool archived = request->archived && !request->is_default; /* new leads enter no archived one */
    save(batch, item, request->id, request->name, request->is_default,
         request->has_archived || request->is_default ? &archived : NULL);
    TRY(show(batch, item, request->id, error));
    note(events, item, "pipeline.updated");
    return OK;
}

static const struct statement pipeline_used = {
    .name = "pipeline_used",
    .sql =
        "select (select count(*) from (select from crm.stages s cross join lateral (select from crm.leads where stage_id = s.id limit $3) l "
        "            where s.pipeline_id = $2::uuid limit $3) n) as leads, "
        "    (select count(*) from crm.ai_models m join crm.stages s on s.id = m.stage_id where s.pipeline_id = $2::uuid and m.company_id = $1::uuid) as models",
};
static const struct statement pipeline_forget = {
    .name = "pipeline_forget",
    .sql =
        "update crm.stages t set allowed_transitions = array(select e from unnest(t.allowed_transitions) e "
        "        where e not in (select id from crm.stages where pipeline_id = $2::uuid)), updated_at = $3 "
        "where t.company_id = $1::uuid and t.allowed_transitions && array(select id from crm.stages where pipeline_id = $2::uuid)",
};
static const struct statement pipeline_remove_stages = {
    .name = "pipeline_remove_stages",
    .sql = "delete from crm.stages where company_id = $1::uuid and pipeline_id = $2::uuid",
};
static const struct statement pipeline_remove = {
    .name = "pipeline_remove",
    .sql = "delete from crm.pipelines where company_id = $1::uuid and id = $2::uuid",
};

static void remove_all(struct batch *batch, const struct item *item, const char *id)
{
    struct params *forget = one_params(item, id);
    params_moment(forget, batch->now);
    db_queue(batch->db, batch->arena, &pipeline_forget, forget, NULL);
    db_queue(batch->db, batch->arena, &pipeline_remove_stages, one_params(item, id), NULL);
    db_queue(batch->db, batch->arena, &pipeline_remove, one_params(item, id), NULL);
}

static enum status unused_check(struct batch *batch, const struct item *item, const char *id, struct error *refused,
                                struct error *error)
{
    struct params *params = one_params(item, id);
    struct rows used;
    params_int(params, LEADS_COUNTED_MAX);
    TRY(db_run(batch->db, batch->arena, &pipeline_used, params, &used, error));
    stage_used_check(rows_int(&used, 0, 0), rows_int(&used, 0, 1), "pipeline", refused);
    return OK;
}

static enum status delete_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__PipelineRequest *request = item->message;
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, request->id, NULL, &found, error));
    if (current_check(&found, request->has_if_version, request->if_version, &refused) == OK && found.is_default)
        error_code(&refused, REJECT, "conflict", "the default pipeline stays: make another one it");
    if (!*refused.code)
        TRY(unused_check(batch, item, request->id, &refused, error));
    if (*refused.code)
        return refuse(item, &refused);
    TRY(show(batch, item, request->id, error));
    remove_all(batch, item, request->id);
    note(events, item, "pipeline.deleted");
    return OK;
}

/* -- the handlers */

static bool names_fit(char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_empty(names[i]) || text_characters(names[i]) > PIPELINE_NAME_CHARACTERS_MAX)
            return false;
        for (size_t other = 0; other < i; other++)
            if (text_same(names[i], names[other]))
                return false;
    }
    return count <= STAGES_MAX;
}

static enum status check(const struct item *item, const char *id, const char *name, struct error *error)
{
    if (!ident_valid(item->caller.company_id))
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    if (id && !ident_valid(id))
        return unknown(error);
    if (name && !names_fit((char *const *)&name, 1))
        return error_code(error, REJECT, "bad_value", "name must have 1 to %d characters",
                          PIPELINE_NAME_CHARACTERS_MAX);
    return OK;
}

static enum status create_check(const struct item *item, struct error *error)
{
    const Pb__PipelineCreateRequest *request = item->message;
    TRY(check(item, request->id, text_or(request->name, ""), error));
    if (!names_fit(request->stages, request->n_stages))
        return error_code(error, REJECT, "bad_value", "stages are at most %d different names of 1 to %d characters",
                          STAGES_MAX, PIPELINE_NAME_CHARACTERS_MAX);
    return OK;
}
static enum status patch_input_check(const struct item *item, struct error *error)
{
    const Pb__PipelinePatchRequest *request = item->message;
    return check(item, text_or(request->id, ""), request->name, error);
}
static enum status delete_check(const struct item *item, struct error *error)
{
    const Pb__PipelineRequest *request = item->message;
    return check(item, text_or(request->id, ""), NULL, error);
}

void pipeline_create(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ create_check, create_one });
}

void pipeline_patch(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ patch_input_check, patch_one });
}

void pipeline_delete(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ delete_check, delete_one });
}
