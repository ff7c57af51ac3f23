/* Saving and deleting documents. */
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/column.h"
#include "core/payload.h"
#include "core/read.h"
#include "core/write.h"
#include "document_view.h"
#include "knowledge.h"
#include "knowledge/document.h"
#include "knowledge/terms.h"
#include "language/language.h"
#include "wire/pbrow.h"

enum { IN_FLIGHT_MAX = 2 }; /* documents of one company that are indexed at a time */

static enum status unknown_document(struct error *error)
{
    return error_code(error, REJECT, "unknown_document", "there is no such document");
}

Pb__JobSpec *document_job(struct arena *arena, const char *company_id, const char *document_id, int64_t revision,
                          const struct caller *caller)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = arena_text(arena, company_id);
    job->task = arena_text(arena, WORK_KB_INDEX.task);
    job->idempotency_key = text_format(arena, "kb_index_%s_%lld", document_id, (long long)revision);
    job->id = ident_named(arena, "job", company_id, job->idempotency_key, NULL);
    job->params = pb_json(
        arena, text_format(arena, "{\"document_id\":\"%s\",\"revision\":%lld}", document_id, (long long)revision));
    job->lanes = ARENA_ARRAY(arena, Pb__Lane *, 1);
    job->lanes[0] = PB_NEW(arena, lane);
    job->lanes[0]->name = arena_text(arena, "kb.index");
    PB_SET(job->lanes[0], in_flight_max, IN_FLIGHT_MAX);
    job->n_lanes = 1;
    if (caller && !text_empty(caller->correlation_id))
        job->correlation_id = arena_text(arena, caller->correlation_id);
    if (caller && !text_empty(caller->traceparent))
        job->traceparent = arena_text(arena, caller->traceparent);
    return job;
}

static const struct statement company_make_sure = {
    .name = "kb_company_make",
    .sql =
        "insert into crm.kb_companies (company_id, created_at, updated_at) select id, $2, $2 from crm.companies where id = $1 on conflict do nothing",
};
static const struct statement company_lock = {
    .name = "kb_company_lock",
    .sql = "select from crm.kb_companies where company_id = $1 for no key update",
};

enum status document_hold_company(struct batch *batch, const char *company_id, struct error *error)
{
    struct params *made = params_new(batch->arena), *locked = params_new(batch->arena);
    struct rows rows;
    params_text(made, company_id);
    params_moment(made, batch->now);
    params_text(locked, company_id);
    db_queue(batch->db, batch->arena, &company_make_sure, made, NULL);
    TRY(db_run(batch->db, batch->arena, &company_lock, locked, &rows, error));
    return rows.count ? OK : error_code(error, REJECT, "unknown_company", "there is no such company");
}

void document_note(struct event_list *events, const char *type, const char *company_id, const char *document_id,
                   const char *title, int64_t chunks, const char *correlation_id)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "document_id", document_id);
    payload_text(&payload, "title", title);
    if (chunks >= 0)
        payload_int(&payload, "chunks", chunks);
    event_note(events, (struct event_note){ .type = type,
                                            .company_id = company_id,
                                            .entity_type = "document",
                                            .entity_id = document_id,
                                            .payload = payload_end(&payload),
                                            .actor = "system",
                                            .correlation_id = correlation_id });
}

/* -- store.knowledge.put */

static bool says_something(const char *text)
{
    struct language_word word;
    return language_next_word(&text, &word);
}

static enum status put_check(const struct item *item, struct error *error)
{
    const Pb__KnowledgePutRequest *request = item->message;
    TRY(read_company(item, error));
    if (!text_empty(request->id) && !ident_valid(request->id))
        return unknown_document(error);
    if (!says_something(text_or(request->title, "")) || strlen(request->title) > NAME_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "title must have 1 to %d bytes", NAME_BYTES_MAX);
    if (!document_format_known(text_or(request->format, "text")))
        return error_code(error, REJECT, "bad_value", "format must be text, markdown, html or csv");
    if (request->text && strlen(request->text) > KNOWLEDGE_TEXT_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "text has more than %d bytes: split it into several documents",
                          KNOWLEDGE_TEXT_BYTES_MAX);
    if (!says_something(text_or(request->text, "")))
        return error_code(error, REJECT, "bad_value", "text has no word in it");
    if (!text_empty(request->language) && !terms_language(item->arena, request->language))
        return error_code(error, REJECT, "bad_value", "language must be an ISO 639-1 code, for example en or bn");
    if (request->source && strlen(request->source) > NAME_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "source has more than %d bytes", NAME_BYTES_MAX);
    return document_check(item->arena, text_or(request->format, "text"), request->text, error);
}

