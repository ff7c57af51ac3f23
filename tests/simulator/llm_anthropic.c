/* The dialect of Anthropic's Messages. */
#include "llm.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char messages_path[] = "/v1/messages";

static bool matches(const struct http_request *request)
{
    return strcmp(request->path, messages_path) == 0;
}

static bool read_key(const struct http_request *request, char *key, size_t room)
{
    return http_request_header(request, "x-api-key", key, room) && *key != '\0';
}

/* -- errors */

static void name_error(int status, struct llm_refusal *refusal)
{
    static const struct {
        int status;
        const char *type;
        const char *message;
    } known[] = {
        { 400, "invalid_request_error", "The request is not valid." },
        { 401, "authentication_error", "invalid x-api-key" },
        { 402, "billing_error", "There is a problem with your billing or payment information." },
        { 403, "permission_error", "Your API key does not have permission to use the specified resource." },
        { 404, "not_found_error", "The requested resource could not be found." },
        { 409, "conflict_error", "The resource was changed by another request." },
        { 413, "request_too_large", "Request exceeds the maximum allowed number of bytes." },
        { 429, "rate_limit_error", "This request would exceed your organization's rate limit." },
        { 504, "timeout_error", "The request timed out while processing." },
        { 529, "overloaded_error", "Overloaded" },
    };
    *refusal = (struct llm_refusal){ .status = status, .type = "api_error", .message = "Internal server error" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) {
            text_copy(refusal->type, sizeof refusal->type, known[i].type);
            text_copy(refusal->message, sizeof refusal->message, known[i].message);
        }
}

static void refuse_key(bool given, struct llm_refusal *refusal)
{
    name_error(401, refusal);
    if (!given)
        text_copy(refusal->message, sizeof refusal->message, "x-api-key header is required");
}

static void write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    static unsigned long long number;
    buffer_add_text(buffer, "{\"type\":\"error\",\"error\":{");
    if (refusal->code[0] != '\0') {
        buffer_add_text(buffer, "\"details\":{\"error_code\":");
        buffer_add_json(buffer, refusal->code);
        buffer_add_text(buffer, "},");
    }
    buffer_add_text(buffer, "\"type\":");
    buffer_add_json(buffer, refusal->type);
    buffer_add_text(buffer, ",\"message\":");
    buffer_add_json(buffer, refusal->message);
    buffer_format(buffer, "},\"request_id\":\"req_sim%llu\"}", ++number);
}

/* Only the first fault counts. */
static void refuse(struct llm_refusal *refusal, const char *message)
{
    if (refusal->status != 0)
        return;
    name_error(400, refusal);
    text_copy(refusal->message, sizeof refusal->message, message);
}

/* -- the request */

static void check_members(const cJSON *body, struct llm_refusal *refusal)
{
    static const char *const known[] = { "model",       "max_tokens",   "messages",      "system",
                                         "temperature", "top_p",        "top_k",         "stop_sequences",
                                         "stream",      "metadata",     "thinking",      "tools",
                                         "tool_choice", "service_tier", "output_config", "inference_geo",
                                         NULL };
    const cJSON *member = llm_unknown_member(body, known);
    char message[120];
    if (member == NULL)
        return;
    snprintf(message, sizeof message, "%.60s: Extra inputs are not permitted", member->string);
    refuse(refusal, message);
}

static void check_numbers(const cJSON *body, struct llm_refusal *refusal)
{
    const cJSON *max_tokens = cJSON_GetObjectItemCaseSensitive(body, "max_tokens");
    const cJSON *temperature = cJSON_GetObjectItemCaseSensitive(body, "temperature");
    if (max_tokens == NULL)
        refuse(refusal, "max_tokens: Field required");
    else if (!llm_is_within(max_tokens, 1, 1e9))
        refuse(refusal, "max_tokens: Input should be greater than or equal to 1");
    if (temperature != NULL && !llm_is_within(temperature, 0, 1))
        refuse(refusal, "temperature: range: 0..1");
}

