#include "base/test.h"

#include <string.h>

#include "base/json.h"
#include "openapi.h"
#include "routes.h"

static struct arena *arena;
static cJSON *document;

static const cJSON *at(const cJSON *tree, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(tree, name);
    if (member == NULL)
        print_message("no member %s\n", name);
    assert_non_null(member);
    return member;
}

static void it_names_every_route(void **state)
{
    (void)state;
    const cJSON *paths = at(document, "paths");
    for (const struct endpoint *row = ENDPOINTS; row->method != NULL; row++) {
        const cJSON *operation = at(at(paths, row->path), text_lower(arena, row->method));
        at(operation, "operationId");
        at(operation, "responses");
        assert_int_equal(cJSON_HasObjectItem(operation, "requestBody"),
                         row->body != NULL || (row->scope == SCOPE_NONE && strcmp(row->method, "POST") == 0));
    }
    assert_string_equal(at(document, "openapi")->valuestring, "3.1.0");
}

static void every_reference_leads_somewhere(void **state)
{
    (void)state;
    const cJSON *schemas = at(at(document, "components"), "schemas");
    struct buffer whole = { .arena = arena };
    openapi_write(&whole);
    size_t count = 0;
    for (const char *from = whole.text; (from = strstr(from, "#/components/schemas/")) != NULL; count++) {
        from += strlen("#/components/schemas/");
        at(schemas, arena_text_n(arena, from, strcspn(from, "\"")));
    }
    assert_true(count > 50);
}

static void operation_ids_are_unique(void **state)
{
    (void)state;
    const char *seen[128];
    size_t count = 0;
    const cJSON *path, *operation;
    cJSON_ArrayForEach (path, at(document, "paths")) {
        cJSON_ArrayForEach (operation, path) {
            const char *id = at(operation, "operationId")->valuestring;
            for (size_t i = 0; i < count; i++)
                assert_string_not_equal(seen[i], id);
            seen[count++] = id;
        }
    }
}

static void internal_fields_are_not_shown(void **state)
{
    (void)state;
    const cJSON *schemas = at(at(document, "components"), "schemas");
    assert_false(cJSON_HasObjectItem(at(at(schemas, "ApiKey"), "properties"), "secret_hash"));
    assert_false(cJSON_HasObjectItem(at(at(schemas, "ChannelAccount"), "properties"), "webhook_secrets"));
    assert_true(cJSON_HasObjectItem(at(at(schemas, "ChannelAccountRequest"), "properties"), "webhook_secrets"));
    assert_false(cJSON_HasObjectItem(at(at(schemas, "HandoverReply"), "properties"), "jobs"));
    assert_false(cJSON_HasObjectItem(schemas, "JobSpec"));
}

static void fields_say_what_they_hold(void **state)
{
    (void)state;
    const cJSON *schemas = at(at(document, "components"), "schemas");
    const cJSON *lead = at(at(schemas, "Lead"), "properties");
    assert_string_equal(at(at(lead, "created_at"), "format")->valuestring, "date-time");
    assert_int_equal(cJSON_GetArraySize(at(at(lead, "preferred_channel"), "enum")), 6);
    const cJSON *message = at(at(schemas, "Message"), "properties");
    assert_string_equal(at(at(message, "provider_ts"), "format")->valuestring, "date-time");
    const cJSON *post = at(schemas, "InboundPost");
    assert_int_equal(cJSON_GetArraySize(at(post, "required")), 3);
    assert_true(cJSON_IsFalse(at(post, "additionalProperties")));
    const cJSON *cursor = at(at(at(schemas, "LeadList"), "properties"), "next_cursor");
    assert_int_equal(cJSON_GetArraySize(at(cursor, "type")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_every_route),      cmocka_unit_test(every_reference_leads_somewhere),
        cmocka_unit_test(operation_ids_are_unique),  cmocka_unit_test(internal_fields_are_not_shown),
        cmocka_unit_test(fields_say_what_they_hold),
    };
    struct buffer out = { .arena = arena = arena_new(0) };
    struct error error = { 0 };
    openapi_write(&out);
    if (json_parse(arena, out.text, out.bytes, &document, &error) != OK) {
        print_message("not JSON: %s\n", error.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
