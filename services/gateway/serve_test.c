#include "base/test.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "serve.h"
#include "settings.h"
#include "transcode.h"

static struct arena *arena;

static const char *header_of(const struct web_response *response, const char *name)
{
    for (size_t i = 0; i < 16 && response->headers[i] != NULL; i++)
        if (strncasecmp(response->headers[i], name, strlen(name)) == 0 && response->headers[i][strlen(name)] == ':')
            return response->headers[i] + strlen(name) + 2;
    return NULL;
}

/* A request as the web server hands it over, without headers. */
static struct web_response serve(const char *method, const char *path, const char *query, const char *body)
{
    struct web_response response = { 0 };
    struct web_request request = { .arena = arena,
                                   .method = method,
                                   .path = path,
                                   .query = query,
                                   .body = body,
                                   .body_bytes = strlen(body),
                                   .remote = "127.0.0.1" };
    serve_handle(NULL, &request, &response);
    return response;
}

static void a_callers_correlation_id_is_kept_if_it_is_one(void **state)
{
    (void)state;
    char longest[130];
    memset(longest, 'x', sizeof longest);
    longest[128] = '\0';
    assert_string_equal(serve_correlation_id(arena, "a-B_9.z"), "a-B_9.z");
    assert_string_equal(serve_correlation_id(arena, longest), longest);
    longest[128] = 'x';
    longest[129] = '\0';
    assert_true(ident_valid(serve_correlation_id(arena, longest)));
    assert_true(ident_valid(serve_correlation_id(arena, "")));
    assert_true(ident_valid(serve_correlation_id(arena, NULL)));
    assert_true(ident_valid(serve_correlation_id(arena, "a b")));
    assert_true(ident_valid(serve_correlation_id(arena, "a\"b")));
}

static void a_traceparent_is_passed_on_only_when_well_formed(void **state)
{
    (void)state;
    const char *good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_string_equal(serve_traceparent(good), good);
    assert_string_equal(serve_traceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), "");
    assert_string_equal(serve_traceparent("00"), "");
    assert_string_equal(serve_traceparent(NULL), "");
}

