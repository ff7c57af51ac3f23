/* The dialect of OpenAI's chat completions, and of every server that is compatible with them. */
#include "llm.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_TOKENS = 4 };

static const char chat_path[] = "/v1/chat/completions";
static const char models_path[] = "/v1/models";

static bool matches(const struct http_request *request)
{
    return strcmp(request->path, chat_path) == 0 || strcmp(request->path, models_path) == 0;
}

static bool read_key(const struct http_request *request, char *key, size_t room)
{
    return http_request_bearer(request, key, room);
}

static void name_error(int status, struct llm_refusal *refusal)
{
    static const struct {
        int status;
        const char *type;
        const char *code;
        const char *message;
    } known[] = {
        { 400, "invalid_request_error", "", "The request is not valid." },
        { 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided." },
        { 403, "invalid_request_error", "unsupported_country_region_territory", "Not available in your region." },
        { 404, "invalid_request_error", "model_not_found",
          "The model does not exist or you do not have access to it." },
        { 408, "timeout_error", "", "The request timed out." },
        { 409, "conflict_error", "", "The resource was updated by another request." },
        { 422, "invalid_request_error", "", "The request can't be processed." },
        { 429, "rate_limit_exceeded", "rate_limit_exceeded", "Rate limit reached for requests." },
        { 503, "service_unavailable_error", "server_is_overloaded", "The server is overloaded." },
    };
    *refusal = (struct llm_refusal){ .status = status, .type = "server_error", .message = "The server had an error." };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) {
            text_copy(refusal->type, sizeof refusal->type, known[i].type);
            text_copy(refusal->code, sizeof refusal->code, known[i].code);
            text_copy(refusal->message, sizeof refusal->message, known[i].message);
        }
}

static void write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    buffer_add_text(buffer, "{\"error\":{\"message\":");
    buffer_add_json(buffer, refusal->message);
    buffer_add_text(buffer, ",\"type\":");
    buffer_add_json(buffer, refusal->type);
    buffer_add_text(buffer, ",\"param\":");
    buffer_add_json(buffer, refusal->param[0] == '\0' ? NULL : refusal->param);
    buffer_add_text(buffer, ",\"code\":");
    buffer_add_json(buffer, refusal->code[0] == '\0' ? NULL : refusal->code);
    buffer_add_text(buffer, "}}");
}

/* Only the first fault counts. */
static void refuse(struct llm_refusal *refusal, const char *param, const char *code, const char *message)
{
    if (refusal->status != 0)
        return;
    name_error(400, refusal);
    text_copy(refusal->param, sizeof refusal->param, param);
    text_copy(refusal->code, sizeof refusal->code, code);
    text_copy(refusal->message, sizeof refusal->message, message);
}

static const char *const known_members[] = {
    "model",
    "messages",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "stop",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "service_tier",
    "store",
    "metadata",
    "seed",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "verbosity",
    "prompt_cache_key",
    "safety_identifier",
    "moderation",
    "stream",
    "stream_options",
    "user",
    NULL,
};

static void check_members(const cJSON *body, struct llm_refusal *refusal)
{
    const cJSON *member = llm_unknown_member(body, known_members);
    char message[120];
    if (member == NULL)
        return;
    snprintf(message, sizeof message, "Unrecognized request argument supplied: %.60s", member->string);
    refuse(refusal, member->string, "", message);
}

/* The reasoning models don't take what the older ones took. */
static void check_reasoning(const cJSON *body, const char *model, struct llm_refusal *refusal)
{
    static const char *const reasoning[] = { "o1", "o3", "o4", "gpt-5", "gpt-6", NULL };
    const cJSON *temperature = cJSON_GetObjectItemCaseSensitive(body, "temperature");
    if (model == NULL || !llm_is_one_of(model, reasoning))
        return;
    if (cJSON_HasObjectItem(body, "max_tokens"))
        refuse(refusal, "max_tokens", "unsupported_parameter",
               "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
               "instead.");
    if (temperature != NULL && !llm_is_within(temperature, 1, 1))
        refuse(refusal, "temperature", "unsupported_value",
               "Unsupported value: 'temperature' does not support this value with this model. Only the default (1) "
               "value is supported.");
}

