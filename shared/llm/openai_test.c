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

static struct llm_http composed(struct arena *arena, const char *base_url, const char *key, const char *model)
{
    static const struct llm_message MESSAGES[] = { { .role = "system", .text = "Answer for Acme." },
                                                   { .role = "user", .text = "দাম \"কত\"?\n" } };
    struct llm_endpoint endpoint = { .base_url = base_url, .key = key };
    struct llm_prompt prompt = {
        .model = model, .temperature = 0.2, .tokens_max = 300, .messages = MESSAGES, .count = 2
    };
    struct llm_http http;
    LLM_OPENAI.compose(arena, &endpoint, &prompt, &http);
    assert_int_equal(json_check(http.body, strlen(http.body), NULL), OK);
    return http;
}

static void the_vendor_gets_its_own_member_for_the_token_limit(void **state)
{
    struct llm_http http = composed(*state, "https://api.openai.com/v1", "sk-1", "gpt-4o-mini");
    assert_string_equal(http.url, "https://api.openai.com/v1/chat/completions");
    assert_string_equal(http.headers[0], "Content-Type: application/json");
    assert_string_equal(http.headers[1], "Authorization: Bearer sk-1");
    assert_null(http.headers[2]);
    assert_string_equal(
        http.body,
        "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer for Acme.\"},"
        "{\"role\":\"user\",\"content\":\"দাম \\\"কত\\\"?\\n\"}],\"max_completion_tokens\":300,\"temperature\":0.20}");
}

static void a_compatible_server_gets_max_tokens_and_no_empty_key(void **state)
{
    struct llm_http http = composed(*state, "http://127.0.0.1:8080/v1", "", "llama");
    assert_null(http.headers[1]);
    assert_non_null(strstr(http.body, "\"max_tokens\":300"));
    assert_null(strstr(http.body, "max_completion_tokens"));
    assert_non_null(
        strstr(composed(*state, "https://api.openai.com.evil.example/v1", "k", "m").body, "\"max_tokens\""));
}

static void a_reasoning_model_gets_no_temperature_and_room_to_think_wherever_it_runs(void **state)
{
    static const char *const REASONING[] = { "o1", "o3-mini", "gpt-5", "gpt-6-mini" };
    static const char *const OTHERS[] = { "gpt-4o", "gpt-35-turbo", "gpt-oss:20b", "olmo", "llama" };
    for (size_t i = 0; i < sizeof REASONING / sizeof *REASONING; i++) {
        struct llm_http http = composed(*state, "https://x.openai.azure.com/openai/v1", "k", REASONING[i]);
        assert_null(strstr(http.body, "temperature"));
        assert_non_null(strstr(http.body, "\"max_completion_tokens\":4396"));
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        struct llm_http http = composed(*state, "http://127.0.0.1:11434/v1", "", OTHERS[i]);
        assert_non_null(strstr(http.body, "temperature"));
        assert_non_null(strstr(http.body, "\"max_tokens\":300"));
    }
    assert_null(strstr(composed(*state, "https://api.openai.com/v1", "k", "gpt-5-mini").body, "temperature"));
    assert_null(strstr(composed(*state, "https://api.openai.com/v1", "k", "o3").body, "temperature"));
    assert_non_null(strstr(composed(*state, "https://api.openai.com/v1", "k", "gpt-4o").body, "temperature"));
}

static struct llm_reply judged(struct arena *arena, long status, const char *body)
{
    struct llm_reply reply;
    LLM_OPENAI.judge(arena, status, body, body ? strlen(body) : 0, &reply);
    assert_non_null(reply.reason);
    assert_non_null(reply.code);
    assert_non_null(reply.error);
    if (reply.end != LLM_ANSWERED) {
        assert_true(*reply.reason);
        assert_true(*reply.error);
    }
    return reply;
}

#define CHOICE(message, finish)                                                                                        \
    "{\"id\":\"c\",\"model\":\"gpt-demo-1\",\"choices\":[{\"index\":0,\"finish_reason\":" finish                       \
    ",\"message\":{" message "}}]"