static const struct statement document_look = {
    .name = "kb_document_look",
    .sql =
        "select d.version, d.revision, d.state, k.locale, "
        "       d.hash = h.hash and d.format = $5 and ($6::text is null or d.locale = $6) as same, "
        "       (select x.id from crm.ai_kb_docs x where x.company_id = k.id and x.hash = h.hash and x.id <> $2::uuid) as twin, d.id "
        "from crm.companies k cross join lateral (select encode(sha256(convert_to($3::text || chr(10) || $4::text, 'UTF8')), 'hex') as hash) h "
        "left join crm.ai_kb_docs d on d.id = $2::uuid and d.company_id = k.id where k.id = $1",
};
static const struct statement document_save = {
    .name = "kb_document_save",
    .sql =
        "insert into crm.ai_kb_docs as d (id, company_id, title, text, source, language, locale, format, hash, indexing_since, created_at, updated_at) "
        "values ($2::uuid, $1::uuid, $3, $4, $5, $6::regconfig, $7, $8, encode(sha256(convert_to($3::text || chr(10) || $4::text, 'UTF8')), 'hex'), $9, $9, $9) "
        "on conflict (id) do update set title = excluded.title, text = excluded.text, source = excluded.source, language = excluded.language, "
        "    locale = excluded.locale, format = excluded.format, hash = excluded.hash, state = 'indexing', error = null, version = d.version + 1, "
        "    revision = d.revision + 1, indexing_since = $9, updated_at = $9 where d.company_id = excluded.company_id "
        "returning d.revision",
};
static const struct statement document_source = {
    .name = "kb_document_source",
    .sql =
        "update crm.ai_kb_docs set source = $3, updated_at = $4 where company_id = $1 and id = $2 and source is distinct from $3",
};
static const struct statement document_told = {
    .name = "kb_document_read",
    .sql = "select " DOCUMENT_VIEW " from crm.ai_kb_docs d where d.company_id = $1 and d.id = $2",
};

/* The document as it is now is the answer; with the job that is to index it. */
static enum status put_tell(struct batch *batch, struct item *item, const char *id, int64_t revision,
                            struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    TRY(db_run(batch->db, batch->arena, &document_told, params, &rows, error));
    Pb__KnowledgeDocument *document = pbrow_read(item->arena, &pb__knowledge_document__descriptor, &rows, 0);
    if (text_same(document->state, "indexing")) {
        document->jobs = ARENA_ARRAY(item->arena, Pb__JobSpec *, 1);
        document->jobs[document->n_jobs++] =
            document_job(item->arena, item->caller.company_id, id, revision, &item->caller);
        document->job_id = document->jobs[0]->id;
    }
    item->reply = &document->base;
    return OK;
}

/* By what the text is written in, else as the company speaks. */
static const char *locale_of(struct arena *arena, const Pb__KnowledgePutRequest *request, const char *company_locale)
{
    const char *given = terms_language(arena, request->language), *own = terms_language(arena, company_locale);
    const char *script = language_of_script(request->text);
    return given ? given : script ? script : own && !text_same(terms_config(own), "simple") ? own : "en";
}

static enum status put_write(struct batch *batch, struct item *item, const char *id, const char *company_locale,
                             struct error *error)
{
    const Pb__KnowledgePutRequest *request = item->message;
    const char *locale = locale_of(batch->arena, request, company_locale);
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, id);
    params_text(params, request->title);
    params_text(params, request->text);
    params_text(params, request->source);
    params_text(params, terms_config(locale));
    params_text(params, locale);
    params_text(params, text_or(request->format, "text"));
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &document_save, params, &rows, error));
    if (!rows.count) { /* the id is another company's */
        item_fail(item, REJECT, "unknown_document", "there is no such document");
        return OK;
    }
    document_note(&events, "document.saved", item->caller.company_id, id, request->title, -1,
                  item->caller.correlation_id);
    event_flush(&events);
    return put_tell(batch, item, id, rows_int(&rows, 0, 0), error);
}

