#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "routes.h"
#include "rules.h"
#include "wire/pb.h"

static struct arena *arena;

static const struct endpoint *find(const char *method, const char *path, const char **id, bool *known)
{
    return routes_find(arena, method, path, id, known);
}

static void a_path_finds_its_row_and_its_id(void **state)
{
    (void)state;
    const char *id = NULL;
    bool known = false;
    assert_string_equal(find("GET", "/leads", &id, &known)->path, "/leads");
    assert_null(id);
    assert_string_equal(find("GET", "/leads/7", &id, &known)->path, "/leads/{id}");
    assert_string_equal(id, "7");
    assert_string_equal(find("GET", "/leads/7/messages", &id, &known)->path, "/leads/{id}/messages");
    assert_string_equal(id, "7");
    assert_string_equal(find("PATCH", "/leads/7", &id, &known)->method, "PATCH");
    assert_string_equal(find("GET", "/messages/a/why", &id, &known)->path, "/messages/{id}/why");
}

static void head_is_asked_as_get(void **state)
{
    (void)state;
    const char *id = NULL;
    bool known = false;
    assert_string_equal(find("HEAD", "/health", &id, &known)->method, "GET");
}

static void what_is_not_there_is_told_from_what_has_another_method(void **state)
{
    (void)state;
    const char *id = NULL;
    bool known = true;
    static const char *const nowhere[] = {
        "/",        "/lead",    "/leads/", "/leads//", "/leads/7/", "/leads/7/8", "/leads/7/messages/x",
        "//health", "/health/", "/HEALTH"
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        assert_null(find("GET", nowhere[i], &id, &known));
        assert_false(known);
    }
    assert_null(find("DELETE", "/leads/7", &id, &known));
    assert_true(known);
    assert_string_equal(routes_allow(arena, "/leads/7"), "GET, HEAD, PATCH");
    assert_string_equal(routes_allow(arena, "/webhook"), "GET, HEAD, POST");
}

static void every_row_is_complete(void **state)
{
    (void)state;
    for (const struct endpoint *row = ENDPOINTS; row->method != NULL; row++) {
        bool hole = strstr(row->path, "{id}") != NULL;
        assert_true(row->asks != NULL || row->handle != NULL);
        assert_false(text_empty(row->summary));
        if (row->asks == NULL)
            continue;
        assert_int_equal(hole, row->id_field != NULL);
        assert_true(row->asks->carrier == CARRIER_CALL);
        if (row->body != NULL)
            assert_ptr_equal(row->body, row->asks->request);
        if (row->id_noun != NULL)
            assert_non_null(row->id_field);
        if (row->id_field != NULL)
            assert_non_null(protobuf_c_message_descriptor_get_field_by_name(row->asks->request, row->id_field));
    }
}

static void every_query_parameter_is_a_field(void **state)
{
    (void)state;
    for (const struct endpoint *row = ENDPOINTS; row->method != NULL; row++) {
        char **names = NULL;
        size_t count = row->query == NULL ? 0 : text_split(arena, row->query, ' ', &names);
        for (size_t i = 0; i < count; i++)
            assert_non_null(protobuf_c_message_descriptor_get_field_by_name(row->asks->request, names[i]));
    }
}

static void only_webhooks_health_and_descriptions_are_open(void **state)
{
    (void)state;
    static const char *const open[] = { "/webhook",      "/health",        "/stats", "/metrics",
                                        "/openapi.json", "/asyncapi.json", "/docs",  "/docs/{id}" };
    for (const struct endpoint *row = ENDPOINTS; row->method != NULL; row++) {
        bool listed = false;
        for (size_t i = 0; i < sizeof open / sizeof *open; i++)
            listed = listed || strcmp(open[i], row->path) == 0;
        assert_int_equal(row->scope == SCOPE_NONE, listed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_its_row_and_its_id),
        cmocka_unit_test(head_is_asked_as_get),
        cmocka_unit_test(what_is_not_there_is_told_from_what_has_another_method),
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_query_parameter_is_a_field),
        cmocka_unit_test(only_webhooks_health_and_descriptions_are_open),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
