#include "service/provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct provider_set provider_set[PROVIDERS];

static struct place {
    const struct llm_provider *provider;
    const char *base_url_setting;
    char *base_url; /* the one that counts, without a slash at its end */
} places[PROVIDERS] = {
    [PROVIDER_OPENAI] = { .provider = &LLM_OPENAI, .base_url_setting = "OPENAI_BASE_URL" },
    [PROVIDER_ANTHROPIC] = { .provider = &LLM_ANTHROPIC, .base_url_setting = "ANTHROPIC_BASE_URL" },
    [PROVIDER_GEMINI] = { .provider = &LLM_GEMINI, .base_url_setting = "GEMINI_BASE_URL" },
};

static enum status place_open(struct place *place, const char *set, struct error *error)
{
    const char *url = text_or(set, place->provider->base_url);
    if (!text_starts(url, "http://") && !text_starts(url, "https://"))
        return error_set(error, REJECT, "%s must begin with http:// or https://", place->base_url_setting);
    free(place->base_url);
    place->base_url = strdup(url);
    if (!place->base_url)
        abort();
    for (size_t end = strlen(url); end > 0 && place->base_url[end - 1] == '/'; end--)
        place->base_url[end - 1] = '\0';
    return OK;
}

enum status provider_open(struct error *error)
{
    for (size_t i = 0; i < PROVIDERS; i++)
        TRY(place_open(&places[i], provider_set[i].base_url, error));
    return OK;
}

/* PROVIDERS: `local`, or none. */
static size_t place_of(const struct llm_provider *provider)
{
    size_t i = 0;
    while (i < PROVIDERS && places[i].provider != provider)
        i++;
    return i;
}

bool provider_reachable(const struct llm_provider *provider)
{
    size_t i = place_of(provider);
    if (i == PROVIDERS)
        return provider == &LLM_LOCAL;
    return !text_empty(provider_set[i].key) || !text_empty(provider_set[i].base_url);
}

enum status provider_endpoint(const struct llm_provider *provider, struct llm_endpoint *out, struct error *error)
{
    size_t i = place_of(provider);
    if (!provider_reachable(provider))
        return error_code(error, REJECT, "auth", "%s is wanted, and neither a key nor a base URL is set",
                          provider ? provider->name : "a provider that isn't here");
    *out = (struct llm_endpoint){ 0 };
    if (i < PROVIDERS)
        *out = (struct llm_endpoint){ .base_url = places[i].base_url, .key = provider_set[i].key };
    return OK;
}
