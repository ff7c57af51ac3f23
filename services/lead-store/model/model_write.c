/* store.ai_model.create, .patch, .delete: one after the other under their company's row, for a later one sees what an
 * earlier one left. */
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/payload.h"
#include "core/write.h"
#include "llm/llm.h"
#include "model.h"
#include "model_view.h"

enum { MODEL_BYTES_MAX = 128, PROMPT_BYTES_MAX = 64 * 1024, POSITION_MAX = 1000, TOKENS_MAX = 100000 };
static const double TEMPERATURE_MAX = 2;

/* What a caller wants of a model, made or changed. */
struct wish {
    const char *stage_id, *provider, *model, *system_prompt; /* NULL: not named */
    bool has_position, has_temperature, has_max_tokens;
    int32_t position, max_tokens;
    double temperature;
};
#define WISH_OF(request)                                                                                               \
    {                                                                                                                  \
        .stage_id = (request)->stage_id, .provider = (request)->provider, .model = (request)->model,                   \
        .system_prompt = (request)->system_prompt, .has_position = (request)->has_position,                            \
        .has_temperature = (request)->has_temperature, .has_max_tokens = (request)->has_max_tokens,                    \
        .position = (request)->position, .max_tokens = (request)->max_tokens, .temperature = (request)->temperature,   \
    }

static bool within(int32_t number, int32_t min, int32_t max)
{
    return number >= min && number <= max;
}

static enum status wish_check(const struct wish *wish, struct error *error)
{
    if (wish->stage_id && !ident_valid(wish->stage_id))
        return error_code(error, REJECT, "unknown_stage", "there is no such stage");
    if (wish->provider && !llm_provider(wish->provider))
        return error_code(error, REJECT, "bad_value", "provider must be openai, anthropic, gemini or local");
    if (wish->model && (!*wish->model || strlen(wish->model) > MODEL_BYTES_MAX))
        return error_code(error, REJECT, "bad_value", "model must have 1 to %d bytes", MODEL_BYTES_MAX);
    if (wish->has_position && !within(wish->position, 0, POSITION_MAX))
        return error_code(error, REJECT, "bad_value", "position must be 0 to %d", POSITION_MAX);
    if (wish->has_temperature && !(wish->temperature >= 0 && wish->temperature <= TEMPERATURE_MAX))
        return error_code(error, REJECT, "bad_value", "temperature must be 0 to 2");
    if (wish->has_max_tokens && !within(wish->max_tokens, 1, TOKENS_MAX))
        return error_code(error, REJECT, "bad_value", "max_tokens must be 1 to %d", TOKENS_MAX);
    if (wish->system_prompt && strlen(wish->system_prompt) > PROMPT_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "system_prompt has more than %d bytes", PROMPT_BYTES_MAX);
    return OK;
}

/* -- what is there */

/* The model of that id, if there is one; and for a model at that stage (the present one's where none is named) and
 * place (NULL: after the last). */
static const struct statement model_look = {
    .name = "ai_model_look",
    .sql =
        "select o.id as company_id, m.company_id as owner_id, m.version, m.system_prompt, w.id as stage_id, n.count, n.version_next, "
        "       coalesce($4::integer, m.position, p.position_next) as position, "
        "       exists (select from crm.ai_models x where x.company_id = $1 and x.id <> $2 and x.stage_id is not distinct from "
        "           coalesce($3::uuid, m.stage_id) and x.position = coalesce($4::integer, m.position, p.position_next)) as taken "
        "from (select $1::uuid as id) k left join crm.companies o on o.id = k.id "
        "left join crm.ai_models m on m.id = $2 left join crm.stages w on w.id = $3::uuid and w.company_id = $1 "
        "cross join (select count(*) as count, greatest(coalesce(max(prompt_version), 0), "
        "    (select coalesce(max(version), 0) from crm.ai_prompts where company_id = $1)) + 1 as version_next "
        "    from crm.ai_models where company_id = $1) n "
        "cross join (select coalesce(max(position) + 1, 0) as position_next from crm.ai_models "
        "    where company_id = $1 and stage_id is not distinct from $3::uuid) p",
};
struct look {
    bool company, present, mine, stage, taken;
    int64_t version, count, version_next, position;
    const char *system_prompt;
};

static enum status look(struct batch *batch, const struct item *item, const char *id, const struct wish *wish,
                        struct look *out, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    params_text(params, wish->stage_id);
    params_int_if(params, wish->has_position, wish->position);
    TRY(db_run(batch->db, batch->arena, &model_look, params, &rows, error));
    const char *owner = rows_text(&rows, 0, rows_column(&rows, "owner_id"));
    *out = (struct look){
        .company = rows_text(&rows, 0, rows_column(&rows, "company_id")) != NULL,
        .present = owner != NULL,
        .mine = text_same(owner, text_lower(batch->arena, item->caller.company_id)),
        .stage = rows_text(&rows, 0, rows_column(&rows, "stage_id")) != NULL,
        .taken = rows_bool(&rows, 0, rows_column(&rows, "taken")),
        .version = rows_int(&rows, 0, rows_column(&rows, "version")),
        .count = rows_int(&rows, 0, rows_column(&rows, "count")),
        .version_next = rows_int(&rows, 0, rows_column(&rows, "version_next")),
        .position = rows_int(&rows, 0, rows_column(&rows, "position")),
        .system_prompt = rows_text(&rows, 0, rows_column(&rows, "system_prompt")),
    };
    return OK;
}

