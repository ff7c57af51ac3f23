/* OpenAI's chat completions, and the servers that speak the same: Ollama, llama.cpp, vLLM. */
#include <string.h>

#include "llm/llm_inside.h"

/* -- asking */

/* The reasoning models (o1, o3, gpt-5 and what follows) refuse a temperature and max_tokens. */
static bool reasons(const char *model)
{
    if (model[0] == 'o' && model[1] >= '1' && model[1] <= '9')
        return true;
    return text_starts(model, "gpt-") && model[4] >= '5' && model[4] <= '9';
}

/* OpenAI has deprecated max_tokens. The servers that copy its interface (Ollama, older llama.cpp) ignore the new member
 * without a word, which leaves an answer without a limit. */
static const char *tokens_member(const char *base_url, const char *model)
{
    return text_starts(base_url, "https://api.openai.com/") || reasons(model) ? "max_completion_tokens" : "max_tokens";
}

/* What the vendor's own vision models are called; a server of one's own that is asked by another name gets words only.
 */
static bool takes(const char *model, const char *mime_type)
{
    static const char *const SEEING[] = { "gpt-4o", "gpt-4.1", "gpt-4-turbo", "gpt-5", "o1", "o3", "o4", NULL };
    for (const char *const *name = SEEING; *name; name++)
        if (text_starts(model, *name))
            return text_starts(mime_type, "image/");
    return false;
}

static void add_content(struct buffer *body, const struct llm_message *message)
{
    if (message->file_count == 0) {
        json_add_string(body, message->text);
        return;
    }
    buffer_add(body, "[{\"type\":\"text\",\"text\":");
    json_add_string(body, message->text);
    buffer_add_char(body, '}');
    for (size_t i = 0; i < message->file_count; i++)
        buffer_format(body, ",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:%s;base64,%s\"}}",
                      message->files[i].mime_type, message->files[i].base64);
    buffer_add_char(body, ']');
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
        add_content(&body, &prompt->messages[i]);
        buffer_add_char(&body, '}');
    }
    buffer_add_char(&body, ']');
    bool thinks = reasons(prompt->model);
    buffer_format(&body, ",\"%s\":%d", tokens_member(endpoint->base_url, prompt->model),
                  llm_tokens_max(prompt, thinks));
    if (!thinks)
        buffer_format(&body, ",\"temperature\":%.2f", llm_within(prompt->temperature, 0, 2));
    if (prompt->schema)
        buffer_format(
            &body,
            ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"strict\":true,"
            "\"schema\":%s}}",
            prompt->schema);
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

/* The nested form, the flat one of older vLLM, or none. */
static const cJSON *error_of(const cJSON *root)
{
    const cJSON *error = llm_member(root, "error");
    if (cJSON_IsObject(error))
        return error;
    return strcmp(llm_text(root, "object"), "error") == 0 ? root : NULL;
}

static void judge_error(struct arena *arena, long status, const cJSON *error, struct llm_reply *out)
{
    static const char *const MONEY[] = {
        "insufficient_quota",           "credit_balance_exhausted",          "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded", "organization_usage_limit_exceeded", NULL
    };
    static const char *const FILTERED[] = { "content_filter", "content_policy_violation", NULL };
    const char *type = llm_text(error, "type");
    const char *code = text_or(llm_text(error, "code"), type);
    const char *sentence = llm_failed(arena, status, code, out);
    if (llm_among(code, MONEY) || llm_among(type, MONEY))
        llm_end(out, LLM_DEAD, "quota", sentence);
    else if (llm_among(code, FILTERED))
        llm_end(out, LLM_REFUSED, "refused", sentence);
    else
        llm_end_by_status(status, sentence, out);
}

/* A text, or the text parts of a list, as some servers write it. */
static const char *content_of(struct arena *arena, const cJSON *message)
{
    struct buffer text = { .arena = arena };
    buffer_add(&text, llm_text(message, "content"));
    for (const cJSON *part = llm_list(message, "content"); part; part = part->next)
        buffer_add(&text, llm_text(part, "text"));
    return buffer_text(&text);
}

static void judge_answer(struct arena *arena, const cJSON *root, struct llm_reply *out)
{
    const cJSON *choice = llm_list(root, "choices");
    const cJSON *message = llm_member(choice, "message");
    const cJSON *usage = llm_member(root, "usage");
    const char *finish = llm_text(choice, "finish_reason");
    out->model = llm_model_told(arena, root, "model");
    out->prompt_tokens = llm_tokens(usage, "prompt_tokens");
    out->completion_tokens = llm_tokens(usage, "completion_tokens");
    out->cut = strcmp(finish, "length") == 0;
    bool refused = *llm_text(message, "refusal") || strcmp(finish, "content_filter") == 0;
    llm_end_answer(arena, content_of(arena, message), refused, out);
}

static void judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct llm_reply *out)
{
    bool good = http_status >= 200 && http_status < 300;
    const cJSON *root = llm_object(arena, body, bytes);
    const cJSON *error = error_of(root);
    llm_blank(out);
    if (good && !root)
        llm_end(out, LLM_RETRY, "unreadable", "the model's answer is no JSON object");
    else if (good && !error)
        judge_answer(arena, root, out);
    else /* an error under a 200: the server's own confusion */
        judge_error(arena, good ? 500 : http_status, error, out);
}

const struct llm_provider LLM_OPENAI = { .name = "openai",
                                         .base_url = "https://api.openai.com/v1",
                                         .model = "gpt-4o-mini",
                                         .compose = compose,
                                         .takes = takes,
                                         .judge = judge };
