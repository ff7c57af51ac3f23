/* The dialect of Google's Gemini: generateContent. */
#include "llm.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char models_path[] = "/v1beta/models/";
static const char verb[] = ":generateContent";

static bool matches(const struct http_request *request)
{
    return text_starts_with(request->path, models_path) && text_ends_with(request->path, verb);
}

static bool read_key(const struct http_request *request, char *key, size_t room)
{
    return http_request_header(request, "x-goog-api-key", key, room) && *key != '\0';
}

/* -- errors: type is the status, code a reason of ErrorInfo (API_KEY_...) or a quota's id */

static void name_error(int status, struct llm_refusal *refusal)
{
    static const struct {
        int status;
        const char *type;
        const char *message;
    } known[] = {
        { 400, "INVALID_ARGUMENT", "Request contains an invalid argument." },
        { 401, "UNAUTHENTICATED", "Request had invalid authentication credentials." },
        { 403, "PERMISSION_DENIED", "The caller does not have permission" },
        { 404, "NOT_FOUND", "Requested entity was not found." },
        { 409, "ABORTED", "The operation was aborted." },
        { 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details." },
        { 503, "UNAVAILABLE", "The model is overloaded. Please try again later." },
        { 504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete." },
    };
    *refusal =
        (struct llm_refusal){ .status = status, .type = "INTERNAL", .message = "An internal error has occurred." };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status) {
            text_copy(refusal->type, sizeof refusal->type, known[i].type);
            text_copy(refusal->message, sizeof refusal->message, known[i].message);
        }
}

static void refuse_key(bool given, struct llm_refusal *refusal)
{
    name_error(given ? 400 : 403, refusal);
    if (!given) {
        text_copy(refusal->message, sizeof refusal->message,
                  "Method doesn't allow unregistered callers (callers without established identity).");
        return;
    }
    text_copy(refusal->code, sizeof refusal->code, "API_KEY_INVALID");
    text_copy(refusal->message, sizeof refusal->message, "API key not valid. Please pass a valid API key.");
}

static void write_details(struct buffer *buffer, const struct llm_refusal *refusal)
{
    const char *comma = "";
    if (refusal->code[0] != '\0') {
        bool key = text_starts_with(refusal->code, "API_KEY_");
        buffer_format(buffer, "{\"@type\":\"type.googleapis.com/google.rpc.%s\",%s", key ? "ErrorInfo" : "QuotaFailure",
                      key ? "\"domain\":\"googleapis.com\",\"reason\":" : "\"violations\":[{\"quotaId\":");
        buffer_add_json(buffer, refusal->code);
        buffer_add_text(buffer, key ? "}" : "}]}");
        comma = ",";
    }
    if (refusal->retry_after != FIELD_NONE)
        buffer_format(buffer, "%s{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"%llds\"}",
                      comma, (long long)refusal->retry_after);
}

static void write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    buffer_format(buffer, "{\"error\":{\"code\":%d,\"message\":", refusal->status);
    buffer_add_json(buffer, refusal->message);
    buffer_add_text(buffer, ",\"status\":");
    buffer_add_json(buffer, refusal->type);
    buffer_add_text(buffer, ",\"details\":[");
    write_details(buffer, refusal);
    buffer_add_text(buffer, "]}}");
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

static void check_members(const cJSON *object, const char *const known[], struct llm_refusal *refusal)
{
    const cJSON *member = llm_unknown_member(object, known);
    char message[140];
    if (member == NULL)
        return;
    snprintf(message, sizeof message, "Invalid JSON payload received. Unknown name \"%.60s\": Cannot find field.",
             member->string);
    refuse(refusal, message);
}

static void check_config(const cJSON *config, struct llm_refusal *refusal)
{
    static const char *const known[] = { "temperature",
                                         "topP",
                                         "topK",
                                         "candidateCount",
                                         "maxOutputTokens",
                                         "stopSequences",
                                         "seed",
                                         "responseMimeType",
                                         "responseSchema",
                                         "responseJsonSchema",
                                         "thinkingConfig",
                                         "presencePenalty",
                                         "frequencyPenalty",
                                         NULL };
    const cJSON *temperature = cJSON_GetObjectItemCaseSensitive(config, "temperature");
    const cJSON *max_tokens = cJSON_GetObjectItemCaseSensitive(config, "maxOutputTokens");
    check_members(config, known, refusal);
    if (temperature != NULL && !llm_is_within(temperature, 0, 2))
        refuse(refusal, "* GenerateContentRequest.generation_config.temperature: must be in the range [0.0, 2.0].");
    if (max_tokens != NULL && !llm_is_within(max_tokens, 1, 1e9))
        refuse(refusal, "* GenerateContentRequest.generation_config.max_output_tokens: must be positive.");
}

static void read_format(const cJSON *config, struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const char *type = llm_member_text(config, "responseMimeType");
    prompt->schema = cJSON_GetObjectItemCaseSensitive(config, "responseJsonSchema");
    if (prompt->schema == NULL)
        return;
    if (cJSON_HasObjectItem(config, "responseSchema"))
        refuse(refusal, "Only one of response_schema and response_json_schema can be set.");
    if (type == NULL || strcmp(type, "application/json") != 0)
        refuse(refusal, "Function calling config or a response schema is set without response_mime_type.");
    if (llm_member_text(prompt->schema, "type") == NULL)
        refuse(refusal, "* GenerateContentRequest.generation_config.response_json_schema: should have a type.");
}

/* The text of the last part; NULL when there is none. */
static const char *read_parts(const cJSON *content, struct llm_refusal *refusal)
{
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(content, "parts");
    const cJSON *part = NULL;
    const char *last = NULL;
    if (!cJSON_IsArray(parts) || cJSON_GetArraySize(parts) == 0)
        refuse(refusal, "* GenerateContentRequest.contents.parts: contents.parts must not be empty.");
    cJSON_ArrayForEach (part, parts) {
        const cJSON *file = cJSON_GetObjectItemCaseSensitive(part, "inlineData");
        if (llm_member_text(file, "mimeType") != NULL && llm_member_text(file, "data") != NULL)
            continue;
        last = llm_member_text(part, "text");
        if (llm_is_blank(last))
            refuse(refusal, "* GenerateContentRequest.contents.parts: required oneof field 'data' must have one "
                            "initialized field");
    }
    return last;
}

static void read_contents(struct llm_prompt *prompt, struct llm_refusal *refusal)
{
    const cJSON *content = NULL;
    const char *before = "model";
    if (!cJSON_IsArray(prompt->messages) || cJSON_GetArraySize(prompt->messages) == 0)
        refuse(refusal, "* GenerateContentRequest.contents: contents is not specified");
    cJSON_ArrayForEach (content, prompt->messages) {
        const char *role = llm_member_text(content, "role");
        if (role == NULL || (strcmp(role, "user") != 0 && strcmp(role, "model") != 0)) {
            refuse(refusal, "Please use a valid role: user, model.");
            return;
        }
        if (strcmp(role, before) == 0)
            refuse(refusal, "Please ensure that multiturn requests alternate between user and model.");
        const char *text = read_parts(content, refusal);
        if (strcmp(role, "user") == 0)
            prompt->last_user = text;
        before = role;
    }
    if (strcmp(before, "user") != 0)
        refuse(refusal, "Please ensure that multiturn requests end with a user role or a function response.");
}

static void look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    const char *name = request->path + strlen(models_path);
    size_t length = strlen(name) - strlen(verb);
    snprintf(prompt->model_room, sizeof prompt->model_room, "%.*s", (int)length, name);
    prompt->model = prompt->model_room;
    prompt->system = cJSON_GetObjectItemCaseSensitive(body, "systemInstruction");
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "contents");
}

