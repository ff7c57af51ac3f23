/* How a company's material is used. */
#include "base/text.h"
#include "core/read.h"
#include "core/write.h"
#include "document_view.h"
#include "knowledge.h"
#include "llm/embed.h"
#include "search.h"
#include "wire/pbrow.h"

/* A company without a row has the defaults of one that is new. */
static const struct statement settings_read = {
    .name = "kb_settings_read",
    .sql =
        "select coalesce(k.embedding, 'local:1') as embedding, coalesce(k.when_missing, 'say') as when_missing, coalesce(k.chunk_count, 0) as chunks, "
        "       (select count(*) from crm.ai_kb_docs d where d.company_id = c.id) as documents "
        "from crm.companies c left join crm.kb_companies k on k.company_id = c.id where c.id = $1",
};

static enum status settings_ask(struct item *item, struct db_step *step, struct error *error)
{
    TRY(read_company(item, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    *step = (struct db_step){ .statement = &settings_read, .params = params };
    return OK;
}

static enum status settings_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_company", "there is no such company");
    Pb__KnowledgeSettings *settings = pbrow_read(item->arena, &pb__knowledge_settings__descriptor, rows, 0);
    settings->index = (char *)(search_pgvector ? "pgvector" : "sketch");
    item->reply = &settings->base;
    return OK;
}

void knowledge_settings_get(struct batch *batch)
{
    read_run(batch, settings_ask, settings_tell);
}

static const struct statement settings_save = {
    .name = "kb_settings_save",
    .sql =
        "update crm.kb_companies k set embedding = coalesce($2, k.embedding), when_missing = coalesce($3, k.when_missing), updated_at = $4 "
        "from crm.kb_companies old where k.company_id = $1 and old.company_id = $1 returning old.embedding <> k.embedding as changed",
};
/* Vectors of two models are never compared: all is indexed anew, by the sweep. Until then words find what they found.
 */
static const struct statement documents_again = {
    .name = "kb_documents_again",
    .sql =
        "update crm.ai_kb_docs set state = 'indexing', error = null, revision = revision + 1, indexing_since = to_timestamp(0) where company_id = $1",
};

static enum status patch_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__KnowledgeSettingsRequest *request = item->message;
    const char *company_id = item->caller.company_id;
    struct params *saved = params_new(batch->arena), *again = params_new(batch->arena);
    struct db_step read = { 0 };
    struct rows rows;
    TRY(document_hold_company(batch, company_id, error));
    params_text(saved, company_id);
    params_text(saved, request->embedding ? embed_model(batch->arena, request->embedding) : NULL);
    params_text(saved, request->when_missing);
    params_moment(saved, batch->now);
    TRY(db_run(batch->db, batch->arena, &settings_save, saved, &rows, error));
    params_text(again, company_id);
    if (rows_bool(&rows, 0, 0))
        TRY(db_run(batch->db, batch->arena, &documents_again, again, NULL, error));
    TRY(settings_ask(item, &read, error));
    TRY(db_run(batch->db, batch->arena, read.statement, read.params, &rows, error));
    return settings_tell(item, &rows, error);
}

static enum status patch_all(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(patch_one(batch, items[i], error));
    return OK;
}

static enum status patch_check(const struct item *item, struct error *error)
{
    const Pb__KnowledgeSettingsRequest *request = item->message;
    TRY(read_company(item, error));
    if (request->embedding && !embed_model(item->arena, request->embedding))
        return error_code(error, REJECT, "bad_value",
                          "embedding must be local, openai or gemini; a model of your own stands behind a colon");
    if (request->when_missing && !text_same(request->when_missing, "say") &&
        !text_same(request->when_missing, "hand_over"))
        return error_code(error, REJECT, "bad_value", "when_missing must be say or hand_over");
    return OK;
}

void knowledge_settings_patch(struct batch *batch)
{
    write_run(batch, patch_check, patch_all);
}
