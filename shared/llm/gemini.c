/* Google's Gemini: generateContent. */
#include <string.h>

#include "llm/llm_inside.h"

enum { RETRY_AFTER_SECONDS_MAX = 86400 };

/* -- asking */

/* All but the oldest think before they answer. */
enum { RATINGS_MAX = 16, RATING_BYTES = 40 };

static bool thinks(const char *model)
{
    static const char *const THOUGHTLESS[] = { "gemini-1", "gemini-2.0", "gemma" };
    for (size_t i = 0; i < sizeof THOUGHTLESS / sizeof *THOUGHTLESS; i++)
        if (text_starts(model, THOUGHTLESS[i]))
            return false;
    return true;
}

/* The name as the vendor lists it, "models/x", or as everybody writes it. */
static const char *bare(const char *model)
{
    static const char PREFIX[] = "models/";
    return text_starts(model, PREFIX) ? model + strlen(PREFIX) : model;
}

/* A model's name stands in the URL: nothing in it may end the path. */
static const char *in_path(struct arena *arena, const char *model)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    struct buffer path = { .arena = arena };
    for (; *model; model++)
        if (strchr(PLAIN, *model))
            buffer_add_char(&path, *model);
        else
            buffer_format(&path, "%%%02X", (unsigned)(unsigned char)*model);
    return buffer_text(&path);
}

static bool takes(const char *model, const char *mime_type)
{
    return !text_starts(bare(model), "gemma") && (text_starts(mime_type, "image/") || text_starts(mime_type, "audio/"));
}

static void add_file(struct buffer *json, const struct llm_file *file)
{
    buffer_format(json, "{\"inlineData\":{\"mimeType\":\"%s\",\"data\":\"%s\"}}", file->mime_type, file->base64);
}

static const char *compose_body(struct arena *arena, const struct llm_prompt *prompt)
{
    static const struct llm_turn_form FORM = {
        .assistant = "model", .list = "parts", .part = "{\"text\":", .file = add_file
    };
    struct buffer body = { .arena = arena };
    const char *system = llm_system(arena, prompt);
    buffer_add_char(&body, '{');
    if (*system) {
        buffer_add(&body, "\"systemInstruction\":{\"parts\":[{\"text\":");
        json_add_string(&body, system);
        buffer_add(&body, "}]},");
    }
    buffer_add(&body, "\"contents\":");
    llm_add_turns(&body, prompt, &FORM);
    buffer_format(&body, ",\"generationConfig\":{\"temperature\":%.2f,\"maxOutputTokens\":%d",
                  llm_within(prompt->temperature, 0, 2), llm_tokens_max(prompt, thinks(bare(prompt->model))));
    if (prompt->schema)
        buffer_format(&body, ",\"responseMimeType\":\"application/json\",\"responseJsonSchema\":%s", prompt->schema);
    buffer_add(&body, "}}");
    return buffer_text(&body);
}

static bool has_version(const char *base_url)
{
    return text_ends(base_url, "/v1beta") || text_ends(base_url, "/v1") || text_ends(base_url, "/v1alpha");
}

static void compose(struct arena *arena, const struct llm_endpoint *endpoint, const struct llm_prompt *prompt,
                    struct llm_http *out)
{
    const char **headers = ARENA_ARRAY(arena, const char *, 3);
    headers[0] = "Content-Type: application/json";
    if (!text_empty(endpoint->key))
        headers[1] = text_format(arena, "x-goog-api-key: %s", endpoint->key); /* never in the URL: that is logged */
    out->url = text_format(arena, "%s%s/models/%s:generateContent", endpoint->base_url,
                           has_version(endpoint->base_url) ? "" : "/v1beta", in_path(arena, bare(prompt->model)));
    out->headers = headers;
    out->body = compose_body(arena, prompt);
}

/* -- judging an error */

static const struct {
    const char *status;
    enum llm_end end;
    const char *reason;
} KNOWN[] = {
    { "INVALID_ARGUMENT", LLM_DEAD, "request" },
    { "OUT_OF_RANGE", LLM_DEAD, "request" },
    { "FAILED_PRECONDITION", LLM_DEAD, "quota" }, /* not for this region, or not without billing */
    { "UNAUTHENTICATED", LLM_DEAD, "auth" },
    { "PERMISSION_DENIED", LLM_DEAD, "auth" },
    { "NOT_FOUND", LLM_DEAD, "model" },
    { "RESOURCE_EXHAUSTED", LLM_RETRY, "rate_limit" },
    { "INTERNAL", LLM_RETRY, "overloaded" },
    { "UNAVAILABLE", LLM_RETRY, "overloaded" },
    { "DEADLINE_EXCEEDED", LLM_RETRY, "overloaded" },
    { "ABORTED", LLM_RETRY, "overloaded" },
    { "UNKNOWN", LLM_RETRY, "overloaded" },
};

static const cJSON *detail_of(const cJSON *error, const char *type)
{
    for (const cJSON *detail = llm_list(error, "details"); detail; detail = detail->next)
        if (text_ends(llm_text(detail, "@type"), type))
            return detail;
    return NULL;
}

/* A wrong key is told as a wrong argument. */
static bool is_bad_key(const cJSON *error)
{
    return text_starts(llm_text(detail_of(error, "google.rpc.ErrorInfo"), "reason"), "API_KEY_");
}

