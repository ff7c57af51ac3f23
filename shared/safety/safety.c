#include "safety/safety.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "language/lookalike.h"
#include "safety/inside.h"

/* -- a text under examination */

static void add_known(struct exam *exam, const char *text, struct facts *facts)
{
    facts_find(exam->arena, language_fold(exam->arena, text), facts);
}

const struct facts *exam_known(struct exam *exam)
{
    if (exam->known)
        return exam->known;
    exam->known = ARENA_NEW(exam->arena, struct facts);
    for (size_t i = 0; i < exam->material->count; i++)
        add_known(exam, exam->material->messages[i].text, exam->known);
    const char *const *allowed = exam->material->policy->allowed;
    for (; allowed && *allowed; allowed++)
        add_known(exam, *allowed, exam->known);
    return exam->known;
}

const struct facts *exam_customers(struct exam *exam)
{
    if (exam->customers)
        return exam->customers;
    exam->customers = ARENA_NEW(exam->arena, struct facts);
    for (size_t i = 0; i < exam->material->count; i++)
        if (text_same(exam->material->messages[i].role, "user"))
            add_known(exam, exam->material->messages[i].text, exam->customers);
    return exam->customers;
}

static bool has_mixed_script(struct exam *exam)
{
    const char *word = lookalike_mixed(exam->arena, exam->folded);
    if (!word)
        return false;
    for (size_t i = 0; i < exam->material->count; i++)
        if (strstr(language_fold(exam->arena, exam->material->messages[i].text), word))
            return false;
    return true;
}

/* -- the checks */

static const struct check {
    const char *name;
    bool (*fails)(struct exam *exam);
    const char *advice;
    bool always; /* no company can do without it */
} CHECKS[] = {
    { "secrets", has_key, "it held what looks like a key or a token", true },
    { "card_numbers", has_card_number, "it held what looks like the number of a card", true },
    { "role_marks", has_role_mark,
      "it held marks or words that show how you are instructed, or wrote the customer's part", true },
    { "mixed_scripts", has_mixed_script, "it mixed the letters of two alphabets in one word", false },
    { "prompt_echo", has_prompt_echo, "it repeated your instructions", false },
    { "links", has_unknown_link, "it held a link that is neither in the information above nor in the conversation",
      false },
    { "emails", has_unknown_email,
      "it held an e-mail address that is neither in the information above nor in the conversation", false },
    { "numbers", has_unknown_phone,
      "it held a phone number or another long number that is neither in the information above nor in the conversation",
      false },
    { "prices", has_unknown_price,
      "it named an amount of money that is neither in the information above nor in the conversation", false },
    { "percentages", has_unknown_percentage,
      "it named a percentage that is neither in the information above nor in the conversation", false },
    { "forbidden", has_forbidden, "it said something that the company never wants said", false },
    { "repetition", has_repetition,
      "it said the same as your last two answers; say something that helps, or that a colleague will", false },
};
enum { CHECK_COUNT = sizeof CHECKS / sizeof *CHECKS };

bool safety_check_known(const char *name)
{
    for (size_t i = 0; i < CHECK_COUNT; i++)
        if (text_same(CHECKS[i].name, name))
            return true;
    return false;
}

/* Of the shape of a reply; they are made before this room is asked. */
static const char SHAPE[] = "\"not_empty\",\"utf8\",\"length\"";

static bool is_off(const struct check *check, const struct safety_policy *policy)
{
    for (const char *const *off = policy->off; off && *off && !check->always; off++)
        if (text_same(*off, check->name))
            return true;
    return false;
}

static void add_word(struct buffer *list, const char *word)
{
    buffer_format(list, list->bytes ? ",\"%s\"" : "\"%s\"", word);
}

static const char *verdict_json(struct arena *arena, bool safe, const char *checks, const char *failed,
                                const char *toxicity)
{
    return text_format(arena, "{\"safe\":%s%s%s,\"checks\":[%s]%s%s%s}", safe ? "true" : "false",
                       *toxicity ? ",\"toxicity_score\":" : "", toxicity, checks, *failed ? ",\"failed\":[" : "",
                       failed, *failed ? "]" : "");
}

