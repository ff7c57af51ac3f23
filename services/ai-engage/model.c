#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CALL_WAIT_MS_MIN = 1000, CALL_WAIT_MS_MAX = 55000 }; /* a run of the job has 60 s */

int64_t model_wait_ms;
static const char *openai_key, *openai_base_url, *openai_model;
static struct llm_endpoint openai;

const struct setting model_settings[] = {
    { .name = "OPENAI_API_KEY",
      .text = &openai_key,
      .secret = true,
      .help = "key of OpenAI or of a server that speaks the same" },
    { .name = "OPENAI_BASE_URL",
      .text = &openai_base_url,
      .help = "with its /v1; the vendor's when a key is set, else none: the local provider answers" },
    { .name = "OPENAI_MODEL",
      .text = &openai_model,
      .fallback = "gpt-4o-mini",
      .help = "model where the company names none" },
    { .name = "AI_CALL_WAIT_MS",
      .number = &model_wait_ms,
      .fallback = "45000",
      .min = CALL_WAIT_MS_MIN,
      .max = CALL_WAIT_MS_MAX,
      .help = "how long a model may take" },
    { 0 },
};

/* Once, at start. */
enum status model_open(struct batch *batch, struct error *error)
{
    (void)batch;
    const char *url = text_or(openai_base_url, "https://api.openai.com/v1");
    if (!text_starts(url, "http://") && !text_starts(url, "https://"))
        return error_set(error, REJECT, "OPENAI_BASE_URL must begin with http:// or https://");
    char *trimmed = strdup(url);
    if (!trimmed)
        abort();
    for (size_t end = strlen(trimmed); end > 0 && trimmed[end - 1] == '/'; end--)
        trimmed[end - 1] = '\0';
    openai = (struct llm_endpoint){ .base_url = trimmed, .key = openai_key };
    return OK;
}

static bool openai_reachable(void)
{
    return !text_empty(openai_key) || !text_empty(openai_base_url);
}

enum status model_choose(const Pb__TurnContext *context, struct model_choice *out, struct error *error)
{
    const char *name = text_or(context->provider, openai_reachable() ? LLM_OPENAI.name : LLM_LOCAL.name);
    const struct llm_provider *provider = llm_provider(name);
    if (!provider)
        return error_code(error, REJECT, "provider", "there is no model provider '%.32s' here", name);
    if (provider == &LLM_OPENAI && !openai_reachable())
        return error_code(error, REJECT, "auth", "the company wants openai, and neither a key nor a base URL is set");
    *out = (struct model_choice){ .provider = provider,
                                  .model = provider == &LLM_OPENAI ? openai_model : provider->model,
                                  .endpoint = openai };
    return OK;
}
