/* What the kb.index job asks for: a document to be cut, its chunks to be stored, and at the end to be found. */
#include "index.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "core/read.h"
#include "core/transaction.h"
#include "document_view.h"
#include "knowledge.h"
#include "knowledge/terms.h"
#include "llm/embed.h"
#include "wire/pbrow.h"

/* -- store.knowledge.read */

static const struct statement index_read = {
    .name = "kb_index_read",
    .sql = "select d.id, d.title, d.text, d.format, d.locale as language, k.embedding, d.state <> 'ready' as current, "
           "       array(select c.id from crm.ai_kb_chunks c join crm.ai_kb_vectors v on v.chunk_id = c.id "
           "             where c.document_id = d.id and c.embedding = k.embedding) as chunk_ids "
           "from crm.ai_kb_docs d join crm.kb_companies k on k.company_id = d.company_id "
           "where d.company_id = $1 and d.id = $2 and d.revision = $3",
};

static enum status document_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__KnowledgeReadRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_document", "there is no such document");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    params_int(params, request->revision);
    *step = (struct db_step){ .statement = &index_read, .params = params };
    return OK;
}

static enum status document_tell(struct item *item, const struct rows *rows, struct error *error)
{
    (void)error;
    Pb__KnowledgeToIndex *reply = rows->count
                                      ? pbrow_read(item->arena, &pb__knowledge_to_index__descriptor, rows, 0)
                                      : PB_NEW(item->arena, knowledge_to_index); /* gone, or newer: not current */
    item->reply = &reply->base;
    return OK;
}

void knowledge_read(struct batch *batch)
{
    read_run(batch, document_ask, document_tell);
}

/* -- storing */

static const struct statement chunks_store = {
    .name = "kb_chunks_store",
    .sql =
        "with d as (select id, company_id, language from crm.ai_kb_docs where company_id = $1 and id = $2), "
        "stored as (insert into crm.ai_kb_chunks (id, company_id, document_id, title, heading, text, language, embedding, search, retired_at, created_at, updated_at) "
        "    select v.id, d.company_id, d.id, v.title, v.heading, v.text, d.language, v.embedding, "
        "           setweight(to_tsvector(d.language, v.title), 'A') || setweight(to_tsvector(d.language, v.heading), 'B') || to_tsvector(d.language, v.text) "
        "           || array_to_tsvector(string_to_array(v.pieces || '#' || d.company_id, ' ')), $11, $11, $11 "
        "    from d, unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) as v(id, title, heading, text, embedding, pieces) "
        "    on conflict (id) do nothing) "
        "insert into crm.ai_kb_vectors (chunk_id, company_id, embedding, sketch, vector) "
        "select v.id, d.company_id, v.embedding, v.sketch, decode(v.vector, 'hex') "
        "from d, unnest($3::uuid[], $7::text[], $9::bit(512)[], $10::text[]) as v(id, embedding, sketch, vector) on conflict (chunk_id) do nothing",
};

static bool chunk_is_whole(const Pb__KnowledgeChunk *chunk)
{
    return ident_valid(text_or(chunk->id, "")) && chunk->title && chunk->heading && !text_empty(chunk->text) &&
           chunk->embedding && chunk->has_vector && chunk->vector.len == EMBED_DIMENSIONS;
}

/* What PostgreSQL has no rules for, each followed by a blank. */
static const char *pieces_of(struct arena *arena, const Pb__KnowledgeChunk *chunk)
{
    const char *text = text_format(arena, "%s\n%s\n%s", chunk->title, chunk->heading, chunk->text);
    const char *pieces = terms_pieces(arena, text);
    return *pieces ? text_format(arena, "%s ", pieces) : "";
}

static const char *sketch_of(struct arena *arena, const Pb__KnowledgeChunk *chunk)
{
    char *signs = arena_alloc(arena, EMBED_DIMENSIONS + 1);
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        signs[i] = (int8_t)chunk->vector.data[i] > 0 ? '1' : '0';
    return signs;
}

