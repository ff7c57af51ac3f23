#include "llm/stage.h"

#include <string.h>

#include "base/json.h"

static bool is_noted(const Pb__TurnContext *context, const char *name)
{
    for (size_t i = 0; i < context->n_noted; i++)
        if (text_same(context->noted[i], name))
            return true;
    return false;
}

static void add_sentence(struct buffer *text, const char *what, const cJSON *said)
{
    if (cJSON_IsString(said) && *said->valuestring)
        buffer_format(text, "\n%s: %s", what, said->valuestring);
}

/* What is known already is not asked for again. */
static void add_collect(struct buffer *text, const Pb__TurnContext *context, const cJSON *list)
{
    const cJSON *name;
    size_t count = 0;
    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach (name, list)
        if (cJSON_IsString(name) && !is_noted(context, name->valuestring))
            buffer_format(text, "%s%s", count++ ? ", " : "\nStill to learn, one thing at a time, as the talk allows: ",
                          name->valuestring);
}

static void add_moves(struct buffer *text, const cJSON *list)
{
    const cJSON *move;
    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach (move, list) {
        const char *to = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(move, "to"));
        const char *when = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(move, "when"));
        if (to && when)
            buffer_format(text, "\nMove to the stage \"%s\" when: %s", to, when);
    }
}

static bool is_known(const char *name)
{
    static const char *const KNOWN[] = { "answers", "goal", "tone", "collect", "moves", "actions", NULL };
    for (const char *const *known = KNOWN; *known; known++)
        if (text_same(*known, name))
            return true;
    return false;
}

static void add_others(struct buffer *text, const cJSON *policy)
{
    const cJSON *member;
    cJSON_ArrayForEach (member, policy)
        if (!is_known(member->string))
            buffer_format(text, "\n%s: %s", member->string,
                          cJSON_IsString(member) ? member->valuestring : json_text(text->arena, member));
}

void stage_tell(struct buffer *text, const Pb__TurnContext *context)
{
    cJSON *policy = NULL;
    const char *json = context->stage_policy ? context->stage_policy->text : NULL;
    struct buffer section = { .arena = text->arena };
    if (text_empty(json) || json_parse(text->arena, json, strlen(json), &policy, NULL) != OK || !cJSON_IsObject(policy))
        return;
    add_sentence(&section, "Goal", cJSON_GetObjectItemCaseSensitive(policy, "goal"));
    add_sentence(&section, "Tone", cJSON_GetObjectItemCaseSensitive(policy, "tone"));
    add_collect(&section, context, cJSON_GetObjectItemCaseSensitive(policy, "collect"));
    add_moves(&section, cJSON_GetObjectItemCaseSensitive(policy, "moves"));
    add_others(&section, policy);
    if (section.bytes)
        buffer_format(text, "\n\n## What to do in this stage%s", buffer_text(&section));
}
