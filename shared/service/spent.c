#include "service/spent.h"

#include "base/text.h"

void spent_add(struct batch *batch, const struct item *item, const struct model_asking *asking,
               const struct llm_reply *reply, const char *conversation_id, const char *lead_id, struct spent *spent)
{
    bool cut_off = item->response->end != HTTP_ANSWERED && item->response->started;
    if (reply->prompt_tokens + reply->completion_tokens == 0 && !cut_off)
        return;
    Pb__UsageRecordRequest *request = PB_NEW(batch->arena, usage_record_request);
    request->conversation_id = (char *)conversation_id;
    request->lead_id = (char *)lead_id;
    request->provider = (char *)asking->provider->name;
    request->model = (char *)text_or(reply->model, asking->model);
    PB_SET(request, prompt_tokens, reply->prompt_tokens);
    PB_SET(request, completion_tokens, reply->completion_tokens);
    spent->calls[spent->count++] = (struct call){ .caller = item->caller, .request = request };
}

void spent_besides(struct batch *batch, const struct item *item, const char *provider, const char *model, int tokens,
                   const char *conversation_id, const char *lead_id, struct spent *spent)
{
    Pb__UsageRecordRequest *request = PB_NEW(batch->arena, usage_record_request);
    request->conversation_id = (char *)conversation_id;
    request->lead_id = (char *)lead_id;
    request->provider = (char *)provider;
    request->model = (char *)model;
    PB_SET(request, prompt_tokens, tokens);
    PB_SET(request, succeeded, true);
    spent->calls[spent->count++] = (struct call){ .caller = item->caller, .request = request };
}

void spent_tell(struct batch *batch, const struct spent *spent)
{
    if (spent->count)
        ask(batch->arena, &STORE_USAGE_RECORD, spent->calls, spent->count);
}
