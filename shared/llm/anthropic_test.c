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
                                           { .role = "user", .text = "দাম \"কত\"?\n" },
                                           { .role = "user", .text = " \n" } };

static struct llm_http composed(struct arena *arena, const char *base_url, const char *key,
                                const struct llm_prompt *prompt)
{
    struct llm_endpoint endpoint = { .base_url = base_url, .key = key };
    struct llm_http http;
    LLM_ANTHROPIC.compose(arena, &endpoint, prompt, &http);
    assert_int_equal(json_check(http.body, strlen(http.body), NULL), OK);
    return http;
}

static struct llm_http composed_for(struct arena *arena, const char *model, double temperature)
{
    struct llm_prompt prompt = {
        .model = model, .temperature = temperature, .tokens_max = 300, .messages = TALK, .count = 3
    };
    return composed(arena, "https://api.anthropic.com/v1", "k", &prompt);
}

static void a_request_has_its_system_text_apart_and_roles_that_alternate(void **state)
{
    struct llm_prompt prompt = {
        .model = "claude-sonnet-4-6", .temperature = 0.2, .tokens_max = 300, .messages = TALK, .count = 7
    };
    struct llm_http http = composed(*state, "https://api.anthropic.com/v1", "sk-1", &prompt);
    assert_string_equal(http.url, "https://api.anthropic.com/v1/messages");
    assert_string_equal(http.headers[0], "Content-Type: application/json");
    assert_string_equal(http.headers[1], "anthropic-version: 2023-06-01");
    assert_string_equal(http.headers[2], "x-api-key: sk-1");
    assert_null(http.headers[3]);
    assert_string_equal(
        http.body,
        "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":300,\"temperature\":0.20,\"system\":\"Answer for Acme.\","
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[profile name] Ana\"},"
        "{\"type\":\"text\",\"text\":\"hello\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},"
        "{\"type\":\"text\",\"text\":\"[colleague] I am Rana\"}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"দাম \\\"কত\\\"?\\n\"},"
        "{\"type\":\"text\",\"text\":\"[no text]\"}]}]}");
}

static void the_base_url_may_leave_out_the_version_and_a_key_may_be_missing(void **state)
{
    struct llm_prompt prompt = { .model = "llama", .tokens_max = 1, .messages = TALK, .count = 3 };
    struct llm_http http = composed(*state, "http://127.0.0.1:8080", "", &prompt);
    assert_string_equal(http.url, "http://127.0.0.1:8080/v1/messages");
    assert_null(http.headers[2]);
}

static void a_talk_that_the_company_began_or_ended_is_framed_by_the_user(void **state)
{
    static const struct llm_message BEGAN[] = { { .role = "assistant", .text = "Your order is here" } };
    struct llm_prompt prompt = { .model = "m", .tokens_max = 5, .messages = BEGAN, .count = 1 };
    static const char WANT[] =
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[no message]\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Your order is here\"}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[no message]\"}]}]}";
    assert_true(text_ends(composed(*state, "http://x/v1", "", &prompt).body, WANT));
    prompt.count = 0;
    assert_true(
        text_ends(composed(*state, "http://x/v1", "", &prompt).body,
                  "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"[no message]\"}]}]}"));
    assert_null(strstr(composed(*state, "http://x/v1", "", &prompt).body, "system"));
}

static void a_temperature_stays_below_one(void **state)
{
    assert_non_null(strstr(composed_for(*state, "claude-haiku-4-5", 2).body, "\"temperature\":1.00"));
    assert_non_null(strstr(composed_for(*state, "claude-haiku-4-5", 0).body, "\"temperature\":0.00"));
    assert_non_null(strstr(composed_for(*state, "claude-haiku-4-5", -1).body, "\"temperature\":0.00"));
}

static void a_newer_claude_gets_no_temperature_and_room_to_think(void **state)
{
    static const char *const NEWER[] = { "claude-opus-4-7",  "claude-opus-4-8", "claude-sonnet-5",
                                         "claude-haiku-5-5", "claude-opus-5",   "claude-fable-5-1" };
    static const char *const OLDER[] = { "claude-3-5-haiku-20241022", "claude-sonnet-4-20250514", "claude-opus-4-6",
                                         "claude-haiku-4-5-20251001", "claude-opus-4-20250514",   "some-other-model" };
    for (size_t i = 0; i < sizeof NEWER / sizeof *NEWER; i++) {
        assert_null(strstr(composed_for(*state, NEWER[i], 0.7).body, "temperature"));
        assert_non_null(strstr(composed_for(*state, NEWER[i], 0.7).body, "\"max_tokens\":4396"));
    }
    for (size_t i = 0; i < sizeof OLDER / sizeof *OLDER; i++) {
        assert_non_null(strstr(composed_for(*state, OLDER[i], 0.7).body, "\"temperature\":0.70"));
        assert_non_null(strstr(composed_for(*state, OLDER[i], 0.7).body, "\"max_tokens\":300"));
    }
}

