#include "service/moderate.h"

#include <string.h>

#include "llm/moderation.h"
#include "service/provider.h"

enum { MODERATION_WAIT_MS = 5000, MODERATION_BYTES_MAX = 64 * 1024 };

bool moderate_call(struct batch *batch, struct item *item, const char *provider, const char *text, const char *label)
{
    struct llm_endpoint endpoint;
    struct llm_http http;
    if (!moderation_known(provider) || provider_endpoint(llm_provider(provider), &endpoint, NULL) != OK) {
        item_fail(item, REJECT, "moderation", "the company wants a moderation that can't be reached from here");
        return false;
    }
    moderation_compose(batch->arena, &endpoint, text, &http);
    item->label = label;
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = http.url,
                                            .headers = http.headers,
                                            .body = http.body,
                                            .body_bytes = strlen(http.body),
                                            .wait_ms = MODERATION_WAIT_MS,
                                            .response_bytes_max = MODERATION_BYTES_MAX });
    return true;
}

static enum moderate_told failed(struct item *item, const struct moderation *moderation)
{
    item_fail(item, moderation->end == LLM_RETRY ? RETRY : REJECT, "moderation", "moderation: %s", moderation->error);
    if (moderation->retry_after_ms > 0)
        item_retry_after(item, moderation->retry_after_ms);
    return MODERATE_FAILED;
}

enum moderate_told moderate_told(struct batch *batch, struct item *item, const struct safety_policy *policy,
                                 struct safety_verdict *verdict)
{
    const struct http_response *response = item->response;
    struct moderation moderation = { .end = LLM_RETRY, .error = "no answer" };
    if (response->end == HTTP_ABORTED)
        return MODERATE_IN_VAIN;
    if (response->end == HTTP_ANSWERED)
        moderation_judge(batch->arena, response->status, response->body, response->body_bytes, &moderation);
    if (moderation.end != LLM_ANSWERED)
        return failed(item, &moderation);
    bool toxic = policy->toxicity_max > 0 && moderation.score > policy->toxicity_max;
    safety_moderated(batch->arena, moderation.flagged || toxic, moderation.score, verdict);
    return MODERATE_JUDGED;
}

void moderate_spend(struct batch *batch, const struct item *item, const struct safety_policy *policy,
                    const char *conversation_id, const char *lead_id, struct spent *spent)
{
    const struct http_response *response = item->response;
    if (response->end == HTTP_ANSWERED && response->status >= 200 && response->status < 300)
        spent_besides(batch, item, policy->moderation, MODERATION_MODEL, 0, conversation_id, lead_id, spent);
}