static void check_model(const char *model, struct llm_refusal *refusal)
{
    static const char *const families[] = { "gemini-", "gemma-", "sim-", NULL };
    if (refusal->status != 0 || llm_is_one_of(model, families))
        return;
    name_error(404, refusal);
    snprintf(refusal->message, sizeof refusal->message,
             "models/%.80s is not found for API version v1beta, or is not supported for generateContent.", model);
}

static void read_request(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                         struct llm_refusal *refusal)
{
    static const char *const known[] = { "contents", "systemInstruction", "generationConfig", "safetySettings",
                                         "tools",    "toolConfig",        "cachedContent",    NULL };
    (void)request;
    if (!cJSON_IsObject(body))
        refuse(refusal, "Invalid JSON payload received. Unexpected end of string.");
    check_members(body, known, refusal);
    check_config(cJSON_GetObjectItemCaseSensitive(body, "generationConfig"), refusal);
    read_format(cJSON_GetObjectItemCaseSensitive(body, "generationConfig"), prompt, refusal);
    if (prompt->system != NULL)
        read_parts(prompt->system, refusal);
    read_contents(prompt, refusal);
    check_model(prompt->model, refusal);
}

/* -- the answer */

static void write_candidate(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                            enum llm_finish finish)
{
    static const char *const reasons[] = { [LLM_WHOLE] = "STOP", [LLM_CUT] = "MAX_TOKENS", [LLM_FILTERED] = "SAFETY" };
    buffer_add_text(buffer, "\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
    if (prompt->thought)
        buffer_add_text(buffer, "{\"text\":\"What may they want?\",\"thought\":true},");
    buffer_add_text(buffer, "{\"text\":");
    buffer_add_json(buffer, text);
    buffer_format(buffer, "}]},\"finishReason\":\"%s\",\"index\":0,", reasons[finish]);
    buffer_add_text(buffer,
                    "\"safetyRatings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"NEGLIGIBLE\"},"
                    "{\"category\":\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":\"LOW\"}]}],");
}

static void write_answer(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    static unsigned long long number;
    size_t asked = llm_tokens_of(prompt->messages) + llm_tokens_of(prompt->system);
    size_t answered = finish == LLM_BLOCKED ? 0 : llm_tokens(text);
    size_t thought = prompt->thought ? 7 : 0;
    buffer_add_text(buffer, "{");
    if (finish == LLM_BLOCKED)
        buffer_add_text(buffer, "\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\",\"safetyRatings\":[]},");
    else
        write_candidate(buffer, prompt, text, finish);
    buffer_format(buffer, "\"usageMetadata\":{\"promptTokenCount\":%zu,\"candidatesTokenCount\":%zu,", asked, answered);
    buffer_format(buffer, "\"thoughtsTokenCount\":%zu,\"totalTokenCount\":%zu},\"modelVersion\":", thought,
                  asked + answered + thought);
    buffer_add_json(buffer, prompt->model);
    buffer_format(buffer, ",\"responseId\":\"sim%llu\"}", ++number);
}

static bool answer_other(struct exchange *exchange)
{
    static const char text[] = "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>";
    if (strcmp(exchange->request.method, "POST") == 0)
        return false;
    http_answer(exchange, 0,
                &(struct http_answer){ .status = 404, .type = "text/html", .body = text, .body_bytes = strlen(text) });
    return true;
}

const struct llm_dialect llm_gemini = {
    .name = "gemini",
    .waits_in_body = true,
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