enum status index_store(struct batch *batch, const char *company_id, const char *document_id,
                        Pb__KnowledgeChunk *const *chunks, size_t count, struct error *error)
{
    struct arena *arena = batch->arena;
    struct params *params = params_new(arena);
    for (size_t i = 0; i < count; i++)
        if (!chunk_is_whole(chunks[i]))
            return error_code(error, REJECT, "bad_value", "a chunk lacks a part of itself");
    params_text(params, company_id);
    params_text(params, document_id);
    COLUMN_TEXTS(params, count, i, chunks[i]->id);
    COLUMN_TEXTS(params, count, i, chunks[i]->title);
    COLUMN_TEXTS(params, count, i, chunks[i]->heading);
    COLUMN_TEXTS(params, count, i, chunks[i]->text);
    COLUMN_TEXTS(params, count, i, chunks[i]->embedding);
    COLUMN_TEXTS(params, count, i, pieces_of(arena, chunks[i]));
    COLUMN_TEXTS(params, count, i, sketch_of(arena, chunks[i]));
    COLUMN_TEXTS(params, count, i, text_hex(arena, chunks[i]->vector.data, EMBED_DIMENSIONS));
    params_moment(params, batch->now);
    return db_run(batch->db, arena, &chunks_store, params, NULL, error);
}

/* -- publishing */

/* Words are counted under the company's lock, so that no two wait for each other's. */
static const struct statement chunks_retire = {
    .name = "kb_chunks_retire",
    .sql =
        "with gone as (update crm.ai_kb_chunks set live = false, retired_at = $4, updated_at = $4 "
        "    where company_id = $1 and document_id = $2 and live and id <> all($3::uuid[]) returning id, search), "
        "counted as (insert into crm.ai_kb_terms as t (company_id, term, chunks) "
        "    select $1::uuid, u.lexeme, -count(*) from gone c cross join lateral unnest(c.search) u where u.lexeme not like '#%' group by u.lexeme "
        "    on conflict (company_id, term) do update set chunks = t.chunks + excluded.chunks), "
        "vectors as (delete from crm.ai_kb_vectors v using gone where v.chunk_id = gone.id), "
        "total as (update crm.kb_companies set chunk_count = chunk_count - (select count(*) from gone), updated_at = $4 where company_id = $1) "
        "select count(*) from gone",
};
static const struct statement chunks_publish = {
    .name = "kb_chunks_publish",
    .sql =
        "with v as (select id, position from unnest($3::uuid[]) with ordinality as v(id, position)), "
        "came as (update crm.ai_kb_chunks c set live = true, retired_at = null, position = v.position, updated_at = $4 from v "
        "    where c.company_id = $1 and c.document_id = $2 and c.id = v.id and not c.live returning c.id, c.search, c.language), "
        "moved as (update crm.ai_kb_chunks c set position = v.position, updated_at = $4 from v "
        "    where c.company_id = $1 and c.document_id = $2 and c.id = v.id and c.live and c.position <> v.position), "
        "counted as (insert into crm.ai_kb_terms as t (company_id, term, chunks) "
        "    select $1::uuid, u.lexeme, count(*) from came c cross join lateral unnest(c.search) u where u.lexeme not like '#%' group by u.lexeme "
        "    on conflict (company_id, term) do update set chunks = t.chunks + excluded.chunks), "
        "total as (update crm.kb_companies k set chunk_count = chunk_count + (select count(*) from came), updated_at = $4, "
        "    languages = (select array_agg(distinct l) from unnest(k.languages || array(select language from came)) l) "
        "    where company_id = $1 and exists (select from came)) "
        "select count(*) from came",
};
static const struct statement document_ready = {
    .name = "kb_document_ready",
    .sql =
        "update crm.ai_kb_docs d set state = 'ready', error = null, indexing_since = null, indexed_at = $4, chunk_count = $3 "
        "where d.company_id = $1 and d.id = $2 "
        "returning (select count(*) from crm.ai_kb_chunks c where c.document_id = d.id and c.live)",
};

enum status document_retire(struct batch *batch, const char *company_id, const char *document_id,
                            const char *const *kept, size_t kept_count, int64_t *count, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, company_id);
    params_text(params, document_id);
    params_texts(params, kept, kept_count);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &chunks_retire, params, &rows, error));
    *count = rows_int(&rows, 0, 0);
    return OK;
}