/* -- judging */

static struct llm_reply judged(struct arena *arena, long status, const char *body)
{
    struct llm_reply reply;
    LLM_ANTHROPIC.judge(arena, status, body, body ? strlen(body) : 0, &reply);
    assert_non_null(reply.reason);
    assert_non_null(reply.code);
    assert_non_null(reply.error);
    if (reply.end != LLM_ANSWERED) {
        assert_true(*reply.reason);
        assert_true(*reply.error);
    }
    return reply;
}

#define MESSAGE(content, stop)                                                                                         \
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-demo-1\",\"content\":[" content  \
    "],\"stop_reason\":" stop ",\"stop_sequence\":null,\"usage\":{\"input_tokens\":11,\"output_tokens\":5,"            \
    "\"cache_creation_input_tokens\":100,\"cache_read_input_tokens\":2000}}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void an_answer_has_text_model_and_the_whole_usage(void **state)
{
    struct llm_reply reply = judged(*state, 200, MESSAGE(TEXT("  হ্যালো!") "," TEXT(" Bye.\\n"), "\"end_turn\""));
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.text, "হ্যালো! Bye.");
    assert_string_equal(reply.model, "claude-demo-1");
    assert_int_equal(reply.prompt_tokens, 2111);
    assert_int_equal(reply.completion_tokens, 5);
    assert_false(reply.cut);
    assert_int_equal(judged(*state, 200, MESSAGE(TEXT("x"), "\"stop_sequence\"")).end, LLM_ANSWERED);
    assert_int_equal(judged(*state, 200, MESSAGE(TEXT("x"), "\"something_new\"")).end, LLM_ANSWERED);
    assert_int_equal(judged(*state, 200, "{\"content\":[" TEXT("x") "]}").prompt_tokens, 0);
}

static void what_the_model_thought_and_blocks_of_other_types_stay_out(void **state)
{
    assert_string_equal(
        judged(
            *state, 200,
            MESSAGE(
                "{\"type\":\"thinking\",\"thinking\":\"secret\",\"signature\":\"s\"},{\"type\":\"redacted_thinking\","
                "\"data\":\"d\"}," TEXT("a") ",{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}},"
                                             "{\"type\":\"new_block\",\"text\":\"no\"},7," TEXT("b"),
                "\"tool_use\""))
            .text,
        "ab");
}

static void a_cut_answer_says_so(void **state)
{
    assert_true(judged(*state, 200, MESSAGE(TEXT("x"), "\"max_tokens\"")).cut);
    assert_true(judged(*state, 200, MESSAGE(TEXT("x"), "\"model_context_window_exceeded\"")).cut);
    struct llm_reply thought =
        judged(*state, 200, MESSAGE("{\"type\":\"thinking\",\"thinking\":\"\"}", "\"max_tokens\""));
    assert_int_equal(thought.end, LLM_RETRY);
    assert_string_equal(thought.reason, "empty");
    assert_non_null(strstr(thought.error, "token limit"));
}

static void a_refusal_is_never_tried_unchanged_again(void **state)
{
    struct llm_reply reply = judged(*state, 200, MESSAGE("", "\"refusal\""));
    assert_int_equal(reply.end, LLM_REFUSED);
    assert_string_equal(reply.reason, "refused");
    assert_int_equal(judged(*state, 200, MESSAGE(TEXT("I began"), "\"refusal\"")).end, LLM_REFUSED);
}

static void an_empty_or_unreadable_answer_is_tried_again(void **state)
{
    static const char *const BODIES[] = { MESSAGE("", "\"end_turn\""),
                                          MESSAGE(TEXT(" \\n"), "\"end_turn\""),
                                          MESSAGE("{\"type\":\"text\"}", "\"end_turn\""),
                                          "{\"content\":\"x\"}",
                                          "{\"content\":{\"type\":\"text\",\"text\":\"x\"}}",
                                          "{}",
                                          "",
                                          "<html>",
                                          "[]" };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        assert_int_equal(judged(*state, 200, BODIES[i]).end, LLM_RETRY);
    assert_int_equal(judged(*state, 200, NULL).end, LLM_RETRY);
}

