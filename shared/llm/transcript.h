/*
 * transcript - a conversation as one text, for a model that is to write about it and not in it. Pure.
 *
 * It goes into a user message, never into the system text: most of it is a customer's words.
 */
#pragma once
#include "llm/llm.h"

/* What is remembered of before, then the history, a line for each message with who wrote it. */
const char *llm_transcript(struct arena *arena, const Pb__TurnContext *context);

/* The two messages of a prompt that asks for a text about it. */
struct llm_task {
    const char *told; /* the system text */
    const char *schema;
    double temperature;
    int tokens_max;
};
void llm_prompt_of_task(struct arena *arena, const Pb__TurnContext *context, const struct llm_task *task,
                        const char *default_model, struct llm_prompt *out);