enum status index_publish(struct batch *batch, const char *company_id, const char *document_id,
                          const char *const *chunk_ids, size_t count, Pb__KnowledgeIndexed *out, struct error *error)
{
    struct params *published = params_new(batch->arena), *ready = params_new(batch->arena);
    struct rows rows;
    int64_t removed;
    TRY(document_retire(batch, company_id, document_id, chunk_ids, count, &removed, error));
    params_text(published, company_id);
    params_text(published, document_id);
    params_texts(published, chunk_ids, count);
    params_moment(published, batch->now);
    TRY(db_run(batch->db, batch->arena, &chunks_publish, published, &rows, error));
    PB_SET(out, current, true);
    PB_SET(out, removed, (int32_t)removed);
    PB_SET(out, added, (int32_t)rows_int(&rows, 0, 0));
    params_text(ready, company_id);
    params_text(ready, document_id);
    params_int(ready, (int64_t)count);
    params_moment(ready, batch->now);
    TRY(db_run(batch->db, batch->arena, &document_ready, ready, &rows, error));
    if (!rows.count || rows_int(&rows, 0, 0) != (int64_t)count)
        return error_code(error, RETRY, "chunks_missing", "a chunk that is named was not stored");
    return OK;
}

/* -- store.knowledge.index */

static const struct statement revision_hold = {
    .name = "kb_revision_hold",
    .sql = "select title from crm.ai_kb_docs where company_id = $1 and id = $2 and revision = $3 for no key update",
};
static const struct statement document_fail = {
    .name = "kb_document_fail",
    .sql =
        "update crm.ai_kb_docs set state = 'failed', error = $3, indexing_since = null where company_id = $1 and id = $2",
};

static enum status fail_document(struct batch *batch, struct item *item, const char *title, struct error *error)
{
    const Pb__KnowledgeIndexRequest *request = item->message;
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    params_text(params, text_cut(batch->arena, request->error, 500));
    TRY(db_run(batch->db, batch->arena, &document_fail, params, NULL, error));
    document_note(&events, "document.failed", item->caller.company_id, request->id, title, -1,
                  item->caller.correlation_id);
    event_flush(&events);
    return OK;
}

static enum status publish(struct batch *batch, struct item *item, const char *title, Pb__KnowledgeIndexed *reply,
                           struct error *error)
{
    const Pb__KnowledgeIndexRequest *request = item->message;
    const char *const *ids = (const char *const *)request->chunk_ids;
    struct event_list events = { .batch = batch };
    TRY(index_publish(batch, item->caller.company_id, request->id, ids, request->n_chunk_ids, reply, error));
    document_note(&events, "document.indexed", item->caller.company_id, request->id, title,
                  (int64_t)request->n_chunk_ids, item->caller.correlation_id);
    event_flush(&events);
    return OK;
}

static enum status index_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__KnowledgeIndexRequest *request = item->message;
    const char *company_id = item->caller.company_id;
    Pb__KnowledgeIndexed *reply = PB_NEW(item->arena, knowledge_indexed);
    struct params *params = params_new(batch->arena);
    struct rows rows;
    item->reply = &reply->base;
    params_text(params, company_id);
    params_text(params, request->id);
    params_int(params, request->revision);
    if (request->last)
        TRY(document_hold_company(batch, company_id, error));
    TRY(db_run(batch->db, batch->arena, &revision_hold, params, &rows, error));
    PB_SET(reply, current, rows.count > 0);
    if (!rows.count)
        return OK;
    if (!text_empty(request->error))
        return fail_document(batch, item, rows_text(&rows, 0, 0), error);
    if (request->n_chunks)
        TRY(index_store(batch, company_id, request->id, request->chunks, request->n_chunks, error));
    return request->last ? publish(batch, item, rows_text(&rows, 0, 0), reply, error) : OK;
}

static enum status index_all(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(index_one(batch, items[i], error));
    return OK;
}

void knowledge_index(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__KnowledgeIndexRequest *request = batch->items[i]->message;
        bool good = ident_valid(batch->items[i]->caller.company_id) && ident_valid(text_or(request->id, ""));
        for (size_t k = 0; k < request->n_chunk_ids && good; k++)
            good = ident_valid(request->chunk_ids[k]);
        if (!good)
            item_fail(batch->items[i], REJECT, "bad_value", "an id is none");
    }
    transaction_run(batch, index_all);
}
