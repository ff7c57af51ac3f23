/*
 * model - which provider and model answer a turn, from the company's configuration and the installation's settings.
 *
 * Without a company's own choice it is the first of openai, anthropic, gemini with a key or a base URL, and `local` when
 * there is none.
 */
#pragma once
#include "llm/llm.h"
#include "service/service.h"

extern const struct setting model_settings[];
extern int64_t model_wait_ms; /* AI_CALL_WAIT_MS */

enum status model_open(struct batch *batch, struct error *error);

struct model_choice {
    const struct llm_provider *provider;
    const char *model; /* default of the provider */
    struct llm_endpoint endpoint;
};
/* REJECT: the company wants a provider that isn't here, or has no key. */
enum status model_choose(const Pb__TurnContext *context, struct model_choice *out, struct error *error);