static void check_model(const char *model, struct llm_refusal *refusal)
{
    static const char *const families[] = { "claude-", "sim-", NULL };
    if (refusal->status != 0)
        return;
    if (model == NULL || *model == '\0') {
        refuse(refusal, "model: Field required");
    } else if (!llm_is_one_of(model, families)) {
        name_error(404, refusal);
        snprintf(refusal->message, sizeof refusal->message, "model: %.100s", model);
    }
}

/* What changed with Claude Opus 4.7. */
static bool is_newer(const char *model)
{
    static const char *const newer[] = { "claude-opus-4-7",
                                         "claude-opus-4-8",
                                         "claude-opus-5",
                                         "claude-sonnet-5",
                                         "claude-haiku-5",
                                         "claude-fable-",
                                         NULL };
    return llm_is_one_of(model, newer);
}

static void check_newer(const cJSON *body, const struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    if (refusal->status != 0 || !is_newer(prompt->model))
        return;
    if (cJSON_HasObjectItem(body, "temperature") || cJSON_HasObjectItem(body, "top_p"))
        refuse(refusal, "`temperature` is deprecated for this model.");
    const cJSON *last = cJSON_GetArrayItem(prompt->messages, cJSON_GetArraySize(prompt->messages) - 1);
    if (strcmp(llm_member_text(last, "role"), "assistant") == 0)
        refuse(refusal, "This model does not support assistant message prefill. The conversation must end with a user "
                        "message.");
}

/* A string, or blocks of which the text ones hold something; the last text, or NULL. */
static const char *read_content(const cJSON *content, const char *what, struct llm_refusal *refusal)
{
    const char *last = cJSON_IsString(content) ? content->valuestring : NULL;
    const cJSON *block = NULL;
    char message[120];
    if (content == NULL || (!cJSON_IsString(content) && !cJSON_IsArray(content)) ||
        (cJSON_IsArray(content) && cJSON_GetArraySize(content) == 0)) {
        snprintf(message, sizeof message, "%s: Input should be a valid list or string", what);
        refuse(refusal, message);
    }
    cJSON_ArrayForEach (block, content) {
        const char *type = llm_member_text(block, "type");
        if (type == NULL)
            refuse(refusal, "content: Unable to extract tag using discriminator 'type'");
        else if (strcmp(type, "text") == 0)
            last = llm_member_text(block, "text");
        const cJSON *source = cJSON_GetObjectItemCaseSensitive(block, "source");
        if (type != NULL && strcmp(type, "image") == 0 &&
            (llm_member_text(source, "type") == NULL || llm_member_text(source, "media_type") == NULL ||
             llm_member_text(source, "data") == NULL))
            refuse(refusal, "messages: image.source: Field required");
        if (type != NULL && strcmp(type, "text") == 0 && llm_is_blank(last))
            refuse(refusal, "messages: text content blocks must contain non-whitespace text");
    }
    if (cJSON_IsString(content) && llm_is_blank(last))
        refuse(refusal, "messages: text content must be non-empty");
    return last;
}

static void read_messages(struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const cJSON *message = NULL;
    const char *before = "assistant";
    if (!cJSON_IsArray(prompt->messages) || cJSON_GetArraySize(prompt->messages) == 0)
        refuse(refusal, "messages: at least one message is required");
    cJSON_ArrayForEach (message, prompt->messages) {
        const char *role = llm_member_text(message, "role");
        if (role == NULL || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)) {
            refuse(refusal, "messages: Unexpected role. The Messages API takes \"user\" and \"assistant\", and a "
                            "top-level `system` parameter.");
            return;
        }
        if (strcmp(role, before) == 0)
            refuse(refusal, message == prompt->messages->child
                                ? "messages: first message must use the \"user\" role"
                                : "messages: roles must alternate between \"user\" and \"assistant\"");
        const char *text =
            read_content(cJSON_GetObjectItemCaseSensitive(message, "content"), "messages.content", refusal);
        if (strcmp(role, "user") == 0)
            prompt->last_user = text;
        before = role;
    }
}