/* What both writers refuse. */
static enum status place_check(const struct wish *wish, const struct look *found, struct error *refused)
{
    if (wish->stage_id && !found->stage)
        return error_code(refused, REJECT, "unknown_stage", "there is no such stage");
    if (found->taken)
        return error_code(refused, REJECT, "conflict", "another model stands at position %lld of that stage",
                          (long long)found->position);
    return OK;
}

static const struct statement prompt_keep = {
    .name = "ai_prompt_keep",
    .sql = "insert into crm.ai_prompts (company_id, version, model_id, system_prompt, created_at) "
           "values ($1::uuid, $2::integer, $3::uuid, $4, $5)",
};

static void keep_prompt(struct batch *batch, const struct item *item, const char *id, int64_t version, const char *text)
{
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_int(params, version);
    params_text(params, id);
    params_text(params, text);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &prompt_keep, params, NULL);
}

static const struct statement model_show = {
    .name = "ai_model_show",
    .sql = "select " AI_MODEL_COLUMNS "from crm.ai_models m where m.company_id = $1 and m.id = $2",
};

static enum status show(struct batch *batch, struct item *item, const char *id, struct error *error)
{
    return write_show(batch, item, &model_show, &pb__ai_model__descriptor, id, error);
}

/* Of the model as it is now, or was last. */
static void note(struct event_list *events, const struct item *item, const char *type)
{
    const Pb__AiModel *model = (const Pb__AiModel *)item->reply;
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "model_id", model->id);
    payload_text(&payload, "stage_id", model->stage_id);
    payload_int(&payload, "position", model->position);
    payload_text(&payload, "provider", model->provider);
    payload_text(&payload, "model", model->model);
    payload_int(&payload, "prompt_version", model->prompt_version);
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = item->caller.company_id,
                                            .entity_type = "ai_model",
                                            .entity_id = model->id,
                                            .payload = payload_end(&payload),
                                            .actor = "operator",
                                            .correlation_id = item->caller.correlation_id });
}

/* -- create */

static const struct statement model_insert = {
    .name = "ai_model_insert",
    .sql =
        "insert into crm.ai_models (id, company_id, stage_id, position, provider, model, temperature, max_tokens, system_prompt, "
        "    prompt_version, created_at, updated_at) "
        "values ($1::uuid, $2::uuid, $3::uuid, $4::integer, $5, $6, $7, $8::integer, $9, $10::integer, $11, $11)",
};
static const double TEMPERATURE = 0.7;
enum { TOKENS = 500 };

static void insert(struct batch *batch, const struct item *item, const char *id, const struct wish *wish,
                   const struct look *found)
{
    struct params *params = params_new(batch->arena);
    params_text(params, id);
    params_text(params, item->caller.company_id);
    params_text(params, wish->stage_id);
    params_int(params, found->position);
    params_text(params, wish->provider);
    params_text(params, wish->model);
    params_double(params, wish->has_temperature ? wish->temperature : TEMPERATURE);
    params_int(params, wish->has_max_tokens ? wish->max_tokens : TOKENS);
    params_text(params, text_or(wish->system_prompt, ""));
    params_int(params, found->version_next);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &model_insert, params, NULL);
    keep_prompt(batch, item, id, found->version_next, text_or(wish->system_prompt, ""));
}

static enum status may_create(const struct wish *wish, const struct look *found, struct error *refused)
{
    if (!found->company)
        return error_code(refused, REJECT, "unknown_company", "there is no such company");
    if (found->present)
        return error_code(refused, REJECT, "conflict", "the id is another company's");
    if (found->count >= AI_MODELS_MAX)
        return error_code(refused, REJECT, "conflict", "a company has at most %d models", AI_MODELS_MAX);
    return place_check(wish, found, refused);
}

/* A known id gets the model as it is: asking again is harmless. */
static enum status create_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__AiModelCreateRequest *request = item->message;
    const struct wish wish = WISH_OF(request);
    const char *id = text_empty(request->id) ? ident_fresh(batch->arena) : text_lower(batch->arena, request->id);
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, id, &wish, &found, error));
    if (found.mine)
        return show(batch, item, id, error);
    if (may_create(&wish, &found, &refused) != OK) {
        write_refuse(item, &refused);
        return OK;
    }
    insert(batch, item, id, &wish, &found);
    TRY(show(batch, item, id, error));
    note(events, item, "ai_model.created");
    return OK;
}

/* -- patch */

