#include "base/test.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "llm/llm.h"

static int make_arena(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

/* -- asking */

static const struct llm_message TALK[] = { { .role = "system", .text = "Answer for Acme." },
                                           { .role = "user", .text = "[profile name] Ana" },
                                           { .role = "user", .text = "hello" },
                                           { .role = "assistant", .text = "hi" },
                                           { .role = "assistant", .text = "[colleague] I am Rana" },
                                           { .role = "user", .text = "দাম \"কত\"?\n" } };

static const char VENDOR[] = "https://generativelanguage.googleapis.com/v1beta";

static struct llm_http composed(struct arena *arena, const char *base_url, const char *key,
                                const struct llm_prompt *prompt)
{
    struct llm_endpoint endpoint = { .base_url = base_url, .key = key };
    struct llm_http http;
    LLM_GEMINI.compose(arena, &endpoint, prompt, &http);
    assert_int_equal(json_check(http.body, strlen(http.body), NULL), OK);
    return http;
}

static struct llm_http composed_for(struct arena *arena, const char *base_url, const char *model, double temperature)
{
    struct llm_prompt prompt = {
        .model = model, .temperature = temperature, .tokens_max = 300, .messages = TALK, .count = 3
    };
    return composed(arena, base_url, "k", &prompt);
}

static void a_request_has_its_system_text_apart_and_roles_that_alternate(void **state)
{
    struct llm_prompt prompt = {
        .model = "gemini-2.0-flash", .temperature = 0.2, .tokens_max = 300, .messages = TALK, .count = 6
    };
    struct llm_http http = composed(*state, VENDOR, "g-1", &prompt);
    assert_string_equal(http.url,
                        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:generateContent");
    assert_string_equal(http.headers[0], "Content-Type: application/json");
    assert_string_equal(http.headers[1], "x-goog-api-key: g-1");
    assert_null(http.headers[2]);
    assert_string_equal(
        http.body,
        "{\"systemInstruction\":{\"parts\":[{\"text\":\"Answer for Acme.\"}]},"
        "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"[profile name] Ana\"},{\"text\":\"hello\"}]},"
        "{\"role\":\"model\",\"parts\":[{\"text\":\"hi\"},{\"text\":\"[colleague] I am Rana\"}]},"
        "{\"role\":\"user\",\"parts\":[{\"text\":\"দাম \\\"কত\\\"?\\n\"}]}],"
        "\"generationConfig\":{\"temperature\":0.20,\"maxOutputTokens\":300}}");
}

static void a_talk_that_the_company_began_or_ended_is_framed_by_the_user(void **state)
{
    static const struct llm_message BEGAN[] = { { .role = "assistant", .text = "Your order is here" } };
    struct llm_prompt prompt = { .model = "m", .tokens_max = 5, .messages = BEGAN, .count = 1 };
    assert_non_null(strstr(composed(*state, VENDOR, "", &prompt).body,
                           "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"[no message]\"}]},"
                           "{\"role\":\"model\",\"parts\":[{\"text\":\"Your order is here\"}]},"
                           "{\"role\":\"user\",\"parts\":[{\"text\":\"[no message]\"}]}],"));
}

static void the_base_url_may_leave_out_the_version_and_a_key_may_be_missing(void **state)
{
    struct llm_prompt prompt = { .model = "m", .tokens_max = 1, .messages = TALK, .count = 3 };
    struct llm_http http = composed(*state, "http://127.0.0.1:8080", "", &prompt);
    assert_string_equal(http.url, "http://127.0.0.1:8080/v1beta/models/m:generateContent");
    assert_null(http.headers[1]);
    assert_string_equal(composed(*state, "http://x/v1", "", &prompt).url, "http://x/v1/models/m:generateContent");
}

static void a_models_name_can_not_leave_its_place_in_the_url(void **state)
{
    assert_string_equal(composed_for(*state, "http://x/v1", "models/gemini-3.5-flash", 1).url,
                        "http://x/v1/models/gemini-3.5-flash:generateContent");
    assert_string_equal(composed_for(*state, "http://x/v1", "../a?b#c%\r\nd é", 1).url,
                        "http://x/v1/models/..%2Fa%3Fb%23c%25%0D%0Ad%20%C3%A9:generateContent");
}

static void a_temperature_stays_within_two(void **state)
{
    assert_non_null(strstr(composed_for(*state, VENDOR, "m", 3).body, "\"temperature\":2.00"));
    assert_non_null(strstr(composed_for(*state, VENDOR, "m", -1).body, "\"temperature\":0.00"));
}

static void a_model_that_thinks_gets_room_for_it(void **state)
{
    static const char *const THINKING[] = { "gemini-2.5-flash", "gemini-3.5-flash-lite", "models/gemini-3.1-pro" };
    static const char *const THOUGHTLESS[] = { "gemini-1.5-pro", "gemini-2.0-flash", "models/gemini-2.0-flash",
                                               "gemma-3" };
    for (size_t i = 0; i < sizeof THINKING / sizeof *THINKING; i++)
        assert_non_null(strstr(composed_for(*state, VENDOR, THINKING[i], 1).body, "\"maxOutputTokens\":4396"));
    for (size_t i = 0; i < sizeof THOUGHTLESS / sizeof *THOUGHTLESS; i++)
        assert_non_null(strstr(composed_for(*state, VENDOR, THOUGHTLESS[i], 1).body, "\"maxOutputTokens\":300"));
}

/* -- judging */

static struct llm_reply judged(struct arena *arena, long status, const char *body)
{
    struct llm_reply reply;
    LLM_GEMINI.judge(arena, status, body, body ? strlen(body) : 0, &reply);
    assert_non_null(reply.reason);
    assert_non_null(reply.code);
    assert_non_null(reply.error);
    if (reply.end != LLM_ANSWERED) {
        assert_true(*reply.reason);
        assert_true(*reply.error);
    }
    return reply;
}

#define CANDIDATE(parts, finish)                                                                                        \
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]},\"finishReason\":\"" finish               \
    "\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":11,\"candidatesTokenCount\":5,\"thoughtsTokenCount\":30," \
    "\"cachedContentTokenCount\":4,\"totalTokenCount\":46},\"modelVersion\":\"gemini-demo-1\",\"responseId\":\"r\"}"

