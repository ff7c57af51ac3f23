/* store.pipeline.list, store.stage.get */
#include "base/ident.h"
#include "base/text.h"
#include "core/read.h"
#include "stage.h"
#include "stage_view.h"
#include "wire/pbrow.h"

enum { STAGES_SHOWN_MAX = 1000 };

static const struct statement pipelines_read = {
    .name = "pipelines_read",
    .sql = "select " STAGE_COLUMNS ", " PIPELINE_COLUMNS
           "from crm.pipelines p left join crm.stages s on s.pipeline_id = p.id where p.company_id = $1 "
           "  and ($3::boolean is null or p.archived = $3) "
           "order by p.is_default desc, p.created_at, p.id, s.position limit $2",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__PipelineListRequest *request = item->message;
    TRY(read_company(item, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_int(params, STAGES_SHOWN_MAX);
    if (request->has_archived)
        params_bool(params, request->archived);
    else
        params_null(params);
    *step = (struct db_step){ .statement = &pipelines_read, .params = params };
    return OK;
}

static Pb__Pipeline *pipeline_of(struct arena *arena, const struct rows *rows, size_t row)
{
    Pb__Pipeline *pipeline = PB_NEW(arena, pipeline);
    pipeline->id = (char *)rows_text(rows, row, rows_column(rows, "of_pipeline"));
    pipeline->name = (char *)rows_text(rows, row, rows_column(rows, "pipeline"));
    PB_SET(pipeline, is_default, rows_bool(rows, row, rows_column(rows, "is_default")));
    PB_SET(pipeline, archived, rows_bool(rows, row, rows_column(rows, "archived")));
    PB_SET(pipeline, version, rows_int(rows, row, rows_column(rows, "pipeline_version")));
    pipeline->stages = ARENA_ARRAY(arena, Pb__Stage *, rows->count);
    return pipeline;
}

Pb__PipelineList *pipelines_told(struct arena *arena, const struct rows *rows)
{
    Pb__PipelineList *reply = PB_NEW(arena, pipeline_list);
    reply->items = ARENA_ARRAY(arena, Pb__Pipeline *, rows->count + 1);
    int of_pipeline = rows_column(rows, "of_pipeline"), id = rows_column(rows, "id");
    for (size_t row = 0; row < rows->count; row++) {
        if (!reply->n_items || !text_same(reply->items[reply->n_items - 1]->id, rows_text(rows, row, of_pipeline)))
            reply->items[reply->n_items++] = pipeline_of(arena, rows, row);
        Pb__Pipeline *pipeline = reply->items[reply->n_items - 1];
        if (rows_text(rows, row, id))
            pipeline->stages[pipeline->n_stages++] = pbrow_read(arena, &pb__stage__descriptor, rows, row);
    }
    return reply;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    (void)error;
    item->reply = &pipelines_told(item->arena, rows)->base;
    return OK;
}

void pipeline_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

static const struct statement stage_read = {
    .name = "stage_read",
    .sql = "select " STAGE_COLUMNS "from crm.stages s where s.company_id = $1 and s.id = $2",
};

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__StageRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_pipeline_stage", "there is no such stage");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &stage_read, .params = params };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_pipeline_stage", "there is no such stage");
    item->reply = pbrow_read(item->arena, &pb__stage__descriptor, rows, 0);
    return OK;
}

void stage_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
}
