#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CALL_WAIT_MS_MIN = 1000, CALL_WAIT_MS_MAX = 55000 }; /* a run of the job has 60 s */

int64_t model_wait_ms;

/* A provider and what the installation says of it; in the order in which they answer by default. */
static struct access {
    const struct llm_provider *provider;
    const char *base_url_setting;
    const char *key, *base_url, *model; /* settings; "" when not set */
    char *trimmed;                      /* the base URL that counts */
    struct llm_endpoint endpoint;
} accesses[] = {
    { .provider = &LLM_OPENAI, .base_url_setting = "OPENAI_BASE_URL" },
    { .provider = &LLM_ANTHROPIC, .base_url_setting = "ANTHROPIC_BASE_URL" },
    { .provider = &LLM_GEMINI, .base_url_setting = "GEMINI_BASE_URL" },
    { .provider = &LLM_LOCAL },
};
enum { OPENAI, ANTHROPIC, GEMINI, LOCAL, ACCESSES };

const struct setting model_settings[] = {
    { .name = "OPENAI_API_KEY",
      .text = &accesses[OPENAI].key,
      .secret = true,
      .help = "key of OpenAI or of a server that speaks the same" },
    { .name = "OPENAI_BASE_URL",
      .text = &accesses[OPENAI].base_url,
      .help = "with its /v1; the vendor's; a server of one's own needs no key" },
    { .name = "OPENAI_MODEL",
      .text = &accesses[OPENAI].model,
      .fallback = "gpt-4o-mini",
      .help = "model where the company names none" },
    { .name = "ANTHROPIC_API_KEY", .text = &accesses[ANTHROPIC].key, .secret = true, .help = "key of Anthropic" },
    { .name = "ANTHROPIC_BASE_URL", .text = &accesses[ANTHROPIC].base_url, .help = "the vendor's" },
    { .name = "ANTHROPIC_MODEL",
      .text = &accesses[ANTHROPIC].model,
      .fallback = "claude-haiku-5-5",
      .help = "model where the company names none" },
    { .name = "GEMINI_API_KEY", .text = &accesses[GEMINI].key, .secret = true, .help = "key of Google's Gemini" },
    { .name = "GEMINI_BASE_URL", .text = &accesses[GEMINI].base_url, .help = "the vendor's" },
    { .name = "GEMINI_MODEL",
      .text = &accesses[GEMINI].model,
      .fallback = "gemini-3.5-flash-lite",
      .help = "model where the company names none" },
    { .name = "AI_CALL_WAIT_MS",
      .number = &model_wait_ms,
      .fallback = "45000",
      .min = CALL_WAIT_MS_MIN,
      .max = CALL_WAIT_MS_MAX,
      .help = "how long a model may take" },
    { 0 },
};

static enum status open_access(struct access *access, struct error *error)
{
    const char *url = text_or(access->base_url, access->provider->base_url);
    if (!text_starts(url, "http://") && !text_starts(url, "https://"))
        return error_set(error, REJECT, "%s must begin with http:// or https://", access->base_url_setting);
    free(access->trimmed);
    access->trimmed = strdup(url);
    if (!access->trimmed)
        abort();
    for (size_t end = strlen(url); end > 0 && access->trimmed[end - 1] == '/'; end--)
        access->trimmed[end - 1] = '\0';
    access->endpoint = (struct llm_endpoint){ .base_url = access->trimmed, .key = access->key };
    return OK;
}

/* Once, at start. */
enum status model_open(struct batch *batch, struct error *error)
{
    (void)batch;
    for (size_t i = 0; i < ACCESSES; i++)
        if (accesses[i].base_url_setting)
            TRY(open_access(&accesses[i], error));
    return OK;
}

/* A server of one's own may need no key. */
static bool is_reachable(const struct access *access)
{
    return !access->base_url_setting || !text_empty(access->key) || !text_empty(access->base_url);
}

static const struct access *access_of(const struct llm_provider *provider)
{
    for (size_t i = 0; i < ACCESSES; i++)
        if (accesses[i].provider == provider)
            return &accesses[i];
    return NULL;
}

static const struct access *access_by_default(void)
{
    size_t i = 0;
    while (!is_reachable(&accesses[i])) /* the last one is */
        i++;
    return &accesses[i];
}

enum status model_choose(const Pb__TurnContext *context, struct model_choice *out, struct error *error)
{
    const char *name = text_or(context->provider, "");
    const struct access *access = *name ? access_of(llm_provider(name)) : access_by_default();
    if (!access)
        return error_code(error, REJECT, "provider", "there is no model provider '%.32s' here", name);
    if (!is_reachable(access))
        return error_code(error, REJECT, "auth", "the company wants %s, and neither a key nor a base URL is set",
                          access->provider->name);
    *out = (struct model_choice){ .provider = access->provider,
                                  .model = text_or(access->model, access->provider->model),
                                  .endpoint = access->endpoint };
    return OK;
}