static void an_answer_has_text_model_and_the_whole_usage(void **state)
{
    struct llm_reply reply = judged(
        *state, 200, CANDIDATE("{\"text\":\"  হ্যালো!\"},{\"text\":\" Bye.\\n\",\"thoughtSignature\":\"s\"}", "STOP"));
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.text, "হ্যালো! Bye.");
    assert_string_equal(reply.model, "gemini-demo-1");
    assert_int_equal(reply.prompt_tokens, 11); /* the cached ones are among them */
    assert_int_equal(reply.completion_tokens, 35);
    assert_false(reply.cut);
    struct llm_reply bare = judged(*state, 200, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}");
    assert_int_equal(bare.end, LLM_ANSWERED);
    assert_false(bare.cut);
    assert_int_equal(bare.prompt_tokens, 0);
    assert_string_equal(bare.model, "");
}

static void what_the_model_thought_and_parts_of_other_kinds_stay_out(void **state)
{
    assert_string_equal(judged(*state, 200,
                               CANDIDATE("{\"text\":\"secret\",\"thought\":true},{\"text\":\"a\",\"thought\":false},"
                                         "{\"functionCall\":{\"name\":\"f\",\"args\":{}}},7,{\"text\":\"b\"}",
                                         "STOP"))
                            .text,
                        "ab");
}

static void a_cut_answer_says_so(void **state)
{
    assert_true(judged(*state, 200, CANDIDATE("{\"text\":\"x\"}", "MAX_TOKENS")).cut);
    assert_true(judged(*state, 200, CANDIDATE("{\"text\":\"x\"}", "SOMETHING_NEW")).cut);
    struct llm_reply thought =
        judged(*state, 200, "{\"candidates\":[{\"content\":{\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\"}]}");
    assert_int_equal(thought.end, LLM_RETRY);
    assert_string_equal(thought.reason, "empty");
    assert_non_null(strstr(thought.error, "token limit"));
}

static void a_blocked_prompt_or_answer_is_never_tried_unchanged_again(void **state)
{
    static const char *const BODIES[] = {
        CANDIDATE("{\"text\":\"par\"}", "SAFETY"),
        CANDIDATE("", "PROHIBITED_CONTENT"),
        CANDIDATE("", "BLOCKLIST"),
        CANDIDATE("", "SPII"),
        CANDIDATE("{\"text\":\"par\"}", "RECITATION"),
        CANDIDATE("", "LANGUAGE"),
        "{\"candidates\":[{\"finishReason\":\"SAFETY\",\"safetyRatings\":[]}]}",
        "{\"promptFeedback\":{\"blockReason\":\"SAFETY\",\"safetyRatings\":[]},\"usageMetadata\":{\"promptTokenCount\":3}}",
        "{\"candidates\":[],\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}}",
        "{\"promptFeedback\":{\"blockReason\":\"SOMETHING_NEW\"}}",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
        assert_int_equal(judged(*state, 200, BODIES[i]).end, LLM_REFUSED);
        assert_string_equal(judged(*state, 200, BODIES[i]).reason, "refused");
    }
    assert_int_equal(judged(*state, 200,
                            "{\"promptFeedback\":{\"blockReason\":\"OTHER\"},\"candidates\":[{\"content\":"
                            "{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}]}")
                         .end,
                     LLM_ANSWERED);
}

