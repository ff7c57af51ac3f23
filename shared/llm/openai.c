/* OpenAI's chat completions, and the servers that speak the same: Ollama, llama.cpp, vLLM. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "llm/llm.h"

enum { CODE_BYTES_MAX = 64 };

/* -- asking */

/* Reasoning models refuse a temperature. */
static bool takes_temperature(const char *model)
{
    static const char *const REASONING[] = { "o1", "o3", "o4", "gpt-5" };
    for (size_t i = 0; i < sizeof REASONING / sizeof *REASONING; i++)
        if (text_starts(model, REASONING[i]))
            return false;
    return true;
}

/* OpenAI has deprecated max_tokens; the servers that copy its interface know only that. */
static const char *tokens_member(const char *base_url)
{
    return text_starts(base_url, "https://api.openai.com/") ? "max_completion_tokens" : "max_tokens";
}

static const char *compose_body(struct arena *arena, const struct llm_endpoint *endpoint,
                                const struct llm_prompt *prompt)
{
    struct buffer body = { .arena = arena };
    buffer_add(&body, "{\"model\":");
    json_add_string(&body, prompt->model);
    buffer_add(&body, ",\"messages\":[");
    for (size_t i = 0; i < prompt->count; i++) {
        buffer_format(&body, "%s{\"role\":\"%s\",\"content\":", i ? "," : "", prompt->messages[i].role);
        json_add_string(&body, prompt->messages[i].text);
        buffer_add_char(&body, '}');
    }
    buffer_add_char(&body, ']');
    if (prompt->tokens_max > 0)
        buffer_format(&body, ",\"%s\":%d", tokens_member(endpoint->base_url), prompt->tokens_max);
    if (takes_temperature(prompt->model))
        buffer_format(&body, ",\"temperature\":%.2f", prompt->temperature);
    buffer_add_char(&body, '}');
    return buffer_text(&body);
}

static void compose(struct arena *arena, const struct llm_endpoint *endpoint, const struct llm_prompt *prompt,
                    struct llm_http *out)
{
    const char **headers = ARENA_ARRAY(arena, const char *, 3);
    headers[0] = "Content-Type: application/json";
    if (!text_empty(endpoint->key))
        headers[1] = text_format(arena, "Authorization: Bearer %s", endpoint->key);
    out->url = text_format(arena, "%s/chat/completions", endpoint->base_url);
    out->headers = headers;
    out->body = compose_body(arena, endpoint, prompt);
}

/* -- judging */

static const char *member_text(const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}

static void end_with(struct llm_reply *out, enum llm_end end, const char *reason, const char *sentence)
{
    out->end = end;
    out->reason = reason;
    out->error = sentence;
}

static bool among(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* The provider's word for an error, as far as it is a word: its message may quote keys and prompts and is never kept.
 */
static const char *code_of(struct arena *arena, const cJSON *error)
{
    const char *word = member_text(error, "code");
    if (!*word)
        word = member_text(error, "type");
    char *code = text_cut(arena, word, CODE_BYTES_MAX);
    for (char *at = code; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *at))
            *at = '_';
    return code;
}

/* The nested form, the flat one of older vLLM, or none. */
static const cJSON *error_of(const cJSON *root)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
    if (cJSON_IsObject(error))
        return error;
    return strcmp(member_text(root, "object"), "error") == 0 ? root : NULL;
}

static void judge_error(struct arena *arena, long status, const cJSON *error, struct llm_reply *out)
{
    static const char *const MONEY[] = {
        "insufficient_quota",           "credit_balance_exhausted",          "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded", "organization_usage_limit_exceeded", NULL
    };
    static const char *const FILTERED[] = { "content_filter", "content_policy_violation", NULL };
    out->code = error ? code_of(arena, error) : "";
    const char *sentence =
        text_format(arena, "the model's server answered HTTP %ld%s%s", status, *out->code ? ", " : "", out->code);
    if (among(out->code, MONEY) || among(member_text(error, "type"), MONEY) || status == 402)
        end_with(out, LLM_DEAD, "quota", sentence);
    else if (among(out->code, FILTERED))
        end_with(out, LLM_REFUSED, "refused", sentence);
    else if (status == 429)
        end_with(out, LLM_RETRY, "rate_limit", sentence);
    else if (status == 408 || status == 409 || status == 425 || status >= 500)
        end_with(out, LLM_RETRY, "overloaded", sentence);
    else if (status == 401 || status == 403)
        end_with(out, LLM_DEAD, "auth", sentence);
    else if (status == 404)
        end_with(out, LLM_DEAD, "model", sentence);
    else
        end_with(out, LLM_DEAD, "request", sentence);
}

/* A text, or the text parts of a list, as some servers write it. */
static const char *content_of(struct arena *arena, const cJSON *message)
{
    const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content");
    struct buffer text = { .arena = arena };
    if (cJSON_IsString(content))
        return content->valuestring;
    if (cJSON_IsArray(content))
        for (const cJSON *part = content->child; part; part = part->next)
            buffer_add(&text, member_text(part, "text"));
    return buffer_text(&text);
}

static int usage_of(const cJSON *root, const char *name)
{
    int64_t tokens = 0;
    const cJSON *usage = cJSON_GetObjectItemCaseSensitive(root, "usage");
    if (!cJSON_IsObject(usage) || json_want_int64(usage, name, &tokens, NULL) != OK || tokens < 0 || tokens > INT32_MAX)
        return 0;
    return (int)tokens;
}

static void judge_answer(struct arena *arena, const cJSON *root, struct llm_reply *out)
{
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(root, "choices");
    const cJSON *choice = cJSON_IsArray(choices) ? choices->child : NULL;
    const cJSON *message = cJSON_GetObjectItemCaseSensitive(choice, "message");
    const char *finish = member_text(choice, "finish_reason");
    out->model = arena_text(arena, member_text(root, "model"));
    out->prompt_tokens = usage_of(root, "prompt_tokens");
    out->completion_tokens = usage_of(root, "completion_tokens");
    out->cut = strcmp(finish, "length") == 0;
    out->text = text_trim(arena, content_of(arena, message));
    if (*member_text(message, "refusal") || strcmp(finish, "content_filter") == 0)
        end_with(out, LLM_REFUSED, "refused", "the model or its filter declined to answer");
    else if (!*out->text)
        end_with(out, LLM_RETRY, "empty", "the model's answer has no text");
    else
        out->end = LLM_ANSWERED;
}

static void judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct llm_reply *out)
{
    cJSON *root = NULL;
    bool good = http_status >= 200 && http_status < 300;
    *out = (struct llm_reply){ .text = "", .model = "", .reason = "", .code = "", .error = "" };
    if (json_parse(arena, body ? body : "", body ? bytes : 0, &root, NULL) != OK || !cJSON_IsObject(root))
        root = NULL;
    const cJSON *error = root ? error_of(root) : NULL;
    if (good && !root)
        end_with(out, LLM_RETRY, "unreadable", "the model's answer is no JSON object");
    else if (good && error)
        judge_error(arena, 500, error, out); /* an error under a 200: the server's own confusion */
    else if (good)
        judge_answer(arena, root, out);
    else
        judge_error(arena, http_status, error, out);
}

const struct llm_provider LLM_OPENAI = { .name = "openai", .model = "gpt-4o-mini", .compose = compose, .judge = judge };
