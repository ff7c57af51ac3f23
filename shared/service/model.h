/*
 * model - which provider and model answer a turn, from the company's configuration and the installation's settings.
 *
 * Without a company's own choice it is the first of openai, anthropic, gemini with a key or a base URL, and `local`
 * when there is none.
 *
 * A company may list several: the first that was not tried yet and is not known to be down answers. Every call that was
 * made must be told of, by one of the last three functions.
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
    unsigned bit; /* of its place in the company's list; what was tried is such bits together */
    bool others;  /* there are more that can be reached and were not tried */
};
/* What the chosen one of the list brings with it (model, system prompt, ...) is put into the context. REJECT: the
 * company wants a provider that isn't here, or has no key. */
enum status model_choose(Pb__TurnContext *context, unsigned tried, moment now, struct model_choice *out,
                         struct error *error);

/* Whether a server is asked for the format of its answer: until it has refused one of that model's. A restart asks
 * again. */
bool model_formats(const struct llm_provider *provider, const char *model);
void model_refused_format(const struct llm_provider *provider, const char *model);

void model_answered(const struct llm_provider *provider, const struct llm_reply *reply, moment now);
void model_lost(const struct llm_provider *provider, moment now); /* no answer came */
/* It was chosen and is not asked after all. */
void model_unasked(const struct llm_provider *provider);
/* After one of the others: whoever shows it is told, best effort, when the provider is passed over from now on, or no
 * longer; of all that are passed over it is told again, once in a second in which a model is asked. */
void model_state_tell(struct arena *arena, const struct llm_provider *provider, const char *reason, moment now);
void model_ended(const struct llm_provider *provider); /* the call was ended by us */
