/*
 * pgvector, where PostgreSQL has it: a column and an index that follow from the rows, made at start.
 *
 * No migration knows of it, for it may be missing here and there tomorrow. Nothing else changes: a vector that is
 * stored is in the index.
 */
#include "base/text.h"
#include "core/config.h"
#include "knowledge.h"
#include "search.h"

static const struct statement vector_available = {
    .name = "kb_vector_available",
    .sql = "select exists (select from pg_available_extensions where name = 'vector')",
};

/*
 * Lock 1: two copies that start at once. kb_near asks the index for more as long as other companies' vectors are in the
 * way (pgvector 0.8); an older one refuses that setting, and all of it is undone.
 */
static const char SETUP[] =
    "select pg_advisory_xact_lock(8241, 1); "
    "create extension if not exists vector; "
    "create or replace function crm.kb_vector(bytes bytea) returns vector language sql immutable strict parallel safe as $f$ "
    "    select ('[' || string_agg((case when b > 127 then b - 256 else b end)::text, ',' order by i) || ']')::vector "
    "    from (select i, get_byte(bytes, i) as b from generate_series(0, length(bytes) - 1) i) x $f$; "
    "alter table crm.ai_kb_vectors add column if not exists near vector(512) generated always as (crm.kb_vector(vector)) stored; "
    "create index if not exists ai_kb_vectors_near on crm.ai_kb_vectors using hnsw (near vector_cosine_ops); "
    "create or replace function crm.kb_near(company uuid, model text, question text, most integer) returns setof uuid language sql stable "
    "    set hnsw.iterative_scan = strict_order set hnsw.ef_search = 200 as $f$ "
    "    select chunk_id from crm.ai_kb_vectors where company_id = company and embedding = model "
    "    order by near <=> question::vector limit most $f$;";

enum status knowledge_open(struct batch *batch, struct error *error)
{
    struct rows rows;
    struct error refused = { 0 };
    if (!config_pgvector)
        return OK;
    TRY(db_run(batch->db, batch->arena, &vector_available, NULL, &rows, error));
    if (!rows_bool(&rows, 0, 0))
        return OK;
    search_pgvector = db_script(batch->db, SETUP, &refused) == OK;
    if (!search_pgvector)
        log_line(LOG_WARN, "pgvector is not used", "error", refused.text, NULL);
    return OK;
}
