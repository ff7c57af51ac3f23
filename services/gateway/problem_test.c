#include "base/test.h"

#include "base/json.h"
#include "problem.h"

static struct arena *arena;

static struct problem of(enum status status, const char *code)
{
    struct error error = { 0 };
    error_code(&error, status, code, "A sentence.");
    return problem_of(status, &error);
}

static void a_code_has_one_status(void **state)
{
    (void)state;
    assert_int_equal(of(REJECT, "malformed_json").http_status, 400);
    assert_int_equal(of(REJECT, "unauthorised").http_status, 401);
    assert_int_equal(of(REJECT, "forbidden").http_status, 403);
    assert_int_equal(of(REJECT, "unknown_lead").http_status, 404);
    assert_int_equal(of(REJECT, "unknown_conversation").http_status, 404);
    assert_int_equal(of(REJECT, "conflict").http_status, 409);
    assert_int_equal(of(REJECT, "stale_version").http_status, 412);
    assert_int_equal(of(REJECT, "unknown_field").http_status, 422);
    assert_int_equal(of(REJECT, "missing_field").http_status, 422);
    assert_int_equal(of(REJECT, "idempotency_mismatch").http_status, 422);
    assert_int_equal(of(REJECT, "unknown_task").http_status, 422);
    assert_int_equal(of(REJECT, "too_many").http_status, 429);
    assert_int_equal(of(REJECT, "").http_status, 422);
    assert_string_equal(of(REJECT, "").code, "bad_value");
}

static void an_unwell_world_is_503_and_says_when_to_come_back(void **state)
{
    (void)state;
    assert_int_equal(of(RETRY, "bus_away").http_status, 503);
    assert_int_equal(of(RETRY, "unknown_lead").http_status, 503);
    assert_true(of(RETRY, "bus_away").retry_after_seconds > 0);
    assert_string_equal(of(RETRY, "").code, "unavailable");
    assert_int_equal(of(REJECT, "missing_field").retry_after_seconds, 0);
}

static const cJSON *written(const char *code, const char *sentence)
{
    struct error error = { 0 };
    struct buffer out = { .arena = arena };
    cJSON *tree = NULL;
    error_code(&error, REJECT, code, "%s", sentence);
    struct problem problem = problem_of(REJECT, &error);
    problem_write(&out, &problem, &error, "c-1");
    assert_int_equal(json_parse(arena, out.text, out.bytes, &tree, NULL), OK);
    return tree;
}

static void a_document_has_all_members(void **state)
{
    (void)state;
    const cJSON *tree = written("unknown_lead", "There is no \"such\" lead.");
    const char *text = NULL;
    int64_t number = 0;
    assert_int_equal(json_need_text(tree, "type", &text, NULL), OK);
    assert_string_equal(text, "urn:parley:problem:unknown_lead");
    assert_int_equal(json_need_text(tree, "title", &text, NULL), OK);
    assert_int_equal(json_want_int64(tree, "status", &number, NULL), OK);
    assert_int_equal(number, 404);
    assert_int_equal(json_need_text(tree, "detail", &text, NULL), OK);
    assert_string_equal(text, "There is no \"such\" lead.");
    assert_int_equal(json_need_text(tree, "code", &text, NULL), OK);
    assert_string_equal(text, "unknown_lead");
    assert_int_equal(json_need_text(tree, "correlation_id", &text, NULL), OK);
    assert_string_equal(text, "c-1");
    assert_null(cJSON_GetObjectItem(tree, "errors"));
}

static void members_named_by_the_sentence_are_listed(void **state)
{
    (void)state;
    const cJSON *errors = cJSON_GetObjectItem(written("missing_field", "'a', 'b.c' are missing."), "errors");
    assert_int_equal(cJSON_GetArraySize(errors), 2);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(errors, 0), "field")->valuestring, "a");
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(errors, 1), "field")->valuestring, "b.c");
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(errors, 1), "code")->valuestring, "missing_field");
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItem(written("bad_value", "'a' must differ from 'b'."), "errors")), 1);
    assert_null(cJSON_GetObjectItem(written("bad_value", "'a"), "errors"));
    assert_null(cJSON_GetObjectItem(written("bad_value", "The query is not well-formed."), "errors"));
}

static void what_the_server_refuses_itself_has_a_code(void **state)
{
    (void)state;
    assert_string_equal(problem_code_of_http(400), "malformed_request");
    assert_string_equal(problem_code_of_http(408), "request_timeout");
    assert_string_equal(problem_code_of_http(411), "length_required");
    assert_string_equal(problem_code_of_http(413), "body_too_large");
    assert_string_equal(problem_code_of_http(431), "head_too_large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_has_one_status),
        cmocka_unit_test(an_unwell_world_is_503_and_says_when_to_come_back),
        cmocka_unit_test(a_document_has_all_members),
        cmocka_unit_test(members_named_by_the_sentence_are_listed),
        cmocka_unit_test(what_the_server_refuses_itself_has_a_code),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
