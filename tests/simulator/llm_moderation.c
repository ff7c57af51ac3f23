/* OpenAI's moderation: its endpoint is not a model's, but its faults, its key and its record are. A text that says
 * "sim-flagged" is flagged. */
#include "llm.h"

#include "json.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char path[] = "/v1/moderations";
static const char flagging[] = "sim-flagged";

static bool matches(const struct http_request *request)
{
    return strcmp(request->path, path) == 0;
}

static void refuse(struct llm_refusal *refusal, const char *param, const char *message)
{
    if (refusal->status != 0)
        return;
    llm_openai.name_error(400, refusal);
    text_copy(refusal->param, sizeof refusal->param, param);
    text_copy(refusal->message, sizeof refusal->message, message);
}

static bool answer_other(struct exchange *exchange)
{
    struct llm_refusal refusal = { 0 };
    struct buffer body = { 0 };
    if (strcmp(exchange->request.method, "POST") == 0)
        return false;
    refuse(&refusal, "", "Not allowed with this method.");
    llm_openai.write_error(&body, &refusal);
    http_answer_json(exchange, 0, 405, &body);
    return true;
}

static bool read_key(const struct http_request *request, char *key, size_t room)
{
    return llm_openai.read_key(request, key, room);
}

static void look(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt)
{
    (void)request;
    prompt->model = llm_member_text(body, "model");
    prompt->messages = cJSON_GetObjectItemCaseSensitive(body, "input");
    prompt->last_user = llm_member_text(body, "input");
}

static void read_request(const struct http_request *request, const cJSON *body, struct llm_prompt *prompt,
                         struct llm_refusal *refusal)
{
    static const char *const known[] = { "model", "input", NULL };
    (void)request;
    if (!cJSON_IsObject(body))
        refuse(refusal, "", "We could not parse the JSON body of your request.");
    if (llm_unknown_member(body, known) != NULL)
        refuse(refusal, "", "Unrecognized request argument supplied.");
    if (prompt->last_user == NULL || *prompt->last_user == '\0')
        refuse(refusal, "input", "'input' must be a text that is not empty.");
    if (prompt->model == NULL)
        prompt->model = "omni-moderation-latest";
}

static void write_answer(struct buffer *buffer, const struct llm_prompt *prompt, const char *text,
                         enum llm_finish finish)
{
    static const char *const categories[] = {
        "harassment", "harassment/threatening", "hate",     "hate/threatening", "illicit", "self-harm",
        "sexual",     "sexual/minors",          "violence", "violence/graphic", NULL
    };
    static unsigned long long number;
    bool flagged = strstr(prompt->last_user, flagging) != NULL;
    (void)text;
    (void)finish;
    buffer_format(buffer, "{\"id\":\"modr-sim%llu\",\"model\":", ++number);
    buffer_add_json(buffer, prompt->model);
    buffer_format(buffer, ",\"results\":[{\"flagged\":%s,\"categories\":{", flagged ? "true" : "false");
    for (size_t i = 0; categories[i] != NULL; i++)
        buffer_format(buffer, "%s\"%s\":%s", i == 0 ? "" : ",", categories[i], flagged && i == 0 ? "true" : "false");
    buffer_add_text(buffer, "},\"category_scores\":{");
    for (size_t i = 0; categories[i] != NULL; i++)
        buffer_format(buffer, "%s\"%s\":%s", i == 0 ? "" : ",", categories[i], flagged && i == 0 ? "0.97" : "0.0004");
    buffer_add_text(buffer, "}}]}");
}

static void refuse_key(bool given, struct llm_refusal *refusal)
{
    llm_openai.refuse_key(given, refusal);
}

static void name_error(int status, struct llm_refusal *refusal)
{
    llm_openai.name_error(status, refusal);
}

static void write_error(struct buffer *buffer, const struct llm_refusal *refusal)
{
    llm_openai.write_error(buffer, refusal);
}

const struct llm_dialect llm_moderation = {
    .name = "moderation",
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