static void check_numbers(const cJSON *body, struct llm_refusal *refusal)
{
    static const struct {
        const char *name;
        double min;
        double max;
    } ranges[] = {
        { "temperature", 0, 2 },        { "top_p", 0, 1 },         { "presence_penalty", -2, 2 },
        { "frequency_penalty", -2, 2 }, { "n", 1, 128 },           { "max_completion_tokens", 1, 1e9 },
        { "max_tokens", 1, 1e9 },       { "top_logprobs", 0, 20 },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, ranges[i].name);
        if (value == NULL || cJSON_IsNull(value))
            continue;
        bool legal = llm_is_within(value, ranges[i].min, ranges[i].max);
        char message[120];
        snprintf(message, sizeof message, "Invalid '%s': must be a number from %g to %g.", ranges[i].name,
                 ranges[i].min, ranges[i].max);
        if (!legal)
            refuse(refusal, ranges[i].name, "invalid_value", message);
    }
}

static bool role_is_known(const char *role)
{
    static const char *const roles[] = { "developer", "system", "user", "assistant", "tool" };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i], role) == 0)
            return true;
    return false;
}

/* Of a user's words beside pictures, each a data URL; the words, or NULL after a fault. */
static const char *read_content_parts(const cJSON *parts, struct llm_refusal *refusal)
{
    const cJSON *part = NULL;
    const char *words = NULL;
    cJSON_ArrayForEach (part, parts) {
        const char *type = llm_member_text(part, "type");
        const char *url = llm_member_text(cJSON_GetObjectItemCaseSensitive(part, "image_url"), "url");
        if (type != NULL && strcmp(type, "text") == 0)
            words = llm_member_text(part, "text");
        else if (type == NULL || strcmp(type, "image_url") != 0 || url == NULL ||
                 strncmp(url, "data:image/", 11) != 0 || strstr(url, ";base64,") == NULL)
            refuse(refusal, "messages", "invalid_value", "A part is a text, or an image_url with a data URL.");
    }
    return words;
}

static void read_message(const cJSON *message, struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const char *role = llm_member_text(message, "role");
    const char *content = llm_member_text(message, "content");
    if (role == NULL || !role_is_known(role)) {
        refuse(refusal, "messages", "invalid_value",
               "Each message needs a role: developer, system, user, assistant or tool.");
        return;
    }
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(message, "content");
    if (cJSON_IsArray(parts) && strcmp(role, "user") == 0)
        content = read_content_parts(parts, refusal);
    bool only_calls =
        strcmp(role, "assistant") == 0 && cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(message, "tool_calls"));
    if (content == NULL && !only_calls)
        refuse(refusal, "messages", "invalid_type", "Each message needs a content that is a string.");
    if (strcmp(role, "tool") == 0 && llm_member_text(message, "tool_call_id") == NULL)
        refuse(refusal, "messages", "missing_required_parameter", "A tool message needs a tool_call_id.");
    if (strcmp(role, "user") == 0)
        prompt->last_user = content;
}

static void read_messages(struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    if (prompt->messages == NULL)
        refuse(refusal, "messages", "missing_required_parameter", "Missing required parameter: 'messages'.");
    else if (!cJSON_IsArray(prompt->messages) || cJSON_GetArraySize(prompt->messages) == 0)
        refuse(refusal, "messages", "empty_array", "Invalid 'messages': expected an array with at least one message.");
    const cJSON *message = NULL;
    cJSON_ArrayForEach (message, prompt->messages) {
        read_message(message, prompt, refusal);
    }
}

static void read_format(const cJSON *body, struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(body, "response_format");
    const char *type = llm_member_text(format, "type");
    const cJSON *form = cJSON_GetObjectItemCaseSensitive(format, "json_schema");
    if (format == NULL || (type != NULL && (strcmp(type, "text") == 0 || strcmp(type, "json_object") == 0)))
        return;
    if (type == NULL || strcmp(type, "json_schema") != 0) {
        refuse(refusal, "response_format.type", "invalid_value",
               "Supported values are: 'json_object', 'json_schema', "
               "and 'text'.");
        return;
    }
    const char *name = llm_member_text(form, "name");
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (name == NULL || *name == '\0' || strlen(name) > 64 || name[strspn(name, letters)] != '\0')
        refuse(refusal, "response_format.json_schema.name", "invalid_value", "The name must be ^[a-zA-Z0-9_-]{1,64}$.");
    prompt->schema = cJSON_GetObjectItemCaseSensitive(form, "schema");
    bool strict = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(form, "strict"));
    const char *fault = strict ? llm_schema_fault(prompt->schema) : NULL;
    if (fault != NULL)
        refuse(refusal, "response_format", "invalid_json_schema", fault);
}

static void look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    (void)request;
    prompt->model = llm_member_text(body, "model");
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "messages");
}