static enum status put_same(struct batch *batch, struct item *item, const char *id, int64_t revision,
                            struct error *error)
{
    const Pb__KnowledgePutRequest *request = item->message;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, id);
    params_text(params, request->source);
    params_moment(params, batch->now);
    if (request->replaces)
        db_queue(batch->db, batch->arena, &document_source, params, NULL);
    return put_tell(batch, item, id, revision, error);
}

enum { LOOK_VERSION, LOOK_REVISION, LOOK_STATE, LOOK_LOCALE, LOOK_SAME, LOOK_TWIN, LOOK_ID };

/* Why it can't be saved; the code stays empty when it can. */
static void put_judge(const Pb__KnowledgePutRequest *request, const struct rows *rows, struct error *refused)
{
    const char *twin = rows_text(rows, 0, LOOK_TWIN);
    bool known = rows_text(rows, 0, LOOK_ID) != NULL, same = rows_bool(rows, 0, LOOK_SAME);
    if (request->replaces && !known)
        unknown_document(refused);
    else if (write_version(request->replaces && request->has_if_version, request->if_version,
                           rows_int(rows, 0, LOOK_VERSION), "the document", refused) != OK)
        return;
    else if (!request->replaces && known && !same && rows_int(rows, 0, LOOK_VERSION) == 1)
        error_code(refused, REJECT, "idempotency_mismatch", "the same Idempotency-Key came with another body before");
    else if (twin && !(known && !request->replaces))
        error_code(refused, REJECT, "document_exists", "document %s says the same", twin);
}

static enum status put_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__KnowledgePutRequest *request = item->message;
    const char *id = text_empty(request->id) ? ident_fresh(batch->arena) : text_lower(batch->arena, request->id);
    struct error refused = { 0 };
    struct params *params = params_new(batch->arena);
    struct rows rows;
    TRY(document_hold_company(batch, item->caller.company_id, error));
    params_text(params, item->caller.company_id);
    params_text(params, id);
    params_text(params, request->title);
    params_text(params, request->text);
    params_text(params, text_or(request->format, "text"));
    params_text(params, terms_language(batch->arena, request->language));
    TRY(db_run(batch->db, batch->arena, &document_look, params, &rows, error));
    put_judge(request, &rows, &refused);
    if (*refused.code) {
        write_refuse(item, &refused);
        return OK;
    }
    bool known = rows_text(&rows, 0, LOOK_ID) != NULL;
    if (known && (!request->replaces || rows_bool(&rows, 0, LOOK_SAME)))
        return put_same(batch, item, id, rows_int(&rows, 0, LOOK_REVISION), error);
    return put_write(batch, item, id, rows_text(&rows, 0, LOOK_LOCALE), error);
}

static enum status put_all(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(put_one(batch, items[i], error));
    return OK;
}

void knowledge_put(struct batch *batch)
{
    write_run(batch, put_check, put_all);
}

/* -- store.knowledge.delete */

static const struct statement document_remove = {
    .name = "kb_document_remove",
    .sql = "delete from crm.ai_kb_docs d where d.company_id = $1 and d.id = $2 returning " DOCUMENT_VIEW,
};

static enum status delete_one(struct batch *batch, struct item *item, struct error *error)
{
    const Pb__KnowledgeGetRequest *request = item->message;
    struct event_list events = { .batch = batch };
    struct params *params = params_new(batch->arena);
    struct rows rows;
    int64_t retired;
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    TRY(document_hold_company(batch, item->caller.company_id, error));
    TRY(db_run(batch->db, batch->arena, &document_remove, params, &rows, error));
    if (!rows.count) {
        item_fail(item, REJECT, "unknown_document", "there is no such document");
        return OK;
    }
    TRY(document_retire(batch, item->caller.company_id, request->id, NULL, 0, &retired, error));
    Pb__KnowledgeDocument *document = pbrow_read(item->arena, &pb__knowledge_document__descriptor, &rows, 0);
    document_note(&events, "document.deleted", item->caller.company_id, request->id, document->title, -1,
                  item->caller.correlation_id);
    event_flush(&events);
    item->reply = &document->base;
    return OK;
}

static enum status delete_all(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(delete_one(batch, items[i], error));
    return OK;
}

void knowledge_delete(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__KnowledgeGetRequest *request = batch->items[i]->message;
        if (!ident_valid(batch->items[i]->caller.company_id) || !ident_valid(text_or(request->id, "")))
            item_fail(batch->items[i], REJECT, "unknown_document", "there is no such document");
    }
    transaction_run(batch, delete_all);
}