static void an_empty_or_unreadable_answer_is_tried_again(void **state)
{
    static const char *const BODIES[] = { CANDIDATE("", "STOP"),
                                          CANDIDATE("{\"text\":\" \\n\"}", "STOP"),
                                          CANDIDATE("", "MALFORMED_FUNCTION_CALL"),
                                          CANDIDATE("{\"text\":\"t\",\"thought\":true}", "STOP"),
                                          "{\"candidates\":[]}",
                                          "{\"candidates\":{}}",
                                          "{\"candidates\":[7]}",
                                          "{\"promptFeedback\":{}}",
                                          "{}",
                                          "",
                                          "<html>",
                                          "[]" };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        assert_int_equal(judged(*state, 200, BODIES[i]).end, LLM_RETRY);
    assert_int_equal(judged(*state, 200, NULL).end, LLM_RETRY);
}

#define ERROR(code, status) "{\"error\":{\"code\":" code ",\"message\":\"key sk-secret\",\"status\":\"" status "\"}}"
#define DETAILED(code, status, details)                                                                                \
    "{\"error\":{\"code\":" code ",\"message\":\"m\",\"status\":\"" status                                             \
    "\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.Help\"}," details "]}}"
#define QUOTA(id)                                                                                                      \
    "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{},{\"quotaId\":\"" id "\"}]}"
#define WAIT(delay) "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":" delay "}"

static const struct {
    long status;
    const char *body;
    enum llm_end end;
    const char *reason, *code;
} ERRORS[] = {
    { 400, ERROR("400", "INVALID_ARGUMENT"), LLM_DEAD, "request", "INVALID_ARGUMENT" },
    { 400,
      DETAILED("400", "INVALID_ARGUMENT",
               "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":"
               "\"googleapis.com\"}"),
      LLM_DEAD, "auth", "INVALID_ARGUMENT" },
    { 400, ERROR("400", "FAILED_PRECONDITION"), LLM_DEAD, "quota", "FAILED_PRECONDITION" },
    { 401, ERROR("401", "UNAUTHENTICATED"), LLM_DEAD, "auth", "UNAUTHENTICATED" },
    { 402, ERROR("402", "SOMETHING_NEW"), LLM_DEAD, "quota", "SOMETHING_NEW" },
    { 403, ERROR("403", "PERMISSION_DENIED"), LLM_DEAD, "auth", "PERMISSION_DENIED" },
    { 404, ERROR("404", "NOT_FOUND"), LLM_DEAD, "model", "NOT_FOUND" },
    { 409, ERROR("409", "ABORTED"), LLM_RETRY, "overloaded", "ABORTED" },
    { 429, ERROR("429", "RESOURCE_EXHAUSTED"), LLM_RETRY, "rate_limit", "RESOURCE_EXHAUSTED" },
    { 429,
      DETAILED("429", "RESOURCE_EXHAUSTED", QUOTA("GenerateRequestsPerMinutePerProjectPerModel") "," WAIT("\"17s\"")),
      LLM_RETRY, "rate_limit", "RESOURCE_EXHAUSTED" },
    { 429,
      DETAILED("429", "RESOURCE_EXHAUSTED",
               QUOTA("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "," WAIT("\"17s\"")),
      LLM_DEAD, "quota", "RESOURCE_EXHAUSTED" },
    { 500, ERROR("500", "INTERNAL"), LLM_RETRY, "overloaded", "INTERNAL" },
    { 503, ERROR("503", "UNAVAILABLE"), LLM_RETRY, "overloaded", "UNAVAILABLE" },
    { 504, ERROR("504", "DEADLINE_EXCEEDED"), LLM_RETRY, "overloaded", "DEADLINE_EXCEEDED" },
    { 529, "", LLM_RETRY, "overloaded", "" },
    { 502, "<html>", LLM_RETRY, "overloaded", "" },
    { 429, "", LLM_RETRY, "rate_limit", "" },
    { 401, "", LLM_DEAD, "auth", "" },
    { 404, "<html>", LLM_DEAD, "model", "" },
    { 413, "", LLM_DEAD, "request", "" },
    { 400, "[]", LLM_DEAD, "request", "" },
    { 301, "", LLM_DEAD, "request", "" },
    { 400, ERROR("400", "some thing"), LLM_DEAD, "request", "some_thing" },
    { 200, ERROR("503", "UNAVAILABLE"), LLM_RETRY, "overloaded", "UNAVAILABLE" },
    { 200, ERROR("403", "PERMISSION_DENIED"), LLM_DEAD, "auth", "PERMISSION_DENIED" },
    { 500, "{\"error\":{\"details\":7}}", LLM_RETRY, "overloaded", "" },
    { 500, "{\"error\":\"text\"}", LLM_RETRY, "overloaded", "" },
};

