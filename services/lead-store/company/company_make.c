#include "base/ident.h"
#include "base/text.h"
#include "company.h"
#include "core/column.h"

static const struct statement company_make = {
    .name = "company_make",
    .sql =
        "insert into crm.companies (id, name, created_at, updated_at) "
        "select distinct on (u.id) u.id, u.name, $3, $3 from unnest($1::uuid[], $2::text[]) as u(id, name) order by u.id "
        "on conflict do nothing",
};

static const struct statement pipeline_make = {
    .name = "pipeline_make",
    .sql =
        "insert into crm.pipelines (id, company_id, name, is_default, created_at, updated_at) "
        "select distinct on (u.id) u.id, u.company_id, 'Default Pipeline', true, $3, $3 from unnest($1::uuid[], $2::uuid[]) as u(id, company_id) "
        "where not exists (select from crm.pipelines p where p.company_id = u.company_id) order by u.id on conflict do nothing",
};

/* The pipeline may be an older one without stages. */
static const struct statement stage_make = {
    .name = "stage_make",
    .sql =
        "insert into crm.stages (id, company_id, pipeline_id, name, position, created_at, updated_at) "
        "select distinct on (u.id) u.id, u.company_id, p.id, u.name, u.position, $5, $5 "
        "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) as u(id, company_id, name, position) "
        "join lateral (select id from crm.pipelines where company_id = u.company_id order by is_default desc, created_at limit 1) as p on true "
        "where not exists (select from crm.stages s where s.pipeline_id = p.id) order by u.id on conflict do nothing",
};

static const char *const stage_names[] = { "New", "Contacted", "Qualified", "Proposal", "Closed" };
enum { STAGES = sizeof stage_names / sizeof *stage_names };

const char *const *company_stage_names(size_t *count)
{
    *count = STAGES;
    return stage_names;
}

static enum status stages_make(struct batch *batch, const char *const *company_ids, size_t count, struct error *error)
{
    struct params *params = params_new(batch->arena);
    size_t stages = count * STAGES;
    COLUMN_TEXTS(params, stages, i,
                 ident_named(batch->arena, "stage", company_ids[i / STAGES], stage_names[i % STAGES], NULL));
    COLUMN_TEXTS(params, stages, i, company_ids[i / STAGES]);
    COLUMN_TEXTS(params, stages, i, stage_names[i % STAGES]);
    COLUMN_INTS(params, stages, i, (int64_t)(i % STAGES) + 1);
    params_moment(params, batch->now);
    return db_run(batch->db, batch->arena, &stage_make, params, NULL, error);
}

static const char *company_name(struct arena *arena, const char *company_id)
{
    if (text_same(company_id, ident_default_company(arena)))
        return "Default Company";
    return text_format(arena, "Company %.8s", company_id);
}

enum status company_ensure(struct batch *batch, const char *const *company_ids, size_t count, struct error *error)
{
    struct arena *arena = batch->arena;
    struct params *companies = params_new(arena), *pipelines = params_new(arena);
    params_texts(companies, company_ids, count);
    COLUMN_TEXTS(companies, count, i, company_name(arena, company_ids[i]));
    params_moment(companies, batch->now);
    TRY(db_run(batch->db, arena, &company_make, companies, NULL, error));
    COLUMN_TEXTS(pipelines, count, i, ident_named(arena, "pipeline", company_ids[i], NULL));
    params_texts(pipelines, company_ids, count);
    params_moment(pipelines, batch->now);
    TRY(db_run(batch->db, arena, &pipeline_make, pipelines, NULL, error));
    return stages_make(batch, company_ids, count, error);
}
