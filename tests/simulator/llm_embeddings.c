/* Embeddings in the dialects of OpenAI and Gemini: texts that share words point alike. Errors are those of the vendors'
 * other answers. */
#include "llm.h"
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPENAI_TEXTS_MAX = 2048,
    OPENAI_DIMENSIONS = 1536,
    GEMINI_TEXTS_MAX = 100,
    GEMINI_DIMENSIONS = 3072,
    DIMENSIONS_MAX = 3072
};

static const char openai_path[] = "/v1/embeddings";
static const char gemini_path[] = "/v1beta/models/";
static const char gemini_verb[] = ":batchEmbedContents";

/* -- vectors */

static uint64_t hash_of(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * 0x100000001b3u;
}

/* Each word turns the vector a little its own way; a word counts by its first six bytes, so that its forms are near. */
static void write_vector(struct buffer *buffer, const char *text, size_t dimensions)
{
    double values[DIMENSIONS_MAX] = { 0 }, length = 1e-9;
    while (*text != '\0') {
        uint64_t hash = 0xcbf29ce484222325u;
        size_t used = 0;
        for (; isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80; text++, used++)
            hash = used < 6 ? hash_of(hash, (unsigned char)tolower((unsigned char)*text)) : hash;
        for (size_t i = 0; used > 2 && i < 8; i++) {
            hash = hash_of(hash, (unsigned char)i);
            values[(hash >> 16) % dimensions] += hash >> 63 ? -1 : 1;
        }
        text += *text != '\0' && used == 0;
    }
    for (size_t i = 0; i < dimensions; i++)
        length += values[i] * values[i];
    for (size_t i = 0; i < dimensions; i++)
        buffer_format(buffer, "%s%.6g", i == 0 ? "[" : ",", values[i] / sqrt(length));
    buffer_add_text(buffer, "]");
}

static size_t dimensions_of(const cJSON *object, const char *name, size_t usual)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(object, name);
    return llm_is_within(wanted, 1, DIMENSIONS_MAX) ? (size_t)wanted->valuedouble : usual;
}

/* -- OpenAI */

static bool openai_matches(const struct http_request *request)
{
    return strcmp(request->path, openai_path) == 0;
}

static bool openai_read_key(const struct http_request *request, char *key, size_t room)
{
    return llm_openai.read_key(request, key, room);
}

static bool answer_nothing_else(struct exchange *exchange)
{
    (void)exchange;
    return false;
}

static void openai_look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    (void)request;
    prompt->model = llm_member_text(body, "model");
    prompt->system = cJSON_GetObjectItemCaseSensitive(body, "dimensions");
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "input");
}

static void refuse_openai(struct llm_refusal *refusal, const char *param, const char *message)
{
    if (refusal->status != 0)
        return;
    llm_openai.name_error(400, refusal);
    text_copy(refusal->param, sizeof refusal->param, param);
    text_copy(refusal->message, sizeof refusal->message, message);
}

static void openai_read(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                        struct llm_refusal *refusal)
{
    static const char *const known[] = { "model", "input", "dimensions", "encoding_format", "user", NULL };
    const cJSON *input = NULL;
    (void)request;
    if (prompt->model == NULL || *prompt->model == '\0')
        refuse_openai(refusal, "model", "you must provide a model parameter");
    if (llm_unknown_member(body, known) != NULL)
        refuse_openai(refusal, llm_unknown_member(body, known)->string, "Unrecognized request argument supplied");
    if (!cJSON_IsArray(prompt->messages) || cJSON_GetArraySize(prompt->messages) < 1 ||
        cJSON_GetArraySize(prompt->messages) > OPENAI_TEXTS_MAX)
        refuse_openai(refusal, "input", "'input' must be an array of 1 to 2048 strings");
    cJSON_ArrayForEach (input, prompt->messages) {
        if (!cJSON_IsString(input) || *input->valuestring == '\0')
            refuse_openai(refusal, "input", "'$.input' is invalid: an empty string, or none");
    }
    if (prompt->system != NULL && !text_starts_with(prompt->model, "text-embedding-3"))
        refuse_openai(refusal, "dimensions", "This model does not support specifying dimensions.");
    if (prompt->system != NULL && !llm_is_within(prompt->system, 1, OPENAI_DIMENSIONS))
        refuse_openai(refusal, "dimensions", "Invalid value for 'dimensions'.");
}

/* In no order: the index counts. */
static void openai_write(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    size_t dimensions = prompt->system == NULL ? OPENAI_DIMENSIONS : (size_t)prompt->system->valuedouble;
    int count = cJSON_GetArraySize(prompt->messages);
    (void)text;
    (void)finish;
    buffer_add_text(buffer, "{\"object\":\"list\",\"data\":[");
    for (int i = count - 1; i >= 0; i--) {
        buffer_format(buffer, "{\"object\":\"embedding\",\"index\":%d,\"embedding\":", i);
        write_vector(buffer, cJSON_GetArrayItem(prompt->messages, i)->valuestring, dimensions);
        buffer_add_text(buffer, i == 0 ? "}" : "},");
    }
    buffer_add_text(buffer, "],\"model\":");
    buffer_add_json(buffer, prompt->model);
    buffer_format(buffer, ",\"usage\":{\"prompt_tokens\":%zu,\"total_tokens\":%zu}}", llm_tokens_of(prompt->messages),
                  llm_tokens_of(prompt->messages));
}