static const struct statement model_save = {
    .name = "ai_model_save",
    .sql =
        "update crm.ai_models m set stage_id = coalesce($3::uuid, m.stage_id), position = coalesce($4::integer, m.position), "
        "    provider = coalesce($5, m.provider), model = coalesce($6, m.model), temperature = coalesce($7::double precision, m.temperature), "
        "    max_tokens = coalesce($8::integer, m.max_tokens), system_prompt = coalesce($9, m.system_prompt), "
        "    prompt_version = coalesce($10::integer, m.prompt_version), version = m.version + 1, updated_at = $11 "
        "where m.id = $1 and m.company_id = $2",
};

static void save(struct batch *batch, const struct item *item, const struct wish *wish, const struct look *found)
{
    const Pb__AiModelPatchRequest *request = item->message;
    bool prompt_changed = wish->system_prompt && !text_same(wish->system_prompt, found->system_prompt);
    struct params *params = params_new(batch->arena);
    params_text(params, request->id);
    params_text(params, item->caller.company_id);
    params_text(params, wish->stage_id);
    params_int_if(params, wish->has_position, wish->position);
    params_text(params, wish->provider);
    params_text(params, wish->model);
    if (wish->has_temperature)
        params_double(params, wish->temperature);
    else
        params_null(params);
    params_int_if(params, wish->has_max_tokens, wish->max_tokens);
    params_text(params, wish->system_prompt);
    params_int_if(params, prompt_changed, found->version_next);
    params_moment(params, batch->now);
    db_queue(batch->db, batch->arena, &model_save, params, NULL);
    if (prompt_changed)
        keep_prompt(batch, item, request->id, found->version_next, wish->system_prompt);
}

static enum status is_current(const struct look *found, bool has_version, int64_t version, struct error *refused)
{
    if (!found->mine)
        return error_code(refused, REJECT, "unknown_ai_model", "there is no such model");
    return write_version(has_version, version, found->version, "the model", refused);
}

static bool changes_nothing(const struct wish *wish)
{
    return !wish->stage_id && !wish->has_position && !wish->provider && !wish->model && !wish->has_temperature &&
           !wish->has_max_tokens && !wish->system_prompt;
}

static enum status patch_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__AiModelPatchRequest *request = item->message;
    const struct wish wish = WISH_OF(request);
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, request->id, &wish, &found, error));
    if (is_current(&found, request->has_if_version, request->if_version, &refused) != OK ||
        place_check(&wish, &found, &refused) != OK) {
        write_refuse(item, &refused);
        return OK;
    }
    if (changes_nothing(&wish))
        return show(batch, item, request->id, error);
    save(batch, item, &wish, &found);
    TRY(show(batch, item, request->id, error));
    note(events, item, "ai_model.updated");
    return OK;
}

/* -- delete */

static const struct statement model_delete = {
    .name = "ai_model_delete",
    .sql = "delete from crm.ai_models where id = $1 and company_id = $2",
};

static enum status delete_one(struct batch *batch, struct item *item, struct event_list *events, struct error *error)
{
    const Pb__AiModelRequest *request = item->message;
    const struct wish none = { 0 };
    struct error refused = { 0 };
    struct look found;
    TRY(look(batch, item, request->id, &none, &found, error));
    if (is_current(&found, request->has_if_version, request->if_version, &refused) != OK) {
        write_refuse(item, &refused);
        return OK;
    }
    TRY(show(batch, item, request->id, error));
    struct params *params = params_new(batch->arena);
    params_text(params, request->id);
    params_text(params, item->caller.company_id);
    db_queue(batch->db, batch->arena, &model_delete, params, NULL);
    note(events, item, "ai_model.deleted");
    return OK;
}

/* -- what can be told without looking, and the three handlers */

static enum status caller_check(const struct item *item, const char *id, struct error *refused)
{
    if (!ident_valid(item->caller.company_id))
        return error_code(refused, REJECT, "unknown_company", "there is no such company");
    if (id && !ident_valid(id))
        return error_code(refused, REJECT, "unknown_ai_model", "there is no such model");
    return OK;
}

static enum status create_check(const struct item *item, struct error *refused)
{
    const Pb__AiModelCreateRequest *request = item->message;
    const struct wish wish = WISH_OF(request);
    TRY(caller_check(item, request->id, refused));
    TRY(wish_check(&wish, refused));
    if (!wish.provider || !wish.model)
        return error_code(refused, REJECT, "missing_field", "provider and model are needed");
    return OK;
}

static enum status patch_check(const struct item *item, struct error *refused)
{
    const Pb__AiModelPatchRequest *request = item->message;
    const struct wish wish = WISH_OF(request);
    TRY(caller_check(item, text_or(request->id, "none"), refused));
    return wish_check(&wish, refused);
}

static enum status delete_check(const struct item *item, struct error *refused)
{
    const Pb__AiModelRequest *request = item->message;
    return caller_check(item, text_or(request->id, "none"), refused);
}

void ai_model_create(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ create_check, create_one });
}

void ai_model_patch(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ patch_check, patch_one });
}

void ai_model_delete(struct batch *batch)
{
    write_in_turn(batch, &(const struct writer){ delete_check, delete_one });
}
