#include "llm.h"

#include "json.h"
#include "memory.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_CHARACTERS_MAX = 60, REPLY_ROOM = 512, TOKEN_BYTES = 4 };

static const struct llm_dialect *const dialects[] = {
    &llm_openai, &llm_anthropic, &llm_gemini, &llm_openai_embeddings, &llm_gemini_embeddings, &llm_moderation, NULL
};

/* What happens to a call. */
struct script {
    int64_t latency_ms;
    bool cut;
    bool garbage;
    const char *reply;   /* NULL: the numbered one */
    const char *actions; /* JSON text, of an answer that keeps to a schema; NULL: none */
    bool formless;       /* the server takes no schema */
    enum llm_finish finish;
    bool thought;
    struct llm_refusal error; /* its status 0: none */
};

/* A call between its arrival and its end. */
struct call {
    struct simulator *simulator;
    const struct llm_dialect *dialect;
    uint64_t number;
    int64_t status; /* that it will be answered with; 0: cut */
};

static const char model_status[] = "sim-status-";
static const char model_slow[] = "sim-slow-";
static const char model_cut[] = "sim-cut";
static const char model_garbage[] = "sim-garbage";
static const char model_length[] = "sim-length";
static const char model_filter[] = "sim-filter";
static const char model_blocked[] = "sim-blocked";
static const char model_thought[] = "sim-thought";
static const char model_plain[] = "sim-plain";

const char *const llm_scripted_models[] = {
    "sim-status-500", "sim-slow-1000", model_cut,     model_garbage, model_length,
    model_filter,     model_blocked,   model_thought, model_plain,   NULL
};

static const struct llm_dialect *find_dialect(const struct http_request *request)
{
    for (size_t i = 0; dialects[i] != NULL; i++)
        if (dialects[i]->matches(request))
            return dialects[i];
    return NULL;
}

bool llm_matches(const struct http_request *request)
{
    return find_dialect(request) != NULL;
}

static void script_error(struct script *script, const struct llm_dialect *dialect, int status)
{
    dialect->name_error(status, &script->error);
    script->error.status = status;
    script->error.retry_after = FIELD_NONE;
}

/* The number behind a model's prefix, from 0 to max; -1 when the model has another name. */
static int64_t number_behind(const char *model, const char *prefix, int64_t max)
{
    if (!text_starts_with(model, prefix))
        return -1;
    const char *digits = model + strlen(prefix);
    size_t length = strlen(digits);
    if (length == 0 || length > 9 || strspn(digits, "0123456789") != length)
        return -1;
    int64_t number = strtol(digits, NULL, 10);
    return number <= max ? number : -1;
}

static void script_by_model(struct script *script, const struct llm_dialect *dialect, const char *model)
{
    int64_t status = number_behind(model, model_status, 599);
    int64_t slow_ms = number_behind(model, model_slow, 600000);
    if (status >= 400)
        script_error(script, dialect, (int)status);
    if (slow_ms > 0)
        script->latency_ms += slow_ms;
    script->cut = strcmp(model, model_cut) == 0;
    script->garbage = strcmp(model, model_garbage) == 0;
    script->thought = strcmp(model, model_thought) == 0;
    script->formless = strcmp(model, model_plain) == 0;
    if (strcmp(model, model_length) == 0)
        script->finish = LLM_CUT;
    if (strcmp(model, model_filter) == 0)
        script->finish = LLM_FILTERED;
    if (strcmp(model, model_blocked) == 0)
        script->finish = LLM_BLOCKED;
}

static void script_by_fault(struct script *script, const struct llm_dialect *dialect, const struct llm_fault *fault)
{
    script->cut = fault->cut;
    script->garbage = fault->garbage;
    script->reply = fault->reply[0] == '\0' ? NULL : fault->reply;
    script->actions = fault->actions[0] == '\0' ? NULL : fault->actions;
    if (fault->status == FIELD_NONE)
        return;
    script_error(script, dialect, (int)fault->status);
    if (fault->error.type[0] != '\0')
        text_copy(script->error.type, sizeof script->error.type, fault->error.type);
    if (fault->error.code[0] != '\0')
        text_copy(script->error.code, sizeof script->error.code, fault->error.code);
    if (fault->error.message[0] != '\0')
        text_copy(script->error.message, sizeof script->error.message, fault->error.message);
    script->error.retry_after = fault->retry_after;
}

/* The fault plan goes before what the model's name says. */
static struct script write_script(struct simulator *simulator, const struct llm_dialect *dialect, const char *model)
{
    struct script script = { .finish = LLM_WHOLE };
    const struct llm_fault *fault = faults_draw_llm(&simulator->faults, dialect->name, &script.latency_ms);
    if (fault != NULL)
        script_by_fault(&script, dialect, fault);
    else
        script_by_model(&script, dialect, model);
    return script;
}

