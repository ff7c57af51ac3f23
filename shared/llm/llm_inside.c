#include "llm/llm_inside.h"

#include <string.h>

enum { CODE_BYTES_MAX = 64, MODEL_BYTES_MAX = 128 };

/* -- reading */

cJSON *llm_object(struct arena *arena, const char *body, size_t bytes)
{
    cJSON *root = NULL;
    if (json_parse(arena, body ? body : "", body ? bytes : 0, &root, NULL) != OK || !cJSON_IsObject(root))
        return NULL;
    return root;
}

const cJSON *llm_member(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const cJSON *llm_list(const cJSON *object, const char *name)
{
    const cJSON *list = llm_member(object, name);
    return cJSON_IsArray(list) ? list->child : NULL;
}

const char *llm_text(const cJSON *object, const char *name)
{
    const cJSON *member = llm_member(object, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}

int llm_tokens(const cJSON *usage, const char *name)
{
    int64_t tokens = 0;
    if (!cJSON_IsObject(usage) || json_want_int64(usage, name, &tokens, NULL) != OK)
        return 0;
    return tokens < 0 || tokens > LLM_TOKENS_MAX ? 0 : (int)tokens;
}

bool llm_among(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

const char *llm_model_told(struct arena *arena, const cJSON *object, const char *name)
{
    return text_cut(arena, llm_text(object, name), MODEL_BYTES_MAX);
}

/* -- ending a judgement */

void llm_blank(struct llm_reply *out)
{
    *out = (struct llm_reply){ .text = "", .model = "", .reason = "", .code = "", .error = "" };
}

void llm_end(struct llm_reply *out, enum llm_end end, const char *reason, const char *sentence)
{
    out->end = end;
    out->reason = reason;
    out->error = sentence;
}

const char *llm_failed(struct arena *arena, long status, const char *code, struct llm_reply *out)
{
    char *word = text_cut(arena, code, CODE_BYTES_MAX);
    for (char *at = word; *at; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", *at))
            *at = '_';
    out->code = word;
    return text_format(arena, "the model's server answered HTTP %ld%s%s", status, *word ? ", " : "", word);
}

void llm_end_by_status(long status, const char *sentence, struct llm_reply *out)
{
    if (status == 402)
        llm_end(out, LLM_DEAD, "quota", sentence);
    else if (status == 429)
        llm_end(out, LLM_RETRY, "rate_limit", sentence);
    else if (status == 408 || status == 409 || status == 425 || status >= 500)
        llm_end(out, LLM_RETRY, "overloaded", sentence);
    else if (status == 401 || status == 403)
        llm_end(out, LLM_DEAD, "auth", sentence);
    else if (status == 404)
        llm_end(out, LLM_DEAD, "model", sentence);
    else
        llm_end(out, LLM_DEAD, "request", sentence);
}

void llm_end_answer(struct arena *arena, const char *text, bool refused, struct llm_reply *out)
{
    out->text = text_trim(arena, text);
    if (refused)
        llm_end(out, LLM_REFUSED, "refused", "the model or its filter declined to answer");
    else if (!*out->text)
        llm_end(out, LLM_RETRY, "empty",
                out->cut ? "the model came to its token limit before any text" : "the model's answer has no text");
    else
        out->end = LLM_ANSWERED;
}

/* -- composing */

static bool is_role(const struct llm_message *message, const char *role)
{
    return strcmp(message->role, role) == 0;
}

const char *llm_system(struct arena *arena, const struct llm_prompt *prompt)
{
    struct buffer text = { .arena = arena };
    for (size_t i = 0; i < prompt->count; i++) {
        if (!is_role(&prompt->messages[i], "system"))
            continue;
        buffer_add(&text, text.bytes ? "\n\n" : "");
        buffer_add(&text, prompt->messages[i].text);
    }
    return buffer_text(&text);
}

/* A talk under way: the role whose turn is open, NULL before the first. */
struct talk {
    struct buffer *json;
    const struct llm_turn_form *form;
    const char *role;
};

static void say(struct talk *talk, const char *role, const char *text)
{
    bool same = talk->role && strcmp(talk->role, role) == 0;
    if (same)
        buffer_add_char(talk->json, ',');
    else
        buffer_format(talk->json, "%s{\"role\":\"%s\",\"%s\":[", talk->role ? "]}," : "", role, talk->form->list);
    buffer_add(talk->json, talk->form->part);
    json_add_string(talk->json, *text_trim(talk->json->arena, text) ? text : "[no text]");
    buffer_add_char(talk->json, '}');
    talk->role = role;
}

void llm_add_turns(struct buffer *json, const struct llm_prompt *prompt, const struct llm_turn_form *form)
{
    static const char USER[] = "user", NOTHING[] = "[no message]";
    struct talk talk = { .json = json, .form = form };
    buffer_add_char(json, '[');
    for (size_t i = 0; i < prompt->count; i++) {
        const struct llm_message *message = &prompt->messages[i];
        if (is_role(message, "system"))
            continue;
        bool user = is_role(message, USER);
        if (!user && !talk.role) /* the company wrote first */
            say(&talk, USER, NOTHING);
        say(&talk, user ? USER : form->assistant, message->text);
        for (size_t f = 0; f < message->file_count; f++) {
            buffer_add_char(json, ',');
            form->file(json, &message->files[f]);
        }
    }
    if (!talk.role || strcmp(talk.role, USER) != 0) /* what ends with the assistant would be gone on with */
        say(&talk, USER, NOTHING);
    buffer_add(json, "]}]");
}

int llm_tokens_max(const struct llm_prompt *prompt, bool thinks)
{
    return prompt->tokens_max + (thinks ? LLM_THOUGHT_TOKENS : 0) + (prompt->actions ? LLM_ACTION_TOKENS : 0);
}

double llm_within(double value, double min, double max)
{
    return value < min ? min : value > max ? max : value;
}

void llm_judge(struct arena *arena, long http_status, const char *body, size_t bytes, llm_judge_answer *answer,
               llm_judge_error *failure, struct llm_reply *out)
{
    bool good = http_status >= 200 && http_status < 300;
    const cJSON *root = llm_object(arena, body, bytes);
    const cJSON *error = llm_member(root, "error");
    llm_blank(out);
    if (good && !root)
        llm_end(out, LLM_RETRY, "unreadable", "the model's answer is no JSON object");
    else if (good && !cJSON_IsObject(error))
        answer(arena, root, out);
    else
        failure(arena, good ? 500 : http_status, error, out);
}