static void an_answer_has_text_model_and_usage(void **state)
{
    struct llm_reply reply = judged(*state, 200,
                                    CHOICE("\"role\":\"assistant\",\"content\":\"  হ্যালো!\\n\"",
                                           "\"stop\"") ",\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5}}");
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.text, "হ্যালো!");
    assert_string_equal(reply.model, "gpt-demo-1");
    assert_int_equal(reply.prompt_tokens, 11);
    assert_int_equal(reply.completion_tokens, 5);
    assert_false(reply.cut);
}

static void compatible_servers_may_leave_things_out(void **state)
{
    struct llm_reply reply = judged(*state, 200, "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_int_equal(reply.prompt_tokens, 0);
    assert_string_equal(reply.model, "");
    assert_int_equal(
        judged(*state, 200, CHOICE("\"content\":\"x\",\"tool_calls\":[{\"id\":\"\"}]", "\"stop\"") ",\"usage\":null}")
            .end,
        LLM_ANSWERED);
    assert_string_equal(
        judged(*state, 200,
               CHOICE("\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]",
                      "\"stop\"") "}")
            .text,
        "ab");
    assert_int_equal(judged(*state, 200,
                            CHOICE("\"content\":\"x\"",
                                   "\"stop\"") ",\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":99999999999}}")
                         .prompt_tokens,
                     0);
}

static void a_cut_answer_says_so(void **state)
{
    assert_true(judged(*state, 200, CHOICE("\"content\":\"x\"", "\"length\"") "}").cut);
}

static void a_refusal_is_never_tried_unchanged_again(void **state)
{
    assert_int_equal(judged(*state, 200, CHOICE("\"content\":null,\"refusal\":\"I can't\"", "\"stop\"") "}").end,
                     LLM_REFUSED);
    assert_int_equal(judged(*state, 200, CHOICE("\"content\":\"par\"", "\"content_filter\"") "}").end, LLM_REFUSED);
    assert_int_equal(judged(*state, 400, "{\"error\":{\"code\":\"content_filter\"}}").end, LLM_REFUSED);
    assert_int_equal(judged(*state, 200, CHOICE("\"content\":\"x\",\"refusal\":null", "\"stop\"") "}").end,
                     LLM_ANSWERED);
}

static void an_empty_or_unreadable_answer_is_tried_again(void **state)
{
    static const char *const BODIES[] = { CHOICE("\"content\":null", "\"stop\"") "}",
                                          CHOICE("\"content\":\" \\n\"", "\"stop\"") "}",
                                          CHOICE("", "\"tool_calls\"") "}",
                                          "{\"choices\":[]}",
                                          "{}",
                                          "",
                                          "<html>",
                                          "[]",
                                          "{\"choices\":7}" };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        assert_int_equal(judged(*state, 200, BODIES[i]).end, LLM_RETRY);
}