static void openai_refuse_key(bool given, struct llm_refusal *refusal)
{
    llm_openai.refuse_key(given, refusal);
}

static void openai_name_error(int status, struct llm_refusal *refusal)
{
    llm_openai.name_error(status, refusal);
}

static void openai_write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    llm_openai.write_error(buffer, refusal);
}

const struct llm_dialect llm_openai_embeddings = {
    .name = "openai-embeddings",
    .request_id = "x-request-id",
    .matches = openai_matches,
    .answer_other = answer_nothing_else,
    .read_key = openai_read_key,
    .look = openai_look,
    .read = openai_read,
    .write_answer = openai_write,
    .refuse_key = openai_refuse_key,
    .name_error = openai_name_error,
    .write_error = openai_write_error,
};

/* -- Gemini */

static bool gemini_matches(const struct http_request *request)
{
    return text_starts_with(request->path, gemini_path) && text_ends_with(request->path, gemini_verb);
}

static bool gemini_read_key(const struct http_request *request, char *key, size_t room)
{
    return llm_gemini.read_key(request, key, room);
}

static void gemini_look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    size_t bytes = strlen(request->path) - strlen(gemini_path) - strlen(gemini_verb);
    snprintf(prompt->model_room, sizeof prompt->model_room, "%.*s", (int)bytes, request->path + strlen(gemini_path));
    prompt->model = prompt->model_room;
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "requests");
}

static const char *text_of(const cJSON *one)
{
    const cJSON *content = cJSON_GetObjectItemCaseSensitive(one, "content");
    const cJSON *part = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(content, "parts"), 0);
    return llm_member_text(part, "text");
}

static void refuse_gemini(struct llm_refusal *refusal, const char *message)
{
    if (refusal->status != 0)
        return;
    llm_gemini.name_error(400, refusal);
    text_copy(refusal->message, sizeof refusal->message, message);
}

static void gemini_read(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                        struct llm_refusal *refusal)
{
    static const char *const known[] = { "model", "content", "taskType", "title", "outputDimensionality", NULL };
    const cJSON *one = NULL;
    (void)request;
    (void)body;
    if (!cJSON_IsArray(prompt->messages) || cJSON_GetArraySize(prompt->messages) < 1 ||
        cJSON_GetArraySize(prompt->messages) > GEMINI_TEXTS_MAX)
        refuse_gemini(refusal, "* BatchEmbedContentsRequest.requests: must have 1 to 100 elements.");
    cJSON_ArrayForEach (one, prompt->messages) {
        const char *model = llm_member_text(one, "model");
        if (llm_unknown_member(one, known) != NULL)
            refuse_gemini(refusal, "Invalid JSON payload received. Unknown name in 'requests'.");
        if (model == NULL || !text_starts_with(model, "models/") ||
            strcmp(model + strlen("models/"), prompt->model) != 0)
            refuse_gemini(refusal, "* BatchEmbedContentsRequest.requests: model must be the one of the path.");
        if (text_of(one) == NULL || *text_of(one) == '\0')
            refuse_gemini(refusal, "* EmbedContentRequest.content: contents must not be empty.");
    }
}

static void gemini_write(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    const cJSON *one = NULL;
    (void)text;
    (void)finish;
    buffer_add_text(buffer, "{\"embeddings\":[");
    cJSON_ArrayForEach (one, prompt->messages) {
        buffer_add_text(buffer, one == prompt->messages->child ? "{\"values\":" : ",{\"values\":");
        write_vector(buffer, text_of(one), dimensions_of(one, "outputDimensionality", GEMINI_DIMENSIONS));
        buffer_add_text(buffer, "}");
    }
    buffer_add_text(buffer, "]}");
}

static void gemini_refuse_key(bool given, struct llm_refusal *refusal)
{
    llm_gemini.refuse_key(given, refusal);
}

static void gemini_name_error(int status, struct llm_refusal *refusal)
{
    llm_gemini.name_error(status, refusal);
}

static void gemini_write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    llm_gemini.write_error(buffer, refusal);
}

const struct llm_dialect llm_gemini_embeddings = {
    .name = "gemini-embeddings",
    .waits_in_body = true,
    .matches = gemini_matches,
    .answer_other = answer_nothing_else,
    .read_key = gemini_read_key,
    .look = gemini_look,
    .read = gemini_read,
    .write_answer = gemini_write,
    .refuse_key = gemini_refuse_key,
    .name_error = gemini_name_error,
    .write_error = gemini_write_error,
};