static void every_error_of_the_contract_has_its_end(void **state)
{
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++) {
        struct llm_reply reply = judged(*state, ERRORS[i].status, ERRORS[i].body);
        if (reply.end != ERRORS[i].end || strcmp(reply.reason, ERRORS[i].reason) != 0)
            fail_msg("%ld %s: %d %s", ERRORS[i].status, ERRORS[i].body, (int)reply.end, reply.reason);
        assert_string_equal(reply.code, ERRORS[i].code);
        assert_null(strstr(reply.error, "sk-secret"));
    }
}

static void the_wait_that_the_body_asks_for_is_told(void **state)
{
    static const struct {
        const char *body;
        int64_t ms;
    } WAITS[] = {
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"17s\"")), 17000 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"20.04466179s\"")), 20044 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"0.5s\"")), 500 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"86400s\"")), 86400000 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"86401s\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"99999999999999999999999999s\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"1.2.3s\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"-5s\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"17\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("\"\"")), 0 },
        { DETAILED("429", "RESOURCE_EXHAUSTED", WAIT("17")), 0 },
        { ERROR("429", "RESOURCE_EXHAUSTED"), 0 },
    };
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++)
        assert_int_equal(judged(*state, 429, WAITS[i].body).retry_after_ms, WAITS[i].ms);
}

static void cut_short_or_bit_flipped_an_answer_is_judged(void **state)
{
    static const char BODY[] = CANDIDATE("{\"text\":\"x\"}", "STOP");
    size_t bytes = strlen(BODY);
    for (size_t i = 0; i < bytes * 8; i++) {
        struct arena *arena = arena_new(0);
        char *body = arena_text(arena, BODY);
        struct llm_reply reply;
        body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
        LLM_GEMINI.judge(arena, 200, body, bytes, &reply);
        assert_true(reply.end != LLM_ANSWERED || *reply.text);
        if (i < bytes) {
            LLM_GEMINI.judge(arena, 200, arena_copy(arena, BODY, i), i, &reply);
            assert_int_equal(reply.end, LLM_RETRY);
        }
        arena_free(arena);
    }
    (void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

static void what_it_says_of_its_own_text_is_read_by_category(void **state)
{
    static const char BODY[] =
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\",\"safetyRatings\":["
        "{\"category\":\"HARM_CATEGORY_HATE_SPEECH\",\"probability\":\"LOW\",\"probabilityScore\":0.31},"
        "{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"NEGLIGIBLE\",\"probabilityScore\":7},"
        "{\"category\":\"no \\\"word\",\"probability\":\"HIGH\"},{\"category\":3},null]}]}";
    struct llm_reply reply = { 0 };
    LLM_GEMINI.judge(*state, 200, BODY, sizeof BODY - 1, &reply);
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.ratings, "{\"hate_speech\":\"low\",\"harassment\":\"negligible\"}");
    assert_true(reply.toxicity == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_has_its_system_text_apart_and_roles_that_alternate),
        TEST(a_talk_that_the_company_began_or_ended_is_framed_by_the_user),
        TEST(the_base_url_may_leave_out_the_version_and_a_key_may_be_missing),
        TEST(a_models_name_can_not_leave_its_place_in_the_url),
        TEST(a_temperature_stays_within_two),
        TEST(a_model_that_thinks_gets_room_for_it),
        TEST(an_answer_has_text_model_and_the_whole_usage),
        TEST(what_the_model_thought_and_parts_of_other_kinds_stay_out),
        TEST(a_cut_answer_says_so),
        TEST(a_blocked_prompt_or_answer_is_never_tried_unchanged_again),
        TEST(an_empty_or_unreadable_answer_is_tried_again),
        TEST(every_error_of_the_contract_has_its_end),
        TEST(the_wait_that_the_body_asks_for_is_told),
        TEST(what_it_says_of_its_own_text_is_read_by_category),
        TEST(cut_short_or_bit_flipped_an_answer_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
