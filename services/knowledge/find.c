#include "find.h"

#include <string.h>

#include "base/text.h"
#include "llm/embed.h"
#include "service/provider.h"
#include "service/spent.h"

enum { CALL_WAIT_MS = 2500, ANSWER_BYTES_MAX = 1024 * 1024, IN_FLIGHT_MAX = 8 };

static struct http *http;

void find_open(void)
{
    http = http_open(&(struct http_options){ .in_flight_max = IN_FLIGHT_MAX });
}

void find_close(void)
{
    http_close(http);
    http = NULL;
}

/* Best effort. */
static void spend(struct batch *batch, const struct item *item, const char *model, int tokens)
{
    struct spent spent = { .calls = ARENA_NEW(batch->arena, struct call) };
    spent_besides(batch, item, embed_provider(model)->name, embed_model_name(model), tokens, NULL, NULL, &spent);
    spent_tell(batch, &spent);
}

static enum status embed(struct batch *batch, const struct item *item, const char *model, const char *text,
                         struct embedding *out, struct error *error)
{
    struct llm_endpoint endpoint;
    struct llm_http call;
    struct http_response response;
    struct llm_reply reply;
    TRY(provider_endpoint(embed_provider(model), &endpoint, error));
    embed_compose(batch->arena, &endpoint, model, &text, 1, true, &call);
    http_call_now(http, batch->arena,
                  &(struct http_request){ .method = "POST",
                                          .url = call.url,
                                          .headers = call.headers,
                                          .body = call.body,
                                          .body_bytes = strlen(call.body),
                                          .wait_ms = CALL_WAIT_MS,
                                          .response_bytes_max = ANSWER_BYTES_MAX },
                  &response);
    if (response.end != HTTP_ANSWERED)
        return error_code(error, RETRY, "embedding_away", "the embeddings' provider did not answer");
    embed_judge(batch->arena, model, 1, response.status, response.body, response.body_bytes, out, &reply);
    if (reply.end != LLM_ANSWERED)
        return error_code(error, reply.end == LLM_RETRY ? RETRY : REJECT, "embedding_refused", "%s", reply.error);
    spend(batch, item, model, reply.prompt_tokens);
    return OK;
}

/* By words alone where the vector can't be had, unless only the vector was wanted; `mode` tells. */
static enum status find_one(struct batch *batch, struct item *item, struct error *error)
{
    Pb__KnowledgeSearchRequest request = *(const Pb__KnowledgeSearchRequest *)item->message;
    struct embedding *vector = ARENA_NEW(batch->arena, struct embedding);
    void *reply = NULL;
    TRY(ask_one(batch->arena, &STORE_KNOWLEDGE_SEARCH, &item->caller, &request, &reply, error));
    Pb__KnowledgeFound *found = reply;
    item->reply = &found->base;
    if (!found->vector_wanted)
        return OK;
    enum status status = embed(batch, item, found->embedding, request.query, vector, error);
    if (status != OK)
        return text_same(request.mode, "vector") ? status : OK;
    PB_SET(&request, vector, ((ProtobufCBinaryData){ .len = EMBED_DIMENSIONS, .data = (uint8_t *)vector->value }));
    request.embedding = found->embedding;
    TRY(ask_one(batch->arena, &STORE_KNOWLEDGE_SEARCH, &item->caller, &request, &reply, error));
    item->reply = &((Pb__KnowledgeFound *)reply)->base;
    return OK;
}

void find(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        enum status status = find_one(batch, batch->items[i], &error);
        if (status != OK)
            item_fail(batch->items[i], status, error.code, "%s", error.text);
    }
}
