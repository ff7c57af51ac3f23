#include "base/test.h"

#include <string.h>

#include "base/json.h"
#include "example.h"
#include "openapi.h"
#include "routes.h"
#include "rules.h"
#include "wire/pbjson.h"

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
                         row->body != NULL || row->takes_file ||
                             (row->scope == SCOPE_NONE && strcmp(row->method, "POST") == 0));
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

static void every_body_has_an_example_that_is_taken(void **state)
{
    (void)state;
    for (const struct endpoint *row = ENDPOINTS; row->method != NULL; row++) {
        if (row->body == NULL)
            continue;
        const char *example = example_find(row->method, row->path);
        struct error error = { 0 };
        ProtobufCMessage *message = NULL;
        if (example == NULL)
            fail_msg("%s %s has none", row->method, row->path);
        if (pbjson_read(arena, row->body, example, strlen(example), &message, &error) != OK ||
            rules_check_hidden(message, &error) != OK || rules_check(message, &error) != OK)
            fail_msg("%s %s: %s", row->method, row->path, error.text);
    }
}

static void answers_name_the_codes_that_follow_from_the_row(void **state)
{
    (void)state;
    const cJSON *patch = at(at(at(at(document, "paths"), "/leads/{id}"), "patch"), "responses");
    assert_string_equal(at(at(patch, "404"), "description")->valuestring, "Not found: `unknown_lead`");
    assert_string_equal(at(at(patch, "412"), "description")->valuestring, "Stale version: `stale_version`");
    at(at(at(patch, "200"), "headers"), "ETag");
    at(at(at(patch, "429"), "headers"), "Retry-After");
    const cJSON *health = at(at(at(at(document, "paths"), "/health"), "get"), "responses");
    assert_false(cJSON_HasObjectItem(health, "401"));
}

static void fields_are_described_in_the_words_of_proto(void **state)
{
    (void)state;
    const cJSON *schemas = at(at(document, "components"), "schemas");
    const cJSON *lead = at(at(schemas, "Lead"), "properties");
    assert_string_equal(at(at(lead, "stage"), "description")->valuestring, "its name");
    assert_string_equal(at(at(lead, "contacts"), "description")->valuestring, "oldest first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_every_route),
        cmocka_unit_test(every_reference_leads_somewhere),
        cmocka_unit_test(operation_ids_are_unique),
        cmocka_unit_test(internal_fields_are_not_shown),
        cmocka_unit_test(fields_say_what_they_hold),
        cmocka_unit_test(every_body_has_an_example_that_is_taken),
        cmocka_unit_test(answers_name_the_codes_that_follow_from_the_row),
        cmocka_unit_test(fields_are_described_in_the_words_of_proto),
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
