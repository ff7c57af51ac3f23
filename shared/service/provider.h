/*
 * provider - where the installation reaches its model providers: addresses and keys, from settings.
 *
 * A service takes the settings of those that it asks, and reads no others; provider_open before the first use.
 */
#pragma once
#include "base/setting.h"
#include "llm/llm.h"

/* Those that are reached over a network, in the order in which they answer by default. */
enum { PROVIDER_OPENAI, PROVIDER_ANTHROPIC, PROVIDER_GEMINI, PROVIDERS };

/* What was set; NULL or "" where nothing was. */
extern struct provider_set {
    const char *key, *base_url;
} provider_set[PROVIDERS];

/* Rows of a table of settings. */
#define PROVIDER_SETTINGS_OPENAI                                                                                       \
    { .name = "OPENAI_API_KEY",                                                                                        \
      .text = &provider_set[PROVIDER_OPENAI].key,                                                                      \
      .secret = true,                                                                                                  \
      .help = "key of OpenAI or of a server that speaks the same" },                                                   \
    {                                                                                                                  \
        .name = "OPENAI_BASE_URL", .text = &provider_set[PROVIDER_OPENAI].base_url,                                    \
        .help = "with its /v1; the vendor's; a server of one's own needs no key"                                       \
    }
#define PROVIDER_SETTINGS_ANTHROPIC                                                                                    \
    { .name = "ANTHROPIC_API_KEY",                                                                                     \
      .text = &provider_set[PROVIDER_ANTHROPIC].key,                                                                   \
      .secret = true,                                                                                                  \
      .help = "key of Anthropic" },                                                                                    \
    {                                                                                                                  \
        .name = "ANTHROPIC_BASE_URL", .text = &provider_set[PROVIDER_ANTHROPIC].base_url, .help = "the vendor's"       \
    }
#define PROVIDER_SETTINGS_GEMINI                                                                                       \
    { .name = "GEMINI_API_KEY",                                                                                        \
      .text = &provider_set[PROVIDER_GEMINI].key,                                                                      \
      .secret = true,                                                                                                  \
      .help = "key of Google's Gemini" },                                                                              \
    {                                                                                                                  \
        .name = "GEMINI_BASE_URL", .text = &provider_set[PROVIDER_GEMINI].base_url, .help = "the vendor's"             \
    }

/* Once, at start. REJECT: an address that is none. */
enum status provider_open(struct error *error);

/* `local` always is; a server of one's own may need no key. */
bool provider_reachable(const struct llm_provider *provider);
/* REJECT auth: neither a key nor a base URL is set. */
enum status provider_endpoint(const struct llm_provider *provider, struct llm_endpoint *out, struct error *error);
