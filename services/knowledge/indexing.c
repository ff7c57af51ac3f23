#include "indexing.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "knowledge/split.h"
#include "llm/embed.h"
#include "service/provider.h"
#include "service/spent.h"

enum {
    RUN_MS_MAX = 45000, /* of one handling; then the job goes on in another, which costs no attempt */
    CALL_WAIT_MS = 30000,
    ANSWER_BYTES_MAX = 4 * 1024 * 1024,
    PART_CHUNKS = 32, /* of one request to the store */
    AWAY_WAIT_MS = 2000,
};

/* What one handling keeps; all of it is the item's. */
struct indexing {
    const char *document_id, *embedding;
    int64_t revision;
    Pb__KnowledgeChunk **chunks; /* of the document, in order; texts until they are stored */
    const char **ids;
    size_t count;
    size_t *missing; /* places of chunks that are not stored */
    size_t missing_count, embedded;
    int64_t began_us;
};

/* -- results */

static void finish(struct item *item, const char *outcome)
{
    const struct indexing *indexing = item->state;
    item_complete(item, text_format(item->arena, "{\"outcome\":\"%s\",\"chunks\":%zu,\"embedded\":%zu}", outcome,
                                    indexing->count, indexing->missing_count));
}

static enum status tell(struct batch *batch, struct item *item, Pb__KnowledgeIndexRequest *request, bool *current)
{
    const struct indexing *indexing = item->state;
    struct call call = { .caller = item->caller, .request = request };
    request->id = (char *)indexing->document_id;
    PB_SET(request, revision, indexing->revision);
    ask(batch->arena, &STORE_KNOWLEDGE_INDEX, &call, 1);
    if (call.status == OK)
        *current = ((const Pb__KnowledgeIndexed *)call.reply)->current;
    else if (call_away(&call))
        item_defer(item, moment_now() + AWAY_WAIT_MS);
    else
        item_fail(item, call.status, call.error.code, "%s", call.error.text);
    return call.status;
}

/* The document is told why, for nobody reads a job. */
static void give_up(struct batch *batch, struct item *item, const char *code, const char *sentence)
{
    Pb__KnowledgeIndexRequest *request = PB_NEW(batch->arena, knowledge_index_request);
    bool current;
    request->error = arena_text(batch->arena, sentence);
    if (tell(batch, item, request, &current) == OK)
        item_fail(item, REJECT, code, "%s", sentence);
}

static void publish(struct batch *batch, struct item *item)
{
    const struct indexing *indexing = item->state;
    Pb__KnowledgeIndexRequest *request = PB_NEW(batch->arena, knowledge_index_request);
    bool current;
    PB_SET(request, last, true);
    request->chunk_ids = (char **)indexing->ids;
    request->n_chunk_ids = indexing->count;
    if (tell(batch, item, request, &current) == OK)
        finish(item, current ? "indexed" : "replaced");
}

/* -- storing */

/* The next ones, which have their vectors now. false: the item has its answer. */
static bool store(struct batch *batch, struct item *item, size_t count)
{
    struct indexing *indexing = item->state;
    for (size_t stored = 0; stored < count;) {
        Pb__KnowledgeIndexRequest *request = PB_NEW(batch->arena, knowledge_index_request);
        bool current;
        request->chunks = ARENA_ARRAY(batch->arena, Pb__KnowledgeChunk *, PART_CHUNKS);
        while (stored < count && request->n_chunks < PART_CHUNKS)
            request->chunks[request->n_chunks++] = indexing->chunks[indexing->missing[indexing->embedded + stored++]];
        if (tell(batch, item, request, &current) != OK)
            return false;
        if (!current) {
            finish(item, "replaced");
            return false;
        }
    }
    indexing->embedded += count;
    return true;
}

/* -- embedding */

static const char *text_of(struct arena *arena, const Pb__KnowledgeChunk *row)
{
    const struct chunk chunk = { .heading = row->heading, .text = row->text };
    return chunk_embedded(arena, row->title, &chunk);
}

static void vector_set(struct item *item, Pb__KnowledgeChunk *row, const struct embedding *embedding)
{
    PB_SET(row, vector, ((ProtobufCBinaryData){ .len = EMBED_DIMENSIONS }));
    row->vector.data = arena_copy(item->arena, embedding->value, EMBED_DIMENSIONS);
}

