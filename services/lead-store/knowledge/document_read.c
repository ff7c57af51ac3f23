/* Documents as REST shows them. */
#include "base/ident.h"
#include "base/text.h"
#include "core/page.h"
#include "document_view.h"
#include "knowledge.h"
#include "wire/pbrow.h"

/* -- store.knowledge.list */

static const struct statement documents_list = {
    .name = "kb_documents_list",
    .sql =
        "select " DOCUMENT_VIEW " from crm.ai_kb_docs d where d.company_id = $1 "
        "  and ($2::timestamptz is null or (d.created_at, d.id) < ($2::timestamptz, $3::uuid)) and ($4::text is null or d.state = $4) "
        "order by d.created_at desc, d.id desc limit $5",
};

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__KnowledgeListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    struct params *params = page_params(item, &page);
    params_text_if(params, request->state);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &documents_list, .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, knowledge_list), rows, rows->count, error);
}

void knowledge_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
}

/* -- store.knowledge.get */

static const struct statement document_get = {
    .name = "kb_document_get",
    .sql = "select " DOCUMENT_VIEW ", d.text from crm.ai_kb_docs d where d.company_id = $1 and d.id = $2",
};
static const struct statement document_chunks = {
    .name = "kb_document_chunks",
    .sql =
        "select id, position, heading, text, embedding from crm.ai_kb_chunks where company_id = $1 and document_id = $2 and live order by position",
};

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__KnowledgeGetRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_document", "there is no such document");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &document_get, .params = params };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_document", "there is no such document");
    Pb__KnowledgeDocument *document = pbrow_read(item->arena, &pb__knowledge_document__descriptor, rows, 0);
    item->reply = &document->base;
    return OK;
}

static enum status chunks_read(struct batch *batch, struct item *item, struct error *error)
{
    Pb__KnowledgeDocument *document = (Pb__KnowledgeDocument *)item->reply;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, document->id);
    TRY(db_run(batch->db, batch->arena, &document_chunks, params, &rows, error));
    document->n_chunks =
        pbrow_read_all(item->arena, &pb__knowledge_chunk__descriptor, &rows, (void ***)&document->chunks);
    return OK;
}

void knowledge_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        struct item *item = batch->items[i];
        if (item->status == OK && chunks_read(batch, item, &error) != OK)
            item_fail(item, RETRY, "unavailable", "%s", error.text);
    }
}
