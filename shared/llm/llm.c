#include "llm/llm.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

const struct llm_provider *llm_provider(const char *name)
{
    static const struct llm_provider *const PROVIDERS[] = { &LLM_OPENAI, &LLM_ANTHROPIC, &LLM_GEMINI, &LLM_LOCAL,
                                                            NULL };
    for (const struct llm_provider *const *at = PROVIDERS; *at; at++)
        if (text_same((*at)->name, name))
            return *at;
    return NULL;
}

const char *llm_prompt_json(struct arena *arena, const struct llm_prompt *prompt)
{
    struct buffer json = { .arena = arena };
    buffer_add(&json, "{\"model\":");
    json_add_string(&json, prompt->model);
    buffer_format(&json, ",\"temperature\":%.2f,\"tokens_max\":%d,\"messages\":[", prompt->temperature,
                  prompt->tokens_max);
    for (size_t i = 0; i < prompt->count; i++) {
        buffer_add(&json, i ? ",{\"role\":" : "{\"role\":");
        json_add_string(&json, prompt->messages[i].role);
        buffer_add(&json, ",\"content\":");
        json_add_string(&json, prompt->messages[i].text);
        buffer_add_char(&json, '}');
    }
    buffer_add_char(&json, ']');
    for (const char *const *action = prompt->actions; action && *action; action++)
        buffer_format(&json, "%s\"%s\"", action == prompt->actions ? ",\"actions\":[" : ",", *action);
    buffer_add(&json, prompt->actions ? "]}" : "}");
    return buffer_text(&json);
}
