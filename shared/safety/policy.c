/* What a company says of it: ai_policy, read leniently where it counts and strictly where it is written. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "llm/moderation.h"
#include "safety/inside.h"

enum {
    LIST_MAX = 200,
    PHRASE_CHARACTERS_MAX = 200,
    REPLIES_MAX = 10000,
    WINDOW_MS_MIN = 1000,
    QUICK_MAX = 1000,
    QUICK_MS_MAX = 60000
};
static const double WINDOW_MS_MAX = 24.0 * 60 * 60 * 1000;

/* -- reading */

static const char *const *words_member(struct arena *arena, const cJSON *object, const char *name)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name), *word;
    const char **words = ARENA_ARRAY(arena, const char *, LIST_MAX + 1);
    size_t count = 0;
    if (!cJSON_IsArray(list))
        return NULL;
    cJSON_ArrayForEach (word, list)
        if (cJSON_IsString(word) && *word->valuestring && count < LIST_MAX)
            words[count++] = word->valuestring;
    return count ? words : NULL;
}

void safety_policy_read(struct arena *arena, const char *json, struct safety_policy *out)
{
    cJSON *root = NULL;
    *out = (struct safety_policy){ .moderation = "" };
    if (text_empty(json) || text_same(json, "{}") || json_parse(arena, json, strlen(json), &root, NULL) != OK)
        return;
    const cJSON *safety = cJSON_GetObjectItemCaseSensitive(root, "safety");
    const cJSON *moderation = cJSON_GetObjectItemCaseSensitive(safety, "moderation");
    const cJSON *toxicity = cJSON_GetObjectItemCaseSensitive(safety, "toxicity_max");
    out->off = words_member(arena, safety, "off");
    out->allowed = words_member(arena, safety, "allowed");
    out->forbidden = words_member(arena, safety, "forbidden");
    if (cJSON_IsString(moderation))
        out->moderation = moderation->valuestring;
    if (cJSON_IsNumber(toxicity))
        out->toxicity_max = toxicity->valuedouble;
}

/* -- writing */

static bool is_phrases(const cJSON *list)
{
    const cJSON *phrase;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LIST_MAX)
        return false;
    cJSON_ArrayForEach (phrase, list)
        if (!cJSON_IsString(phrase) || !*phrase->valuestring ||
            text_characters(phrase->valuestring) > PHRASE_CHARACTERS_MAX)
            return false;
    return true;
}

static bool is_checks(const cJSON *list)
{
    const cJSON *name;
    if (!is_phrases(list))
        return false;
    cJSON_ArrayForEach (name, list)
        if (!safety_check_known(name->valuestring))
            return false;
    return true;
}

static bool is_moderation(const cJSON *value)
{
    return cJSON_IsString(value) && (!*value->valuestring || moderation_known(value->valuestring));
}

static bool is_within(const cJSON *value, double min, double max, bool whole)
{
    return cJSON_IsNumber(value) && value->valuedouble >= min && value->valuedouble <= max &&
           (!whole || value->valuedouble == (double)(int64_t)value->valuedouble);
}

static bool is_score(const cJSON *value)
{
    return is_within(value, 0, 1, false);
}
static bool is_replies(const cJSON *value)
{
    return is_within(value, 0, REPLIES_MAX, true);
}
static bool is_window(const cJSON *value)
{
    return is_within(value, WINDOW_MS_MIN, WINDOW_MS_MAX, true);
}

static bool is_quick(const cJSON *value)
{
    return is_within(value, 0, QUICK_MS_MAX, true);
}
static bool is_quick_count(const cJSON *value)
{
    return is_within(value, 0, QUICK_MAX, true);
}

static const struct rule {
    const char *group, *name;
    bool (*fits)(const cJSON *value);
    const char *wrong;
} RULES[] = {
    { "safety", "off", is_checks, "safety.off is a list of names of checks" },
    { "safety", "allowed", is_phrases, "safety.allowed is a list of at most 200 texts of 1 to 200 characters" },
    { "safety", "forbidden", is_phrases, "safety.forbidden is a list of at most 200 texts of 1 to 200 characters" },
    { "safety", "moderation", is_moderation, "safety.moderation is openai, or empty" },
    { "safety", "toxicity_max", is_score, "safety.toxicity_max is 0 to 1" },
    { "loops", "replies_max", is_replies, "loops.replies_max is 0 to 10000; 0: no limit" },
    { "loops", "window_ms", is_window, "loops.window_ms is 1000 to 86400000" },
    { "loops", "quick_ms", is_quick, "loops.quick_ms is 0 to 60000" },
    { "loops", "quick_max", is_quick_count, "loops.quick_max is 0 to 1000; 0: no limit" },
};

static const struct rule *rule_of(const char *group, const char *name)
{
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
        if (text_same(RULES[i].group, group) && (!name || text_same(RULES[i].name, name)))
            return &RULES[i];
    return NULL;
}

const char *safety_policy_wrong(struct arena *arena, const char *json)
{
    cJSON *root = NULL;
    const cJSON *group, *member;
    if (json_parse(arena, json, strlen(json), &root, NULL) != OK || !cJSON_IsObject(root))
        return "ai_policy is an object";
    cJSON_ArrayForEach (group, root) {
        if (!rule_of(group->string, NULL) || !cJSON_IsObject(group))
            return "ai_policy has the members safety and loops, which are objects";
        cJSON_ArrayForEach (member, group) {
            const struct rule *rule = rule_of(group->string, member->string);
            if (!rule || !rule->fits(member))
                return rule ? rule->wrong : "ai_policy has a member that is not known";
        }
    }
    return NULL;
}