static void read_format(const cJSON *body, struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(body, "output_config");
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(config, "format");
    const char *type = llm_member_text(format, "type");
    if (format == NULL)
        return;
    if (type == NULL || strcmp(type, "json_schema") != 0)
        refuse(refusal, "output_config.format.type: Input should be 'json_schema'");
    prompt->schema = cJSON_GetObjectItemCaseSensitive(format, "schema");
    const char *fault = llm_schema_fault(prompt->schema);
    if (fault != NULL)
        refuse(refusal, fault);
}

static void look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    (void)request;
    prompt->model = llm_member_text(body, "model");
    prompt->system = cJSON_GetObjectItemCaseSensitive(body, "system");
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "messages");
}

static void read_request(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                         struct llm_refusal *refusal)
{
    char version[40];
    if (!http_request_header(request, "anthropic-version", version, sizeof version))
        refuse(refusal, "anthropic-version: header is required");
    else if (strcmp(version, "2023-06-01") != 0)
        refuse(refusal, "anthropic-version: is not a valid version");
    if (!cJSON_IsObject(body))
        refuse(refusal, "The request body is not valid JSON");
    check_members(body, refusal);
    check_numbers(body, refusal);
    if (prompt->system != NULL)
        read_content(prompt->system, "system", refusal);
    read_messages(prompt, refusal);
    read_format(body, prompt, refusal);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "stream")))
        refuse(refusal, "This simulator does not stream.");
    check_model(prompt->model, refusal);
    check_newer(body, prompt, refusal);
}

/* -- the answer */

static void write_content(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                          enum llm_finish finish)
{
    bool thought = prompt->thought || is_newer(prompt->model);
    if (thought)
        buffer_add_text(buffer, "{\"type\":\"thinking\",\"thinking\":\"What may they want?\",\"signature\":\"c2ln\"}");
    if (finish == LLM_BLOCKED)
        return;
    buffer_add_text(buffer, thought ? ",{\"type\":\"text\",\"text\":" : "{\"type\":\"text\",\"text\":");
    buffer_add_json(buffer, text);
    buffer_add_text(buffer, "}");
}

static void write_answer(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    static const char *const reasons[] = {
        [LLM_WHOLE] = "end_turn", [LLM_CUT] = "max_tokens", [LLM_FILTERED] = "refusal", [LLM_BLOCKED] = "refusal"
    };
    static unsigned long long number;
    buffer_format(buffer, "{\"id\":\"msg_sim%llu\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", ++number);
    buffer_add_json(buffer, prompt->model);
    buffer_add_text(buffer, ",\"content\":[");
    write_content(buffer, prompt, text, finish);
    buffer_format(buffer, "],\"stop_reason\":\"%s\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":%zu,",
                  reasons[finish], llm_tokens_of(prompt->messages));
    buffer_format(buffer, "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":%zu,\"output_tokens\":%zu,",
                  llm_tokens_of(prompt->system), llm_tokens(text));
    buffer_add_text(buffer, "\"service_tier\":\"standard\"}}");
}

static bool answer_other(struct exchange *exchange)
{
    struct llm_refusal refusal = { 0 };
    struct buffer body = { 0 };
    if (strcmp(exchange->request.method, "POST") == 0)
        return false;
    refuse(&refusal, "Method Not Allowed");
    write_error(&body, &refusal);
    http_answer_json(exchange, 0, 405, &body);
    return true;
}

const struct llm_dialect llm_anthropic = {
    .name = "anthropic",
    .request_id = "request-id",
    .matches = matches,
    .answer_other = answer_other,
    .read_key = read_key,
    .look = look,
    .read = read_request,
    .write_answer = write_answer,
    .refuse_key = refuse_key,
    .name_error = name_error,
    .write_error = write_error,
};