static void call_ended(struct exchange *exchange, bool aborted)
{
    struct call *call = exchange->owner;
    struct records *records = &call->simulator->records;
    struct llm_record *record = records_find_llm(records, call->number);
    records->llm_in_flight--;
    if (record != NULL) {
        records->llm_aborted += aborted;
        record->aborted = aborted;
        record->status = aborted ? 0 : call->status;
    }
    free(call);
}

/* From here on the call is on record and counts as in flight until it ends. */
static struct call *begin(struct simulator *simulator, const struct llm_dialect *dialect, struct exchange *exchange,
                          const struct llm_prompt *prompt)
{
    struct call *call = memory_zeroed(sizeof *call);
    char *system = prompt->system == NULL ? NULL : cJSON_PrintUnformatted(prompt->system);
    char *messages = prompt->messages == NULL ? NULL : cJSON_PrintUnformatted(prompt->messages);
    *call = (struct call){ .simulator = simulator, .dialect = dialect };
    call->number = records_add_llm(&simulator->records, &(struct llm_record){ .at_ms = moment_wall_ms(),
                                                                              .provider = dialect->name,
                                                                              .model = (char *)prompt->model,
                                                                              .system = system,
                                                                              .messages = messages });
    cJSON_free(system);
    cJSON_free(messages);
    simulator->records.llm_in_flight++;
    exchange->ended = call_ended;
    exchange->owner = call;
    return call;
}

static void write_reply(char reply[REPLY_ROOM], const struct call *call, const char *last_user)
{
    const char *quoted = last_user == NULL ? "" : last_user;
    unsigned long long number = call->number - call->simulator->records.llm.base + 1;
    snprintf(reply, REPLY_ROOM, "Reply #%llu to \"%.*s\"", number,
             (int)text_prefix_bytes(quoted, QUOTED_CHARACTERS_MAX), quoted);
}

static void write_headers(char *headers, size_t room, const struct call *call, const struct script *script)
{
    const struct llm_dialect *dialect = call->dialect;
    int used = 0;
    *headers = '\0';
    if (dialect->request_id != NULL)
        used = snprintf(headers, room, "%s: req_sim%llu\r\n", dialect->request_id, (unsigned long long)call->number);
    if (script->error.status != 0 && script->error.retry_after != FIELD_NONE && !dialect->waits_in_body)
        snprintf(headers + used, room - (size_t)used, "Retry-After: %lld\r\n", (long long)script->error.retry_after);
}

static void answer(struct call *call, struct exchange *exchange, int status, const struct script *script,
                   struct buffer *body)
{
    char headers[160];
    write_headers(headers, sizeof headers, call, script);
    const struct http_answer answered = {
        .status = status, .headers = headers, .body = body->bytes, .body_bytes = body->used
    };
    call->status = status;
    http_answer(exchange, script->latency_ms, &answered);
    buffer_clear(body);
}

static void answer_error(struct call *call, struct exchange *exchange, const struct script *script)
{
    struct buffer body = { 0 };
    call->dialect->write_error(&body, &script->error);
    answer(call, exchange, script->error.status, script, &body);
}

/* A summary is asked for in three to five of them. */
static void write_sentences(struct buffer *buffer, const char *text)
{
    char sentences[3 * REPLY_ROOM];
    snprintf(sentences, sizeof sentences, "%s. It was said once. It was said twice.", text);
    buffer_add_json(buffer, sentences);
}

/* The simplest value that keeps to a schema: each text is the answer's, or the first of those that are allowed. */
static void write_formed(struct buffer *buffer, const cJSON *schema, const char *text, const char *actions)
{
    const char *type = llm_member_text(schema, "type");
    const cJSON *words = cJSON_GetObjectItemCaseSensitive(schema, "enum");
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    const cJSON *member = NULL;
    if (type != NULL && strcmp(type, "object") == 0) {
        buffer_add_text(buffer, "{");
        cJSON_ArrayForEach (member, properties) {
            buffer_add_text(buffer, member == properties->child ? "" : ",");
            buffer_add_json(buffer, member->string);
            buffer_add_text(buffer, ":");
            if (actions != NULL && strcmp(member->string, "actions") == 0)
                buffer_add_text(buffer, actions);
            else if (strcmp(member->string, "summary") == 0)
                write_sentences(buffer, text);
            else
                write_formed(buffer, member, text, actions);
        }
        buffer_add_text(buffer, "}");
    } else if (type != NULL && strcmp(type, "string") == 0) {
        buffer_add_json(buffer, cJSON_IsArray(words) ? words->child->valuestring : text);
    } else {
        buffer_add_text(buffer, type != NULL && strcmp(type, "array") == 0 ? "[]" : "0");
    }
}

