#include "llm/transcript.h"

#include "base/text.h"

static const char *who(struct arena *arena, const Pb__TurnMessage *said)
{
    if (text_same(said->sender, "customer"))
        return "Customer";
    if (!text_same(said->sender, "operator"))
        return "Assistant";
    return text_empty(said->name) ? "Colleague" : text_format(arena, "Colleague %s", said->name);
}

const char *llm_transcript(struct arena *arena, const Pb__TurnContext *context)
{
    struct buffer text = { .arena = arena };
    if (!text_empty(context->contact_name))
        buffer_format(&text, "The customer's name: %s\n\n", context->contact_name);
    if (!text_empty(context->summary))
        buffer_format(&text, "What was said before, in short:\n%s\n\n", context->summary);
    for (size_t i = 0; i < context->n_history; i++)
        buffer_format(&text, "%s: %s\n", who(arena, context->history[i]),
                      text_or(context->history[i]->text, "[no text]"));
    return buffer_text(&text);
}

void llm_prompt_of_task(struct arena *arena, const Pb__TurnContext *context, const struct llm_task *task,
                        const char *default_model, struct llm_prompt *out)
{
    struct llm_message *messages = ARENA_ARRAY(arena, struct llm_message, 2);
    messages[0] = (struct llm_message){ .role = "system", .text = task->told };
    messages[1] = (struct llm_message){ .role = "user", .text = llm_transcript(arena, context) };
    *out = (struct llm_prompt){ .model = text_or(context->model, default_model),
                                .temperature = task->temperature,
                                .tokens_max = task->tokens_max,
                                .messages = messages,
                                .count = 2,
                                .schema = task->schema };
}