static const struct {
    long status;
    const char *body;
    enum llm_end end;
    const char *reason, *code;
} ERRORS[] = {
    { 400,
      "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"context_length_exceeded\"}}",
      LLM_DEAD, "request", "context_length_exceeded" },
    { 400, "{\"error\":{\"code\":400,\"message\":\"m\",\"type\":\"exceed_context_size_error\"}}", LLM_DEAD, "request",
      "exceed_context_size_error" },
    { 401,
      "{\"error\":{\"message\":\"Incorrect API key sk-secret\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
      LLM_DEAD, "auth", "invalid_api_key" },
    { 401, "{\"error\":{\"code\":401,\"type\":\"authentication_error\"}}", LLM_DEAD, "auth", "authentication_error" },
    { 402, "", LLM_DEAD, "quota", "" },
    { 403, "{\"error\":{\"code\":null,\"type\":\"permission\"}}", LLM_DEAD, "auth", "permission" },
    { 404, "{\"error\":{\"code\":\"model_not_found\"}}", LLM_DEAD, "model", "model_not_found" },
    { 404, "{\"object\":\"error\",\"message\":\"m\",\"type\":\"NotFoundError\",\"param\":null,\"code\":404}", LLM_DEAD,
      "model", "NotFoundError" },
    { 408, "", LLM_RETRY, "overloaded", "" },
    { 409, "", LLM_RETRY, "overloaded", "" },
    { 413, "", LLM_DEAD, "request", "" },
    { 422, "", LLM_DEAD, "request", "" },
    { 429,
      "{\"error\":{\"message\":\"Slow down.\",\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"slow_down\"}}",
      LLM_RETRY, "rate_limit", "slow_down" },
    { 429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", LLM_RETRY, "rate_limit", "rate_limit_exceeded" },
    { 429, "", LLM_RETRY, "rate_limit", "" },
    { 429, "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}", LLM_DEAD, "quota",
      "insufficient_quota" },
    { 429, "{\"error\":{\"type\":\"insufficient_quota\",\"code\":\"something_new\"}}", LLM_DEAD, "quota",
      "something_new" },
    { 429, "{\"error\":{\"code\":\"credit_balance_exhausted\"}}", LLM_DEAD, "quota", "credit_balance_exhausted" },
    { 429, "{\"error\":{\"code\":\"organization_spend_limit_exceeded\"}}", LLM_DEAD, "quota",
      "organization_spend_limit_exceeded" },
    { 429, "{\"error\":{\"code\":\"project_spend_limit_exceeded\"}}", LLM_DEAD, "quota",
      "project_spend_limit_exceeded" },
    { 429, "{\"error\":{\"code\":\"organization_usage_limit_exceeded\"}}", LLM_DEAD, "quota",
      "organization_usage_limit_exceeded" },
    { 500, "{\"error\":{\"type\":\"server_error\"}}", LLM_RETRY, "overloaded", "server_error" },
    { 502, "<html>", LLM_RETRY, "overloaded", "" },
    { 503, "{\"error\":{\"type\":\"service_unavailable_error\",\"code\":\"server_is_overloaded\"}}", LLM_RETRY,
      "overloaded", "server_is_overloaded" },
    { 504, "", LLM_RETRY, "overloaded", "" },
    { 529, "", LLM_RETRY, "overloaded", "" },
    { 301, "", LLM_DEAD, "request", "" },
    { 200, "{\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}", LLM_RETRY, "overloaded", "server_error" },
    { 200, "{\"error\":{\"type\":\"insufficient_quota\"}}", LLM_DEAD, "quota", "insufficient_quota" },
    { 400, "{\"error\":{\"code\":\"a b\\nc\"}}", LLM_DEAD, "request", "a_b_c" },
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

static void cut_short_or_bit_flipped_an_answer_is_judged(void **state)
{
    static const char BODY[] = CHOICE("\"role\":\"assistant\",\"content\":\"x\"",
                                      "\"stop\"") ",\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":5}}";
    size_t bytes = strlen(BODY);
    for (size_t i = 0; i < bytes * 8; i++) {
        struct arena *arena = arena_new(0);
        char *body = arena_text(arena, BODY);
        struct llm_reply reply;
        body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
        LLM_OPENAI.judge(arena, 200, body, bytes, &reply);
        assert_true(reply.end != LLM_ANSWERED || *reply.text);
        if (i < bytes) {
            LLM_OPENAI.judge(arena, 200, arena_copy(arena, BODY, i), i, &reply);
            assert_int_equal(reply.end, LLM_RETRY);
        }
        arena_free(arena);
    }
    (void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_vendor_gets_its_own_member_for_the_token_limit),
        TEST(a_compatible_server_gets_max_tokens_and_no_empty_key),
        TEST(a_reasoning_model_gets_no_temperature_and_room_to_think_wherever_it_runs),
        TEST(an_answer_has_text_model_and_usage),
        TEST(compatible_servers_may_leave_things_out),
        TEST(a_cut_answer_says_so),
        TEST(a_refusal_is_never_tried_unchanged_again),
        TEST(an_empty_or_unreadable_answer_is_tried_again),
        TEST(every_error_of_the_contract_has_its_end),
        TEST(cut_short_or_bit_flipped_an_answer_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
