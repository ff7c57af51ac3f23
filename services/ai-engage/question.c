#include "question.h"

#include <string.h>

#include "base/text.h"
#include "service/provider.h"

enum { CALL_WAIT_MS = 4000, ANSWER_BYTES_MAX = 1024 * 1024, QUESTION_BYTES_MAX = 8000 };

bool question_wants_vector(const struct question *question, const Pb__TurnContext *context)
{
    return !text_empty(context->embedding) && !question->over && embed_provider(context->embedding);
}

static const char *text_of(struct arena *arena, const Pb__TurnContext *context)
{
    struct buffer text = { .arena = arena };
    for (size_t i = 0; i < context->n_owed; i++)
        buffer_format(&text, "%s%s", i ? "\n" : "", text_or(context->owed[i]->text, ""));
    const char *all = buffer_text(&text);
    size_t bytes = strlen(all), from = bytes > QUESTION_BYTES_MAX ? bytes - QUESTION_BYTES_MAX : 0;
    while (((unsigned char)all[from] & 0xC0) == 0x80)
        from++;
    return all + from;
}

bool question_call(struct batch *batch, struct item *item, struct question *question, const Pb__TurnContext *context,
                   const char *label)
{
    struct llm_endpoint endpoint;
    struct llm_http http;
    struct error error = { 0 };
    const char *text = text_of(batch->arena, context);
    question->over = true;
    if (text_empty(text) || provider_endpoint(embed_provider(context->embedding), &endpoint, &error) != OK)
        return false;
    question->model = arena_text(item->arena, context->embedding);
    question->under_way = true;
    embed_compose(batch->arena, &endpoint, question->model, &text, 1, true, &http);
    item->label = label;
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = http.url,
                                            .headers = http.headers,
                                            .body = http.body,
                                            .body_bytes = strlen(http.body),
                                            .wait_ms = CALL_WAIT_MS,
                                            .response_bytes_max = ANSWER_BYTES_MAX });
    return true;
}

bool question_told(struct batch *batch, struct item *item, struct question *question)
{
    const struct http_response *response = item->response;
    struct embedding vector;
    struct llm_reply reply;
    if (!question->under_way)
        return false;
    question->under_way = false;
    if (response->end == HTTP_ABORTED) /* something newer is owed: that is asked about */
        question->over = false;
    if (response->end != HTTP_ANSWERED)
        return true;
    embed_judge(batch->arena, question->model, 1, response->status, response->body, response->body_bytes, &vector,
                &reply);
    question->tokens = reply.prompt_tokens;
    if (reply.end == LLM_ANSWERED)
        question->vector = arena_copy(item->arena, &vector, sizeof vector);
    return true;
}

void question_spend(struct batch *batch, const struct item *item, const struct question *question,
                    const char *conversation_id, const char *lead_id, struct spent *spent)
{
    if (question->vector)
        spent_besides(batch, item, embed_provider(question->model)->name, embed_model_name(question->model),
                      question->tokens, conversation_id, lead_id, spent);
}

void question_add(const struct question *question, Pb__TurnOpenRequest *request)
{
    if (!question->vector)
        return;
    PB_SET(request, vector, ((ProtobufCBinaryData){ .len = EMBED_DIMENSIONS, .data = (uint8_t *)question->vector }));
    request->embedding = (char *)question->model;
}