static void embed_here(struct batch *batch, struct item *item)
{
    struct indexing *indexing = item->state;
    for (size_t i = 0; i < indexing->missing_count; i++) {
        struct embedding embedding;
        Pb__KnowledgeChunk *row = indexing->chunks[indexing->missing[i]];
        embed_local(batch->arena, text_of(batch->arena, row), &embedding);
        vector_set(item, row, &embedding);
    }
    if (store(batch, item, indexing->missing_count))
        publish(batch, item);
}

static size_t asked_count(const struct indexing *indexing)
{
    size_t left = indexing->missing_count - indexing->embedded;
    return left < EMBED_TEXTS_MAX ? left : EMBED_TEXTS_MAX;
}

static void call_provider(struct batch *batch, struct item *item)
{
    struct indexing *indexing = item->state;
    const char *texts[EMBED_TEXTS_MAX];
    size_t count = asked_count(indexing);
    struct llm_endpoint endpoint;
    struct llm_http http;
    struct error error = { 0 };
    if (provider_endpoint(embed_provider(indexing->embedding), &endpoint, &error) != OK) {
        give_up(batch, item, error.code, error.text);
        return;
    }
    for (size_t i = 0; i < count; i++)
        texts[i] = text_of(batch->arena, indexing->chunks[indexing->missing[indexing->embedded + i]]);
    embed_compose(batch->arena, &endpoint, indexing->embedding, texts, count, false, &http);
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = http.url,
                                            .headers = http.headers,
                                            .body = http.body,
                                            .body_bytes = strlen(http.body),
                                            .wait_ms = CALL_WAIT_MS,
                                            .response_bytes_max = ANSWER_BYTES_MAX });
}

static void go_on(struct batch *batch, struct item *item)
{
    const struct indexing *indexing = item->state;
    if (indexing->embedded == indexing->missing_count)
        publish(batch, item);
    else if (embed_is_local(indexing->embedding))
        embed_here(batch, item);
    else if ((moment_monotonic_us() - indexing->began_us) / 1000 > RUN_MS_MAX)
        item_defer(item, moment_now());
    else
        call_provider(batch, item);
}

/* -- cutting */

static size_t equal_before(const struct chunks *chunks, size_t place)
{
    size_t count = 0;
    for (size_t i = 0; i < place; i++)
        count += text_same(chunks->list[i].text, chunks->list[place].text) &&
                 text_same(chunks->list[i].heading, chunks->list[place].heading);
    return count;
}

static Pb__KnowledgeChunk *row_of(struct arena *arena, const Pb__KnowledgeToIndex *document,
                                  const struct chunks *chunks, size_t place)
{
    const struct chunk *chunk = &chunks->list[place];
    Pb__KnowledgeChunk *row = PB_NEW(arena, knowledge_chunk);
    row->id = chunk_name(arena, document->id, document->embedding, document->language, document->title, chunk,
                         equal_before(chunks, place));
    row->title = arena_text(arena, document->title);
    row->heading = arena_text(arena, chunk->heading);
    row->text = arena_text(arena, chunk->text);
    row->embedding = arena_text(arena, document->embedding);
    return row;
}

static bool is_stored(const Pb__KnowledgeToIndex *document, const char *id)
{
    for (size_t i = 0; i < document->n_chunk_ids; i++)
        if (text_same(document->chunk_ids[i], id))
            return true;
    return false;
}

static void take_chunks(struct item *item, const Pb__KnowledgeToIndex *document, const struct chunks *chunks)
{
    struct indexing *indexing = item->state;
    indexing->document_id = arena_text(item->arena, document->id);
    indexing->embedding = arena_text(item->arena, document->embedding);
    indexing->chunks = ARENA_ARRAY(item->arena, Pb__KnowledgeChunk *, chunks->count + 1);
    indexing->ids = ARENA_ARRAY(item->arena, const char *, chunks->count + 1);
    indexing->missing = ARENA_ARRAY(item->arena, size_t, chunks->count + 1);
    for (size_t i = 0; i < chunks->count; i++) {
        Pb__KnowledgeChunk *row = row_of(item->arena, document, chunks, i);
        indexing->chunks[i] = row;
        indexing->ids[i] = row->id;
        if (!is_stored(document, row->id))
            indexing->missing[indexing->missing_count++] = i;
    }
    indexing->count = chunks->count;
}

