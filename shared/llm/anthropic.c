/* Anthropic's Messages, and the servers that speak the same. */
#include <string.h>

#include "llm/llm_inside.h"

/* -- asking */

/* From Claude Opus 4.7 on the vendor refuses a temperature, and from Claude 5 on a model thinks unless told otherwise.
 * The older ones are a closed list; what isn't Claude at all (another server's model) is as they are. */
static bool is_newer(const char *model)
{
    static const char *const OLDER[] = { "claude-2",        "claude-3",        "claude-instant",  "claude-sonnet-4",
                                         "claude-haiku-4",  "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2",
                                         "claude-opus-4-5", "claude-opus-4-6" };
    if (!text_starts(model, "claude-"))
        return false;
    for (size_t i = 0; i < sizeof OLDER / sizeof *OLDER; i++)
        if (text_starts(model, OLDER[i]))
            return false;
    return true;
}

/* All of Claude's since the third sees. */
static bool takes(const char *model, const char *mime_type)
{
    return text_starts(model, "claude-") && !text_starts(model, "claude-2") && !text_starts(model, "claude-instant") &&
           text_starts(mime_type, "image/");
}

static void add_file(struct buffer *json, const struct llm_file *file)
{
    buffer_format(json, "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"%s\",\"data\":\"%s\"}}",
                  file->mime_type, file->base64);
}

static const char *compose_body(struct arena *arena, const struct llm_prompt *prompt)
{
    static const struct llm_turn_form FORM = {
        .assistant = "assistant", .list = "content", .part = "{\"type\":\"text\",\"text\":", .file = add_file
    };
    struct buffer body = { .arena = arena };
    bool newer = is_newer(prompt->model);
    const char *system = llm_system(arena, prompt);
    buffer_add(&body, "{\"model\":");
    json_add_string(&body, prompt->model);
    buffer_format(&body, ",\"max_tokens\":%d", llm_tokens_max(prompt, newer));
    if (!newer)
        buffer_format(&body, ",\"temperature\":%.2f", llm_within(prompt->temperature, 0, 1));
    if (*system) {
        buffer_add(&body, ",\"system\":");
        json_add_string(&body, system);
    }
    buffer_add(&body, ",\"messages\":");
    llm_add_turns(&body, prompt, &FORM);
    if (prompt->schema)
        buffer_format(&body, ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":%s}}",
                      prompt->schema);
    buffer_add_char(&body, '}');
    return buffer_text(&body);
}

static void compose(struct arena *arena, const struct llm_endpoint *endpoint, const struct llm_prompt *prompt,
                    struct llm_http *out)
{
    const char **headers = ARENA_ARRAY(arena, const char *, 4);
    const char *version = text_ends(endpoint->base_url, "/v1") ? "" : "/v1"; /* the vendor's own clients leave it out */
    headers[0] = "Content-Type: application/json";
    headers[1] = "anthropic-version: 2023-06-01";
    if (!text_empty(endpoint->key))
        headers[2] = text_format(arena, "x-api-key: %s", endpoint->key);
    out->url = text_format(arena, "%s%s/messages", endpoint->base_url, version);
    out->headers = headers;
    out->body = compose_body(arena, prompt);
}

/* -- judging */

/* The type says more than the status, which a proxy may have changed. */
static const struct {
    const char *type;
    enum llm_end end;
    const char *reason;
} KNOWN[] = {
    { "invalid_request_error", LLM_DEAD, "request" }, { "authentication_error", LLM_DEAD, "auth" },
    { "billing_error", LLM_DEAD, "quota" },           { "permission_error", LLM_DEAD, "auth" },
    { "not_found_error", LLM_DEAD, "model" },         { "conflict_error", LLM_RETRY, "overloaded" },
    { "request_too_large", LLM_DEAD, "request" },     { "rate_limit_error", LLM_RETRY, "rate_limit" },
    { "api_error", LLM_RETRY, "overloaded" },         { "timeout_error", LLM_RETRY, "overloaded" },
    { "overloaded_error", LLM_RETRY, "overloaded" },
};

/* No money left, or an own limit reached: told by a code of its own, or only in words, under a type that means
 * something else. */
static bool wants_money(const cJSON *error)
{
    static const char *const WORDS[] = { "credit balance", "usage limit", "spend limit", "spending limit" };
    if (strcmp(llm_text(llm_member(error, "details"), "error_code"), "enforced_spend_limit_reached") == 0)
        return true;
    const char *message = llm_text(error, "message");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strstr(message, WORDS[i]) && strcmp(llm_text(error, "type"), "invalid_request_error") == 0)
            return true;
    return false;
}

static void judge_error(struct arena *arena, long status, const cJSON *error, struct llm_reply *out)
{
    const char *type = llm_text(error, "type");
    const char *sentence = llm_failed(arena, status, type, out);
    if (wants_money(error)) {
        llm_end(out, LLM_DEAD, "quota", sentence);
        return;
    }
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (strcmp(type, KNOWN[i].type) == 0) {
            llm_end(out, KNOWN[i].end, KNOWN[i].reason, sentence);
            return;
        }
    llm_end_by_status(status, sentence, out);
}

/* The text blocks; what the model thought, and blocks of any other type, are not for the customer. */
static const char *content_of(struct arena *arena, const cJSON *root)
{
    struct buffer text = { .arena = arena };
    for (const cJSON *block = llm_list(root, "content"); block; block = block->next)
        if (strcmp(llm_text(block, "type"), "text") == 0)
            buffer_add(&text, llm_text(block, "text"));
    return buffer_text(&text);
}

static void judge_answer(struct arena *arena, const cJSON *root, struct llm_reply *out)
{
    static const char *const CUT[] = { "max_tokens", "model_context_window_exceeded", NULL };
    const char *stop = llm_text(root, "stop_reason");
    const cJSON *usage = llm_member(root, "usage");
    out->model = llm_model_told(arena, root, "model");
    out->prompt_tokens = llm_tokens(usage, "input_tokens") + llm_tokens(usage, "cache_creation_input_tokens") +
                         llm_tokens(usage, "cache_read_input_tokens");
    out->completion_tokens = llm_tokens(usage, "output_tokens");
    out->cut = llm_among(stop, CUT);
    llm_end_answer(arena, content_of(arena, root), strcmp(stop, "refusal") == 0, out);
}

static void judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct llm_reply *out)
{
    llm_judge(arena, http_status, body, bytes, judge_answer, judge_error, out);
}

const struct llm_provider LLM_ANTHROPIC = { .name = "anthropic",
                                            .base_url = "https://api.anthropic.com/v1",
                                            .model = "claude-haiku-5-5",
                                            .compose = compose,
                                            .takes = takes,
                                            .judge = judge };