/* What is used up until tomorrow is not waited for. */
static bool is_daily(const cJSON *error)
{
    const cJSON *violation = llm_list(detail_of(error, "google.rpc.QuotaFailure"), "violations");
    for (; violation; violation = violation->next)
        if (strstr(llm_text(violation, "quotaId"), "PerDay"))
            return true;
    return false;
}

/* "17s", "20.04s" */
static int64_t retry_after_ms(const cJSON *error)
{
    const char *delay = llm_text(detail_of(error, "google.rpc.RetryInfo"), "retryDelay");
    int64_t ms = 0, unit = 1000;
    bool fraction = false;
    for (; *delay && *delay != 's'; delay++)
        if (*delay == '.' && !fraction)
            fraction = true;
        else if (*delay < '0' || *delay > '9')
            return 0;
        else if (!fraction && ms <= RETRY_AFTER_SECONDS_MAX * 1000LL)
            ms = ms * 10 + (*delay - '0') * 1000LL;
        else if (fraction)
            ms += (*delay - '0') * (unit /= 10);
    return *delay == 's' && ms <= RETRY_AFTER_SECONDS_MAX * 1000LL ? ms : 0;
}

static void judge_error(struct arena *arena, long http_status, const cJSON *error, struct llm_reply *out)
{
    const char *status = llm_text(error, "status");
    const char *sentence = llm_failed(arena, http_status, status, out);
    out->retry_after_ms = retry_after_ms(error);
    if (is_bad_key(error)) {
        llm_end(out, LLM_DEAD, "auth", sentence);
        return;
    }
    if (is_daily(error)) {
        llm_end(out, LLM_DEAD, "quota", sentence);
        return;
    }
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (strcmp(status, KNOWN[i].status) == 0) {
            llm_end(out, KNOWN[i].end, KNOWN[i].reason, sentence);
            return;
        }
    llm_end_by_status(http_status, sentence, out);
}

/* -- judging an answer */

/* The text parts, but for what the model thought. */
static const char *parts_of(struct arena *arena, const cJSON *candidate)
{
    struct buffer text = { .arena = arena };
    for (const cJSON *part = llm_list(llm_member(candidate, "content"), "parts"); part; part = part->next)
        if (!cJSON_IsTrue(llm_member(part, "thought")))
            buffer_add(&text, llm_text(part, "text"));
    return buffer_text(&text);
}

static void take_usage(const cJSON *usage, struct llm_reply *out)
{
    out->prompt_tokens = llm_tokens(usage, "promptTokenCount") + llm_tokens(usage, "toolUsePromptTokenCount");
    out->completion_tokens = llm_tokens(usage, "candidatesTokenCount") + llm_tokens(usage, "thoughtsTokenCount");
}

/* "HARM_CATEGORY_HATE_SPEECH" is hate_speech. NULL: a word that is none. */
static const char *word_of(struct arena *arena, const char *said)
{
    static const char PREFIX[] = "HARM_CATEGORY_";
    const char *word = text_starts(said, PREFIX) ? said + sizeof PREFIX - 1 : said;
    bool plain = *word && strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(word) && strlen(word) <= RATING_BYTES;
    return plain ? text_lower(arena, word) : NULL;
}

/* What it says of its own text, category by category; numbers only where its server gives them (Vertex). */
static void take_ratings(struct arena *arena, const cJSON *candidate, struct llm_reply *out)
{
    struct buffer json = { .arena = arena };
    size_t count = 0;
    for (const cJSON *one = llm_list(candidate, "safetyRatings"); one && count < RATINGS_MAX; one = one->next) {
        const char *category = word_of(arena, llm_text(one, "category"));
        const char *probability = word_of(arena, llm_text(one, "probability"));
        const cJSON *score = llm_member(one, "probabilityScore");
        if (!category || !probability)
            continue;
        buffer_format(&json, "%s\"%s\":\"%s\"", count++ ? "," : "{", category, probability);
        if (cJSON_IsNumber(score) && score->valuedouble > out->toxicity)
            out->toxicity = llm_within(score->valuedouble, 0, 1);
    }
    buffer_add(&json, "}");
    if (count)
        out->ratings = buffer_text(&json);
}

static void judge_answer(struct arena *arena, const cJSON *root, struct llm_reply *out)
{
    static const char *const BLOCKED[] = { "SAFETY",     "PROHIBITED_CONTENT", "BLOCKLIST", "SPII",
                                           "RECITATION", "LANGUAGE",           NULL };
    static const char *const WHOLE[] = { "STOP", "FINISH_REASON_UNSPECIFIED", "", NULL };
    const cJSON *candidate = llm_list(root, "candidates");
    const char *finish = llm_text(candidate, "finishReason");
    bool asked_in_vain = !candidate && *llm_text(llm_member(root, "promptFeedback"), "blockReason");
    out->model = llm_model_told(arena, root, "modelVersion");
    take_usage(llm_member(root, "usageMetadata"), out);
    take_ratings(arena, candidate, out);
    out->cut = !llm_among(finish, WHOLE); /* MAX_TOKENS, or an end that is not known yet */
    llm_end_answer(arena, parts_of(arena, candidate), asked_in_vain || llm_among(finish, BLOCKED), out);
}

static void judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct llm_reply *out)
{
    llm_judge(arena, http_status, body, bytes, judge_answer, judge_error, out);
}

const struct llm_provider LLM_GEMINI = { .name = "gemini",
                                         .base_url = "https://generativelanguage.googleapis.com/v1beta",
                                         .model = "gemini-3.5-flash-lite",
                                         .compose = compose,
                                         .takes = takes,
                                         .judge = judge };