static void a_body_is_json_by_its_type_or_by_none(void **state)
{
    (void)state;
    static const char *const good[] = { "application/json",
                                        "Application/JSON",
                                        "application/json; charset=utf-8",
                                        "application/json ; a=b",
                                        "application/merge-patch+json",
                                        "application/problem+json;",
                                        "application/x-www-form-urlencoded" };
    static const char *const bad[] = { "",
                                       "text/plain",
                                       "application/jsonx",
                                       "json",
                                       "text/json",
                                       "a/b+json",
                                       "application/json x",
                                       "application/xml",
                                       "application/+xml",
                                       ";",
                                       "text/plain; a=application/json",
                                       "application/json, text/plain" };
    assert_true(transcode_is_json(NULL));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(transcode_is_json(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(transcode_is_json(bad[i]));
}

static void every_answer_has_a_correlation_id(void **state)
{
    (void)state;
    struct web_response response = serve("GET", "/nowhere", "", "");
    assert_int_equal(response.status, 404);
    assert_true(ident_valid(header_of(&response, "x-correlation-id")));
    assert_string_equal(response.content_type, "application/problem+json");
    response = serve("PUT", "/leads", "", "");
    assert_int_equal(response.status, 405);
    assert_string_equal(header_of(&response, "Allow"), "GET, HEAD");
    struct web_response refused = { 0 };
    struct web_request request = { .arena = arena, .method = "GET", .path = "/", .query = "", .body = "" };
    serve_refuse(NULL, &request, 413, "The body is too large.", &refused);
    assert_int_equal(refused.status, 413);
    assert_true(ident_valid(header_of(&refused, "x-correlation-id")));
    assert_non_null(strstr(refused.body, "body_too_large"));
}

static void without_a_key_nothing_is_open_but_what_must_be(void **state)
{
    (void)state;
    settings.auth = true;
    struct web_response response = serve("GET", "/leads", "", "");
    assert_int_equal(response.status, 401);
    assert_string_equal(header_of(&response, "WWW-Authenticate"), "Bearer");
    assert_int_equal(serve("GET", "/stats", "", "").status, 200);
    assert_int_equal(serve("GET", "/docs", "", "").status, 200);
    settings.auth = false;
}

static const struct {
    const char *method, *path, *query, *body;
    int status;
    const char *says;
} BAD_INPUT[] = {
    { "POST", "/inbound-message", "", "{", 400, "malformed_json" },
    { "POST", "/inbound-message", "", "", 400, "malformed_json" },
    { "POST", "/inbound-message", "", "{}", 422, "'phone_number', 'contact_name', 'message_text' are missing." },
    { "POST", "/inbound-message", "", "{\"phone_number\":\"+1234567\",\"contact_name\":\"\",\"message_text\":\"\"}",
      422, "message_text" },
    { "POST", "/inbound-message", "", "{\"phone_number\":\"123456\",\"contact_name\":\"\",\"message_text\":\"x\"}", 422,
      "7 to 15 digits" },
    { "POST", "/inbound-message", "",
      "{\"phone_number\":\"1234567\",\"contact_name\":\"\",\"message_text\":\"x\",\"channel\":\"fax\"}", 422,
      "channel" },
    { "POST", "/inbound-message", "",
      "{\"phone_number\":\"1234567\",\"contact_name\":\"\",\"message_text\":\"x\",\"company_id\":\"7\"}", 422,
      "company_id" },
    { "POST", "/inbound-message", "",
      "{\"phone_number\":\"1234567\",\"contact_name\":\"\",\"message_text\":\"x\",\"id\":\"7\"}", 422,
      "unknown_field" },
    { "GET", "/leads", "limit=201", "", 422, "limit" },
    { "GET", "/leads", "limit=0", "", 422, "limit" },
    { "GET", "/leads", "limit=1&limit=2", "", 422, "limit" },
    { "GET", "/leads", "lead_id=1", "", 422, "unknown_parameter" },
    { "GET", "/leads", "stage_id=1", "", 422, "UUID" },
    { "GET", "/leads", "", "{}", 400, "takes no body" },
    { "GET", "/leads/7", "", "", 404, "unknown_lead" },
    { "GET", "/jobs", "status=lost", "", 422, "status" },
    { "PATCH", "/leads/7", "", "{\"id\":\"7\"}", 422, "unknown_field" },
    { "PATCH", "/leads/7", "", "{\"if_version\":7}", 422, "unknown_field" },
    { "POST", "/api-keys", "", "{\"name\":\"n\",\"scopes\":[\"read\"],\"secret_hash\":\"00\"}", 422, "unknown_field" },
    { "POST", "/api-keys", "", "{\"name\":\"n\",\"scopes\":[\"root\"]}", 422, "unknown_scope" },
    { "POST", "/api-keys", "", "{\"name\":\"n\",\"scopes\":[]}", 422, "missing_field" },
    { "POST", "/api/v1/takeover", "", "{}", 422, "phone" },
    { "POST", "/api/v1/takeover", "", "{\"phone\":\"12\"}", 422, "phone" },
    { "POST", "/api/v1/takeover", "", "{\"phone\":\"1234567\",\"lead_id\":\"0190a000-0000-7000-8000-000000000001\"}",
      422, "exclude" },
    { "POST", "/api/v1/operator-message", "", "{\"phone\":\"1234567\"}", 422, "message" },
    { "POST", "/api/v1/operator-message", "", "{\"phone\":\"1234567\",\"message\":\"x\",\"idempotency_key\":\"k\"}",
      422, "unknown_field" },
    { "POST", "/api/v1/operator-message", "", "{\"phone\":\"1234567\",\"media\":{\"type\":\"image\"}}", 422, "media" },
    { "POST", "/api/v1/operator-message", "",
      "{\"phone\":\"1234567\",\"media\":{\"type\":\"image\",\"link\":\"file:///x\"}}", 422, "media.link" },
    { "POST", "/jobs", "", "{\"params\":{}}", 422, "task" },
    { "POST", "/admin/dlq/replay", "", "{\"max_jobs\":1001}", 422, "max_jobs" },
    { "POST", "/webhook", "", "[]", 400, "malformed_json" },
    { "GET", "/webhook", "hub.mode=subscribe&hub.verify_token=&hub.challenge=1", "", 403, "forbidden" },
};

static void bad_input_is_named_and_never_asked_about(void **state)
{
    (void)state;
    settings.auth = false;
    for (size_t i = 0; i < sizeof BAD_INPUT / sizeof *BAD_INPUT; i++) {
        struct web_response response =
            serve(BAD_INPUT[i].method, BAD_INPUT[i].path, BAD_INPUT[i].query, BAD_INPUT[i].body);
        if (response.status != BAD_INPUT[i].status || strstr(response.body, BAD_INPUT[i].says) == NULL)
            print_message("%s %s %s: %d %s\n", BAD_INPUT[i].method, BAD_INPUT[i].path, BAD_INPUT[i].body,
                          response.status, response.body);
        assert_int_equal(response.status, BAD_INPUT[i].status);
        assert_non_null(strstr(response.body, BAD_INPUT[i].says));
    }
}

static void metas_question_is_answered_with_the_bare_challenge(void **state)
{
    (void)state;
    settings.verify_token = "t-1";
    struct web_response response =
        serve("GET", "/webhook", "hub.mode=subscribe&hub.verify_token=t-1&hub.challenge=1158201444", "");
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/plain");
    assert_int_equal(response.body_bytes, 10);
    assert_memory_equal(response.body, "1158201444", 10);
    assert_int_equal(serve("GET", "/webhook", "hub.mode=subscribe&hub.verify_token=t-2&hub.challenge=1", "").status,
                     403);
    assert_int_equal(serve("GET", "/webhook", "hub.mode=other&hub.verify_token=t-1&hub.challenge=1", "").status, 403);
    assert_int_equal(
        serve("GET", "/webhook", "hub.mode=subscribe&hub.verify_token=t-1&hub.challenge=%3Cb%3E", "").status, 403);
    assert_int_equal(serve("GET", "/webhook", "", "").status, 403);
    settings.verify_token = "";
}

static void an_unsigned_webhook_is_refused_once_a_secret_is_set(void **state)
{
    (void)state;
    settings.app_secrets = "s";
    struct web_response response = serve("POST", "/webhook", "", "{\"object\":\"x\",\"entry\":[]}");
    assert_true(response.status == 401 ||
                response.status == 503); /* 503: the accounts' own secrets are not loaded here */
    settings.app_secrets = "";
    settings.auth = true;
    response = serve("POST", "/webhook", "", "{\"object\":\"x\",\"entry\":[]}");
    assert_true(response.status == 401 || response.status == 503);
    settings.auth = false;
    assert_int_equal(serve("POST", "/webhook", "", "{\"object\":\"x\",\"entry\":[]}").status, 200);
}

static void a_webhook_may_be_larger_than_other_bodies(void **state)
{
    (void)state;
    assert_int_equal(serve_body_max("POST", "/webhook"), 3 * 1024 * 1024);
    assert_int_equal(serve_body_max("POST", "/inbound-message"), 1024 * 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callers_correlation_id_is_kept_if_it_is_one),
        cmocka_unit_test(a_traceparent_is_passed_on_only_when_well_formed),
        cmocka_unit_test(a_body_is_json_by_its_type_or_by_none),
        cmocka_unit_test(every_answer_has_a_correlation_id),
        cmocka_unit_test(without_a_key_nothing_is_open_but_what_must_be),
        cmocka_unit_test(bad_input_is_named_and_never_asked_about),
        cmocka_unit_test(metas_question_is_answered_with_the_bare_challenge),
        cmocka_unit_test(an_unsigned_webhook_is_refused_once_a_secret_is_set),
        cmocka_unit_test(a_webhook_may_be_larger_than_other_bodies),
    };
    settings = (struct settings){ .listen = "127.0.0.1",
                                  .threads = 4,
                                  .environment = "development",
                                  .verify_token = "",
                                  .app_secrets = "",
                                  .docs_assets = "" };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