static void answer_text(struct call *call, struct exchange *exchange, const struct script *script,
                        const struct llm_prompt *prompt)
{
    char numbered[REPLY_ROOM];
    write_reply(numbered, call, prompt->last_user);
    struct buffer body = { 0 }, formed = { 0 };
    if (prompt->schema != NULL)
        write_formed(&formed, prompt->schema, numbered, script->actions);
    const char *text = script->reply != NULL ? script->reply : formed.used > 0 ? formed.bytes : numbered;
    call->dialect->write_answer(&body, prompt, text, script->finish);
    buffer_clear(&formed);
    if (script->garbage)
        body.used /= 2;
    answer(call, exchange, 200, script, &body);
}

static void answer_prompt(struct simulator *simulator, struct call *call, struct exchange *exchange,
                          struct llm_prompt *prompt)
{
    struct script script = write_script(simulator, call->dialect, prompt->model);
    prompt->thought = script.thought;
    if (script.formless && prompt->schema != NULL && script.error.status == 0) {
        script_error(&script, call->dialect, 400);
        text_copy(script.error.message, sizeof script.error.message, "This model takes no format of the answer.");
    }
    if (script.cut)
        http_cut(exchange, script.latency_ms);
    else if (script.error.status != 0)
        answer_error(call, exchange, &script);
    else
        answer_text(call, exchange, &script, prompt);
}

/* False with the refusal of a key that is missing or wrong. */
static bool key_is_right(const struct simulator *simulator, const struct llm_dialect *dialect,
                         const struct http_request *request, struct llm_refusal *refusal)
{
    const char *wanted = simulator->settings.llm_key;
    char key[sizeof simulator->settings.llm_key];
    bool given = dialect->read_key(request, key, sizeof key);
    if (given && (*wanted == '\0' || strcmp(key, wanted) == 0))
        return true;
    dialect->refuse_key(given, refusal);
    return false;
}

void llm_handle(struct simulator *simulator, struct exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct llm_dialect *dialect = find_dialect(request);
    struct script refused = { .error = { .retry_after = FIELD_NONE } };
    bool admitted = key_is_right(simulator, dialect, request, &refused.error);
    if (admitted && dialect->answer_other(exchange))
        return;
    cJSON *body = json_parse(request->body, request->body_bytes);
    struct llm_prompt prompt = { .answers = 1 };
    dialect->look(request, body, &prompt);
    struct call *call = begin(simulator, dialect, exchange, &prompt);
    if (admitted)
        dialect->read(request, body, &prompt, &refused.error);
    refused.error.retry_after = FIELD_NONE;
    if (refused.error.status != 0)
        answer_error(call, exchange, &refused);
    else
        answer_prompt(simulator, call, exchange, &prompt);
    cJSON_Delete(body);
}

/* -- for the dialects */

const char *llm_member_text(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

const cJSON *llm_unknown_member(const cJSON *object, const char *const known[])
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach (member, object) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], member->string) != 0)
            i++;
        if (known[i] == NULL)
            return member;
    }
    return NULL;
}

bool llm_is_within(const cJSON *value, double min, double max)
{
    return cJSON_IsNumber(value) && value->valuedouble >= min && value->valuedouble <= max;
}

bool llm_is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

size_t llm_tokens(const char *text)
{
    return text == NULL ? 0 : (strlen(text) + TOKEN_BYTES - 1) / TOKEN_BYTES;
}

size_t llm_tokens_of(const cJSON *member)
{
    char *text = member == NULL ? NULL : cJSON_PrintUnformatted(member);
    size_t tokens = llm_tokens(text);
    cJSON_free(text);
    return tokens;
}

static bool is_required(const cJSON *schema, const char *name)
{
    const cJSON *required = NULL;
    cJSON_ArrayForEach (required, cJSON_GetObjectItemCaseSensitive(schema, "required"))
        if (cJSON_IsString(required) && strcmp(required->valuestring, name) == 0)
            return true;
    return false;
}

const char *llm_schema_fault(const cJSON *schema)
{
    const char *type = llm_member_text(schema, "type");
    const cJSON *member = NULL;
    if (type == NULL)
        return "schema must have a 'type' key.";
    if (strcmp(type, "array") == 0)
        return llm_schema_fault(cJSON_GetObjectItemCaseSensitive(schema, "items"));
    if (strcmp(type, "object") != 0)
        return NULL;
    if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties")))
        return "'additionalProperties' is required to be supplied and to be false.";
    cJSON_ArrayForEach (member, cJSON_GetObjectItemCaseSensitive(schema, "properties")) {
        const char *fault = llm_schema_fault(member);
        if (fault != NULL)
            return fault;
        if (!is_required(schema, member->string))
            return "'required' is required to be supplied and to be an array including every key in properties.";
    }
    return NULL;
}

bool llm_is_one_of(const char *text, const char *const prefixes[])
{
    for (size_t i = 0; prefixes[i] != NULL; i++)
        if (text_starts_with(text, prefixes[i]))
            return true;
    return false;
}
