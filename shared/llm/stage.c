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
    const char *json = text_or(context->stage_policy ? context->stage_policy->text : NULL, "");
    struct buffer section = { .arena = text->arena };
    if (!*json || json_parse(text->arena, json, strlen(json), &policy, NULL) != OK || !cJSON_IsObject(policy))
        return;
    add_sentence(&section, "Goal", cJSON_GetObjectItemCaseSensitive(policy, "goal"));
    add_sentence(&section, "Tone", cJSON_GetObjectItemCaseSensitive(policy, "tone"));
    add_collect(&section, context, cJSON_GetObjectItemCaseSensitive(policy, "collect"));
    add_moves(&section, cJSON_GetObjectItemCaseSensitive(policy, "moves"));
    add_others(&section, policy);
    if (section.bytes)
        buffer_format(text, "\n\n## What to do in this stage%s", buffer_text(&section));
}

/* -- written */

enum { TEXT_CHARACTERS_MAX = 2000, NAME_CHARACTERS_MAX = 64, LIST_MAX = 20 };

static bool is_text(const cJSON *value, size_t characters_max)
{
    return cJSON_IsString(value) && *value->valuestring && text_characters(value->valuestring) <= characters_max;
}

static bool is_names(const cJSON *list)
{
    const cJSON *name;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LIST_MAX)
        return false;
    cJSON_ArrayForEach (name, list)
        if (!is_text(name, NAME_CHARACTERS_MAX))
            return false;
    return true;
}

static bool is_moves(const cJSON *list)
{
    const cJSON *move;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LIST_MAX)
        return false;
    cJSON_ArrayForEach (move, list) {
        const cJSON *when = cJSON_GetObjectItemCaseSensitive(move, "when");
        const cJSON *score = cJSON_GetObjectItemCaseSensitive(move, "score_min");
        if (!is_text(cJSON_GetObjectItemCaseSensitive(move, "to"), NAME_CHARACTERS_MAX) || (!when && !score) ||
            (when && !is_text(when, TEXT_CHARACTERS_MAX)) ||
            (score && !(cJSON_IsNumber(score) && score->valuedouble >= 1 && score->valuedouble <= 100)))
            return false;
    }
    return true;
}

const char *stage_policy_wrong(struct arena *arena, const char *json)
{
    cJSON *policy = NULL;
    if (json_parse(arena, json, strlen(json), &policy, NULL) != OK || !cJSON_IsObject(policy))
        return "ai_config must be an object";
    const cJSON *answers = cJSON_GetObjectItemCaseSensitive(policy, "answers");
    const cJSON *goal = cJSON_GetObjectItemCaseSensitive(policy, "goal");
    const cJSON *tone = cJSON_GetObjectItemCaseSensitive(policy, "tone");
    const cJSON *collect = cJSON_GetObjectItemCaseSensitive(policy, "collect");
    const cJSON *moves = cJSON_GetObjectItemCaseSensitive(policy, "moves");
    const cJSON *actions = cJSON_GetObjectItemCaseSensitive(policy, "actions");
    if (answers && !cJSON_IsBool(answers))
        return "ai_config.answers is true or false";
    if ((goal && !is_text(goal, TEXT_CHARACTERS_MAX)) || (tone && !is_text(tone, TEXT_CHARACTERS_MAX)))
        return "ai_config.goal and tone are texts of 1 to 2000 characters";
    if ((collect && !is_names(collect)) || (actions && !is_names(actions)))
        return "ai_config.collect and actions are lists of at most 20 names of 1 to 64 characters";
    if (moves && !is_moves(moves))
        return "ai_config.moves is a list of at most 20 of {to, when, score_min}, with when or score_min (1 to 100)";
    return NULL;
}
