/* store.ai_model.list, .get, store.ai_prompt.list, .get */
#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/page.h"
#include "model.h"
#include "model_view.h"
#include "wire/pbrow.h"

static enum status unknown_model(struct error *error)
{
    return error_code(error, REJECT, "unknown_ai_model", "there is no such model");
}

/* -- models */

static const struct statement ai_models_read = {
    .name = "ai_models_read",
    .sql = "select " AI_MODEL_COLUMNS
           "from crm.ai_models m where m.company_id = $1 and ($2::uuid is null or m.stage_id = $2) "
           "order by m.stage_id nulls last, m.position limit $3",
};

static enum status models_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__AiModelListRequest *request = item->message;
    TRY(read_company(item, error));
    if (!text_empty(request->stage_id) && !ident_valid(request->stage_id))
        return error_code(error, REJECT, "bad_value", "stage_id must be a UUID");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text_if(params, request->stage_id);
    params_int(params, AI_MODELS_MAX);
    *step = (struct db_step){ .statement = &ai_models_read, .params = params };
    return OK;
}

static enum status models_tell(struct item *item, const struct rows *rows, struct error *error)
{
    (void)error;
    Pb__AiModelList *reply = PB_NEW(item->arena, ai_model_list);
    reply->n_items = pbrow_read_all(item->arena, &pb__ai_model__descriptor, rows, (void ***)&reply->items);
    item->reply = &reply->base;
    return OK;
}

void ai_model_list(struct batch *batch)
{
    read_run(batch, models_ask, models_tell);
}

static const struct statement ai_model_read = {
    .name = "ai_model_read",
    .sql = "select " AI_MODEL_COLUMNS "from crm.ai_models m where m.company_id = $1 and m.id = $2",
};

static enum status model_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__AiModelRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_model(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &ai_model_read, .params = params };
    return OK;
}

static enum status model_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_model(error);
    item->reply = pbrow_read(item->arena, &pb__ai_model__descriptor, rows, 0);
    return OK;
}

void ai_model_get(struct batch *batch)
{
    read_run(batch, model_ask, model_tell);
}

/* -- prompts; the row of an empty page says only whether there is, or was, such a model */

static const struct statement ai_prompts_read = {
    .name = "ai_prompts_read",
    .sql =
        "select p.version, p.model_id, p.system_prompt, p.created_at from crm.ai_prompts p "
        "where p.company_id = $1 and p.model_id = $2 and ($3 = 0 or p.version < $3) order by p.version desc limit $4",
};

static enum status prompts_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__AiPromptListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    if (!ident_valid(text_or(request->model_id, "")))
        return unknown_model(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->model_id);
    params_int(params, page.from.position);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &ai_prompts_read, .params = params };
    return OK;
}

/* Every model has a first prompt: an empty first page is no model's. */
static enum status prompts_tell(struct item *item, const struct rows *rows, struct error *error)
{
    const Pb__AiPromptListRequest *request = item->message;
    Pb__AiPromptList *reply = PB_NEW(item->arena, ai_prompt_list);
    const void *last;
    if (!rows->count && text_empty(request->cursor))
        return unknown_model(error);
    TRY(page_items(item, &reply->base, rows, rows->count, &last, error));
    if (last)
        reply->next_cursor =
            cursor_text(item->arena, &(struct cursor){ .position = ((const Pb__AiPrompt *)last)->version });
    return OK;
}

void ai_prompt_list(struct batch *batch)
{
    read_run(batch, prompts_ask, prompts_tell);
}

static const struct statement ai_prompt_read = {
    .name = "ai_prompt_read",
    .sql = "select p.version, p.model_id, p.system_prompt, p.created_at from crm.ai_prompts p "
           "where p.company_id = $1 and p.version = $2",
};

static enum status prompt_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__AiPromptRequest *request = item->message;
    TRY(read_company(item, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_int(params, request->version);
    *step = (struct db_step){ .statement = &ai_prompt_read, .params = params };
    return OK;
}

static enum status prompt_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_prompt", "the company has no prompt of that version");
    item->reply = pbrow_read(item->arena, &pb__ai_prompt__descriptor, rows, 0);
    return OK;
}

void ai_prompt_get(struct batch *batch)
{
    read_run(batch, prompt_ask, prompt_tell);
}
