/*
 * sight - pictures and voices for the models that see and hear.
 *
 * A file is fetched beside its message; an answer waits for it a bounded moment, by its job's own delay and nothing in
 * memory, and goes by its note ("[image: caption]") alone when it is not there by then.
 */
#pragma once
#include "llm/llm.h"
#include "service/service.h"

/* A file that this model could take is on its way, and there is time. */
bool sight_waits(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model, moment now);
/* What is kept and fits goes along with the words it came with. */
void sight_add(struct arena *arena, const Pb__TurnContext *context, const struct llm_provider *provider,
               struct llm_prompt *prompt);