static void read_request(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                         struct llm_refusal *refusal)
{
    (void)request;
    if (!cJSON_IsObject(body)) {
        refuse(refusal, "", "", "We could not parse the JSON body of your request.");
        return;
    }
    if (prompt->model == NULL || *prompt->model == '\0')
        refuse(refusal, "model", "missing_required_parameter", "You must provide a model parameter.");
    check_members(body, refusal);
    check_numbers(body, refusal);
    check_reasoning(body, prompt->model, refusal);
    read_format(body, prompt, refusal);
    read_messages(prompt, refusal);
    const char *marker = llm_member_text(body, "safety_identifier");
    if (marker != NULL && text_length(marker) > 64)
        refuse(refusal, "safety_identifier", "string_above_max_length", "'safety_identifier' is longer than 64.");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body, "stream")))
        refuse(refusal, "stream", "unsupported_value", "This simulator does not stream.");
    const cJSON *answers = cJSON_GetObjectItemCaseSensitive(body, "n");
    prompt->answers = cJSON_IsNumber(answers) ? (int64_t)answers->valuedouble : 1;
}

static size_t prompt_tokens(const struct llm_prompt *prompt)
{
    size_t total = 0;
    const cJSON *message = NULL;
    cJSON_ArrayForEach (message, prompt->messages) {
        total += MESSAGE_TOKENS + llm_tokens(llm_member_text(message, "content"));
    }
    return total;
}

static void write_choices(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                          enum llm_finish finish)
{
    static const char *const reasons[] = {
        [LLM_WHOLE] = "stop", [LLM_CUT] = "length", [LLM_FILTERED] = "content_filter", [LLM_BLOCKED] = "stop"
    };
    bool blocked = finish == LLM_BLOCKED;
    for (int64_t i = 0; i < prompt->answers; i++) {
        buffer_format(buffer, "%s{\"index\":%lld,\"finish_reason\":\"%s\",\"logprobs\":null,", i == 0 ? "" : ",",
                      (long long)i, reasons[finish]);
        buffer_add_text(buffer, "\"message\":{\"role\":\"assistant\",\"refusal\":");
        buffer_add_json(buffer, blocked ? "I'm sorry, I can't help with that." : NULL);
        buffer_add_text(buffer, ",\"content\":");
        buffer_add_json(buffer, blocked ? NULL : text);
        buffer_add_text(buffer, "}}");
    }
}

static void write_answer(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    static unsigned long long number;
    size_t asked = prompt_tokens(prompt);
    size_t answered = llm_tokens(text) * (size_t)prompt->answers;
    buffer_format(buffer,
                  "{\"id\":\"chatcmpl-sim%llu\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":", ++number,
                  (long long)(moment_wall_ms() / 1000));
    buffer_add_json(buffer, prompt->model);
    buffer_add_text(buffer, ",\"choices\":[");
    write_choices(buffer, prompt, text, finish);
    buffer_format(buffer, "],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu,", asked,
                  answered, asked + answered);
    buffer_add_text(buffer, "\"prompt_tokens_details\":{\"cached_tokens\":0},"
                            "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\"}");
}

static void answer_models(struct exchange *exchange)
{
    static const char *const usual[] = { "gpt-4o-mini", "gpt-demo", NULL };
    struct buffer body = { 0 };
    const char *comma = "";
    buffer_add_text(&body, "{\"object\":\"list\",\"data\":[");
    for (const char *const *list = usual; list != NULL; list = list == usual ? llm_scripted_models : NULL)
        for (size_t i = 0; list[i] != NULL; i++) {
            buffer_format(&body, "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":0,\"owned_by\":\"simulator\"}",
                          comma, list[i]);
            comma = ",";
        }
    buffer_add_text(&body, "]}");
    http_answer_json(exchange, 0, 200, &body);
}

static void answer_bad_method(struct exchange *exchange)
{
    struct llm_refusal refusal = { 0 };
    struct buffer body = { 0 };
    refuse(&refusal, "", "", "Not allowed with this method.");
    write_error(&body, &refusal);
    http_answer_json(exchange, 0, 405, &body);
}

static bool answer_other(struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    bool models = strcmp(request->path, models_path) == 0;
    if (strcmp(request->method, models ? "GET" : "POST") != 0)
        answer_bad_method(exchange);
    else if (models)
        answer_models(exchange);
    else
        return false;
    return true;
}

static void refuse_key(bool given, struct llm_refusal *refusal)
{
    (void)given;
    name_error(401, refusal);
}

const struct llm_dialect llm_openai = {
    .name = "openai",
    .request_id = "x-request-id",
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