static const char *advice_text(struct arena *arena, const char *complaints)
{
    return text_format(
        arena,
        "## Your last draft was not sent\n"
        "You have just written an answer that was not sent: %s. Write another answer without that. Say only what the information above or the "
        "conversation holds; where it doesn't, say that a colleague will get back about it.",
        complaints);
}

void safety_check(struct arena *arena, const struct safety_material *material, const char *text,
                  struct safety_verdict *out)
{
    struct exam exam = { .arena = arena, .material = material, .text = text, .folded = language_fold(arena, text) };
    struct buffer made = { .arena = arena }, failed = { .arena = arena }, complaints = { .arena = arena };
    facts_find(arena, exam.folded, &exam.facts);
    buffer_add(&made, SHAPE);
    *out = (struct safety_verdict){ .safe = true };
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *check = &CHECKS[i];
        if (is_off(check, material->policy))
            continue;
        add_word(&made, check->name);
        if (!check->fails(&exam))
            continue;
        buffer_format(&complaints, "%s%s", complaints.bytes ? "; " : "", check->advice);
        add_word(&failed, check->name);
        out->check = out->safe ? check->name : out->check;
        out->safe = false;
    }
    out->json = verdict_json(arena, out->safe, buffer_text(&made), buffer_text(&failed), "");
    out->advice = out->safe ? NULL : advice_text(arena, buffer_text(&complaints));
}

void safety_moderated(struct arena *arena, bool flagged, double toxicity, struct safety_verdict *verdict)
{
    const char *checks = strchr(verdict->json, '[') + 1;
    const char *made = text_format(arena, "%.*s,\"moderation\"", (int)strcspn(checks, "]"), checks);
    verdict->safe = !flagged;
    verdict->check = flagged ? "moderation" : NULL;
    verdict->advice = flagged ? advice_text(arena, "a moderator found it offensive or harmful") : NULL;
    verdict->json =
        verdict_json(arena, !flagged, made, flagged ? "\"moderation\"" : "", text_format(arena, "%.4g", toxicity));
}

const char *safety_rated(struct arena *arena, const char *verdict_json, const char *ratings)
{
    size_t bytes = text_empty(verdict_json) ? 0 : strlen(verdict_json);
    if (!bytes || text_empty(ratings))
        return verdict_json;
    return text_format(arena, "%.*s,\"ratings\":%s}", (int)(bytes - 1), verdict_json, ratings);
}

void safety_refused(struct arena *arena, struct safety_verdict *out)
{
    *out = (struct safety_verdict){ .check = "provider",
                                    .json = verdict_json(arena, false, "\"provider\"", "\"provider\"", ""),
                                    .advice = advice_text(arena, "the model declined to write it") };
}

/* -- the stored prompt */

bool safety_prompt_read(struct arena *arena, const char *json, struct llm_prompt *out)
{
    cJSON *root = NULL;
    if (text_empty(json) || json_parse(arena, json, strlen(json), &root, NULL) != OK)
        return false;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "messages"), *said;
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(root, "model");
    const cJSON *temperature = cJSON_GetObjectItemCaseSensitive(root, "temperature");
    const cJSON *tokens_max = cJSON_GetObjectItemCaseSensitive(root, "tokens_max");
    struct llm_message *messages = ARENA_ARRAY(arena, struct llm_message, (size_t)cJSON_GetArraySize(list) + 2);
    size_t count = 0;
    cJSON_ArrayForEach (said, list) {
        const char *role = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "role"));
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "content"));
        if (role && text)
            messages[count++] = (struct llm_message){ .role = role, .text = text };
    }
    *out = (struct llm_prompt){ .model = cJSON_IsString(model) ? model->valuestring : "",
                                .temperature = cJSON_IsNumber(temperature) ? temperature->valuedouble : 0,
                                .tokens_max = cJSON_IsNumber(tokens_max) ? tokens_max->valueint : 1,
                                .messages = messages,
                                .count = count };
    return count > 0;
}
