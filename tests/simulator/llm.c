#include "llm.h"

#include "json.h"
#include "memory.h"
#include "moment.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED_CHARACTERS_MAX = 60, REPLY_ROOM = 512 };

static const struct llm_dialect *const dialects[] = { &llm_openai, NULL };

/* What happens to a call. */
struct script {
    int64_t latency_ms;
    int64_t retry_after;
    bool cut;
    bool garbage;
    const char *reply; /* NULL: the numbered one */
    const char *finish_reason;
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

const char *const llm_scripted_models[] = { "sim-status-500", "sim-slow-1000", model_cut, model_garbage,
                                            model_length,     model_filter,    NULL };

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
    if (strcmp(model, model_length) == 0)
        script->finish_reason = "length";
    if (strcmp(model, model_filter) == 0)
        script->finish_reason = "content_filter";
}

static void script_by_fault(struct script *script, const struct llm_dialect *dialect, const struct llm_fault *fault)
{
    script->retry_after = fault->retry_after;
    script->cut = fault->cut;
    script->garbage = fault->garbage;
    script->reply = fault->reply[0] == '\0' ? NULL : fault->reply;
    if (fault->status == FIELD_NONE)
        return;
    script_error(script, dialect, (int)fault->status);
    if (fault->error.type[0] != '\0')
        text_copy(script->error.type, sizeof script->error.type, fault->error.type);
    if (fault->error.code[0] != '\0')
        text_copy(script->error.code, sizeof script->error.code, fault->error.code);
    if (fault->error.message[0] != '\0')
        text_copy(script->error.message, sizeof script->error.message, fault->error.message);
}

/* The fault plan goes before what the model's name says. */
static struct script write_script(struct simulator *simulator, const struct llm_dialect *dialect, const char *model)
{
    struct script script = { .finish_reason = "stop", .retry_after = FIELD_NONE };
    const struct llm_fault *fault = faults_draw_llm(&simulator->faults, &script.latency_ms);
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
                          const cJSON *model, const cJSON *messages)
{
    struct call *call = memory_zeroed(sizeof *call);
    char *text = messages == NULL ? NULL : cJSON_PrintUnformatted(messages);
    const char *name = cJSON_IsString(model) ? model->valuestring : NULL;
    *call = (struct call){ .simulator = simulator, .dialect = dialect };
    call->number = records_add_llm(&simulator->records, moment_wall_ms(), name, text);
    cJSON_free(text);
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

static void write_headers(char *headers, size_t room, const struct call *call, int64_t latency_ms, int64_t retry_after)
{
    int used = snprintf(headers, room, "x-request-id: req_sim%llu\r\nopenai-processing-ms: %lld\r\n",
                        (unsigned long long)call->number, (long long)latency_ms);
    if (retry_after != FIELD_NONE)
        snprintf(headers + used, room - (size_t)used, "Retry-After: %lld\r\n", (long long)retry_after);
}

static void answer(struct call *call, struct exchange *exchange, int status, const struct script *script,
                   struct buffer *body)
{
    char headers[160];
    write_headers(headers, sizeof headers, call, script->latency_ms, script->retry_after);
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

static void answer_text(struct call *call, struct exchange *exchange, const struct script *script,
                        const struct llm_prompt *prompt)
{
    char numbered[REPLY_ROOM];
    write_reply(numbered, call, prompt->last_user);
    struct buffer body = { 0 };
    call->dialect->write_answer(&body, prompt, script->reply != NULL ? script->reply : numbered, script->finish_reason);
    if (script->garbage)
        body.used /= 2;
    answer(call, exchange, 200, script, &body);
}

static void answer_prompt(struct simulator *simulator, struct call *call, struct exchange *exchange,
                          const struct llm_prompt *prompt)
{
    struct script script = write_script(simulator, call->dialect, prompt->model);
    if (script.cut)
        http_cut(exchange, script.latency_ms);
    else if (script.error.status != 0)
        answer_error(call, exchange, &script);
    else
        answer_text(call, exchange, &script, prompt);
}

static bool key_is_right(const struct simulator *simulator, const struct llm_dialect *dialect,
                         const struct http_request *request)
{
    const char *wanted = simulator->settings.llm_key;
    char key[sizeof simulator->settings.llm_key];
    return dialect->read_key(request, key, sizeof key) && (*wanted == '\0' || strcmp(key, wanted) == 0);
}

void llm_handle(struct simulator *simulator, struct exchange *exchange)
{
    const struct llm_dialect *dialect = find_dialect(&exchange->request);
    struct script refused = { .retry_after = FIELD_NONE };
    bool admitted = key_is_right(simulator, dialect, &exchange->request);
    if (admitted && dialect->answer_other(exchange))
        return;
    cJSON *body = json_parse(exchange->request.body, exchange->request.body_bytes);
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(body, "model");
    struct call *call = begin(simulator, dialect, exchange, model, cJSON_GetObjectItemCaseSensitive(body, "messages"));
    struct llm_prompt prompt = { .answers = 1 };
    if (admitted)
        dialect->read(body, &prompt, &refused.error);
    else
        script_error(&refused, dialect, 401);
    if (refused.error.status != 0)
        answer_error(call, exchange, &refused);
    else
        answer_prompt(simulator, call, exchange, &prompt);
    cJSON_Delete(body);
}