#define ERROR(type)                                                                                                    \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"key sk-secret\"},\"request_id\":\"r\"}"
#define WORDS(words) "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"" words "\"}}"

static const struct {
    long status;
    const char *body;
    enum llm_end end;
    const char *reason, *code;
} ERRORS[] = {
    { 400, ERROR("invalid_request_error"), LLM_DEAD, "request", "invalid_request_error" },
    { 400, WORDS("Your credit balance is too low to access the Anthropic API."), LLM_DEAD, "quota",
      "invalid_request_error" },
    { 400, WORDS("You have reached your specified API usage limits."), LLM_DEAD, "quota", "invalid_request_error" },
    { 401, ERROR("authentication_error"), LLM_DEAD, "auth", "authentication_error" },
    { 402, ERROR("billing_error"), LLM_DEAD, "quota", "billing_error" },
    { 403, ERROR("permission_error"), LLM_DEAD, "auth", "permission_error" },
    { 404, ERROR("not_found_error"), LLM_DEAD, "model", "not_found_error" },
    { 409, ERROR("conflict_error"), LLM_RETRY, "overloaded", "conflict_error" },
    { 413, ERROR("request_too_large"), LLM_DEAD, "request", "request_too_large" },
    { 429, ERROR("rate_limit_error"), LLM_RETRY, "rate_limit", "rate_limit_error" },
    { 429,
      "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\",\"details\":{\"error_code\":"
      "\"enforced_spend_limit_reached\"}}}",
      LLM_DEAD, "quota", "rate_limit_error" },
    { 500, ERROR("api_error"), LLM_RETRY, "overloaded", "api_error" },
    { 504, ERROR("timeout_error"), LLM_RETRY, "overloaded", "timeout_error" },
    { 529, ERROR("overloaded_error"), LLM_RETRY, "overloaded", "overloaded_error" },
    { 529, "<html>", LLM_RETRY, "overloaded", "" },
    { 502, "", LLM_RETRY, "overloaded", "" },
    { 408, "", LLM_RETRY, "overloaded", "" },
    { 429, "", LLM_RETRY, "rate_limit", "" },
    { 401, "", LLM_DEAD, "auth", "" },
    { 402, "", LLM_DEAD, "quota", "" },
    { 403, "<html>", LLM_DEAD, "auth", "" },
    { 404, "", LLM_DEAD, "model", "" },
    { 413, "", LLM_DEAD, "request", "" },
    { 400, "[]", LLM_DEAD, "request", "" },
    { 301, "", LLM_DEAD, "request", "" },
    { 503, ERROR("something_new"), LLM_RETRY, "overloaded", "something_new" },
    { 400, ERROR("something new"), LLM_DEAD, "request", "something_new" },
    { 200, ERROR("overloaded_error"), LLM_RETRY, "overloaded", "overloaded_error" },
    { 200, ERROR("authentication_error"), LLM_DEAD, "auth", "authentication_error" },
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

static void cut_short_or_bit_flipped_an_answer_is_judged(void **state)
{
    static const char BODY[] = MESSAGE(TEXT("x"), "\"end_turn\"");
    size_t bytes = strlen(BODY);
    for (size_t i = 0; i < bytes * 8; i++) {
        struct arena *arena = arena_new(0);
        char *body = arena_text(arena, BODY);
        struct llm_reply reply;
        body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
        LLM_ANTHROPIC.judge(arena, 200, body, bytes, &reply);
        assert_true(reply.end != LLM_ANSWERED || *reply.text);
        if (i < bytes) {
            LLM_ANTHROPIC.judge(arena, 200, arena_copy(arena, BODY, i), i, &reply);
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
        TEST(a_request_has_its_system_text_apart_and_roles_that_alternate),
        TEST(the_base_url_may_leave_out_the_version_and_a_key_may_be_missing),
        TEST(a_talk_that_the_company_began_or_ended_is_framed_by_the_user),
        TEST(a_temperature_stays_below_one),
        TEST(a_newer_claude_gets_no_temperature_and_room_to_think),
        TEST(an_answer_has_text_model_and_the_whole_usage),
        TEST(what_the_model_thought_and_blocks_of_other_types_stay_out),
        TEST(a_cut_answer_says_so),
        TEST(a_refusal_is_never_tried_unchanged_again),
        TEST(an_empty_or_unreadable_answer_is_tried_again),
        TEST(every_error_of_the_contract_has_its_end),
        TEST(cut_short_or_bit_flipped_an_answer_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