static void cut(struct batch *batch, struct item *item, const Pb__KnowledgeToIndex *document)
{
    struct indexing *indexing = item->state;
    struct sections sections = { 0 };
    struct chunks chunks = { 0 };
    struct error error = { 0 };
    if (!document->current) { /* gone, newer, or done: nothing to do */
        finish(item, "nothing");
        return;
    }
    indexing->document_id = document->id;
    if (document_read(batch->arena, document->format, document->text, &sections, &error) != OK ||
        split(batch->arena, &sections, &chunks, &error) != OK) {
        give_up(batch, item, error.code, error.text);
        return;
    }
    take_chunks(item, document, &chunks);
    go_on(batch, item);
}

/* -- the job */

static Pb__KnowledgeReadRequest *read_request(struct batch *batch, struct item *item)
{
    const Pb__KnowledgeIndexParams *params = item->params;
    struct indexing *indexing = item->state = ARENA_NEW(item->arena, struct indexing);
    Pb__KnowledgeReadRequest *request = PB_NEW(batch->arena, knowledge_read_request);
    indexing->began_us = moment_monotonic_us();
    indexing->revision = params->revision;
    request->id = params->document_id;
    PB_SET(request, revision, params->revision);
    return request;
}

void indexing_start(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count + 1);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const Pb__KnowledgeIndexParams *params = batch->items[i]->params;
        if (!ident_valid(text_or(params->document_id, ""))) {
            item_fail(batch->items[i], REJECT, "bad_params", "document_id must be a UUID");
            continue;
        }
        items[count] = batch->items[i];
        calls[count++] =
            (struct call){ .caller = batch->items[i]->caller, .request = read_request(batch, batch->items[i]) };
    }
    ask_whole(batch->arena, &STORE_KNOWLEDGE_READ, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == OK)
            cut(batch, items[i], calls[i].reply);
        else if (call_away(&calls[i]))
            item_defer(items[i], moment_now() + AWAY_WAIT_MS);
        else
            item_fail(items[i], calls[i].status, calls[i].error.code, "%s", calls[i].error.text);
}

static void spend(struct batch *batch, const struct item *item, int tokens)
{
    const char *model = ((const struct indexing *)item->state)->embedding;
    struct spent spent = { .calls = ARENA_NEW(batch->arena, struct call) };
    spent_besides(batch, item, embed_provider(model)->name, embed_model_name(model), tokens, NULL, NULL, &spent);
    spent_tell(batch, &spent);
}

static void take_answer(struct batch *batch, struct item *item)
{
    struct indexing *indexing = item->state;
    const struct http_response *response = item->response;
    struct embedding vectors[EMBED_TEXTS_MAX];
    struct llm_reply reply;
    size_t count = asked_count(indexing);
    embed_judge(batch->arena, indexing->embedding, count, response->status, response->body, response->body_bytes,
                vectors, &reply);
    if (reply.end == LLM_RETRY) {
        item_fail(item, RETRY, reply.reason, "%s", reply.error);
        if (response->retry_after_ms > 0 || reply.retry_after_ms > 0)
            item_retry_after(item, response->retry_after_ms > 0 ? response->retry_after_ms : reply.retry_after_ms);
        return;
    }
    if (reply.end != LLM_ANSWERED) {
        give_up(batch, item, reply.reason, reply.error);
        return;
    }
    spend(batch, item, reply.prompt_tokens);
    for (size_t i = 0; i < count; i++)
        vector_set(item, indexing->chunks[indexing->missing[indexing->embedded + i]], &vectors[i]);
    if (store(batch, item, count))
        go_on(batch, item);
}

void indexing_told(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        if (item->response->end == HTTP_ANSWERED)
            take_answer(batch, item);
        else
            item_fail(item, RETRY, "unreachable", "the embeddings did not come: %s", item->response->error.text);
    }
}
