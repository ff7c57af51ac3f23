#include "channels/whatsapp_cloud_template.h"

#include <string.h>

#include "base/test.h"

static int arena_open(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int arena_close(void **state)
{
    arena_free(*state);
    return 0;
}

static const char PAGE[] =
    "{\"data\":[{\"id\":\"1\",\"name\":\"order\",\"language\":\"en_US\",\"status\":\"APPROVED\",\"category\":\"UTILITY\","
    "\"quality_score\":{\"score\":\"GREEN\"},\"parameter_format\":\"NAMED\",\"components\":[{\"type\":\"BODY\",\"text\":"
    "\"Hi {{name}}\"}]},{\"name\":\"odd\",\"language\":\"en\",\"status\":\"NEW_WORD\"},{\"id\":\"2\",\"name\":\"gone\","
    "\"language\":\"bn\",\"status\":\"PENDING_DELETION\",\"components\":[]}],\"paging\":{\"cursors\":{\"after\":\"abc\"},"
    "\"next\":\"https://x\"}}";

static void a_page_tells_templates_and_where_the_next_begins(void **state)
{
    struct whatsapp_cloud_template_page page;
    struct error error = { 0 };
    assert_int_equal(whatsapp_cloud_template_page_read(*state, 200, PAGE, strlen(PAGE), &page, &error), OK);
    assert_int_equal(page.count, 2); /* a state that nobody knows is left out */
    assert_string_equal(page.after, "abc");
    assert_string_equal(page.items[0]->state, "approved");
    assert_string_equal(page.items[0]->category, "utility");
    assert_string_equal(page.items[0]->quality, "green");
    assert_string_equal(page.items[0]->parameter_format, "named");
    assert_string_equal(page.items[0]->text, "Hi {{name}}");
    assert_string_equal(page.items[1]->state, "disabled");
    static const char LAST[] = "{\"data\":[],\"paging\":{\"cursors\":{\"after\":\"abc\"}}}";
    assert_int_equal(whatsapp_cloud_template_page_read(*state, 200, LAST, strlen(LAST), &page, &error), OK);
    assert_null(page.after);
}

static void a_refused_page_heals_or_does_not(void **state)
{
    static const struct {
        long http_status;
        const char *body;
        enum status status;
    } rows[] = {
        { 401, "{\"error\":{\"code\":190}}", REJECT },
        { 503, "{\"error\":{\"code\":2}}", RETRY },
        { 400, "{\"error\":{\"code\":80007}}", RETRY },
        { 502, "<html>", RETRY },
        { 404, "nothing", REJECT },
        { 200, "{}", RETRY },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct whatsapp_cloud_template_page page;
        struct error error = { 0 };
        assert_int_equal(whatsapp_cloud_template_page_read(*state, rows[i].http_status, rows[i].body,
                                                           strlen(rows[i].body), &page, &error),
                         rows[i].status);
    }
}

static void a_change_is_read_whatever_its_id_is_spelled_like(void **state)
{
    Pb__TemplateUpdateRequest *update = pb_new(*state, &pb__template_update_request__descriptor);
    struct error error = { 0 };
    static const char PAUSED[] =
        "{\"entry_id\":\"88\",\"field\":\"message_template_status_update\",\"value\":{\"event\":\"PAUSED\","
        "\"message_template_id\":1234567890123456,\"message_template_name\":\"order\",\"message_template_language\":"
        "\"en_US\",\"reason\":\"LOW_QUALITY\"}}";
    assert_int_equal(whatsapp_cloud_template_update_read(*state, PAUSED, strlen(PAUSED), update, &error), OK);
    assert_string_equal(update->account_group, "88");
    assert_string_equal(update->provider_id, "1234567890123456");
    assert_string_equal(update->state, "paused");
    assert_string_equal(update->reason, "low_quality");
    static const char FLAGGED[] =
        "{\"entry_id\":\"88\",\"value\":{\"event\":\"FLAGGED\",\"message_template_id\":\"7\"}}";
    assert_int_equal(whatsapp_cloud_template_update_read(*state, FLAGGED, strlen(FLAGGED), update, &error), OK);
    assert_null(update->state);
    static const char NOBODY[] = "{\"entry_id\":\"88\",\"value\":{\"event\":\"PAUSED\"}}";
    assert_int_equal(whatsapp_cloud_template_update_read(*state, NOBODY, strlen(NOBODY), update, &error), REJECT);
    assert_true(whatsapp_cloud_template_field("template_category_update"));
    assert_false(whatsapp_cloud_template_field("messages"));
}

static void a_template_is_filled_by_order_or_by_name_or_refused(void **state)
{
    static const char COMPONENTS[] =
        "[{\"type\":\"HEADER\",\"format\":\"TEXT\",\"text\":\"For {{1}}\"},{\"type\":\"BODY\",\"text\":\"x\"},{\"type\":"
        "\"BUTTONS\",\"buttons\":[{\"type\":\"URL\",\"url\":\"https://x/{{1}}\"},{\"type\":\"QUICK_REPLY\"}]}]";
    static const struct {
        const char *text, *components, *parameters, *filled; /* filled NULL: refused */
    } rows[] = {
        { "Hi {{1}}, {{2}}!", NULL, "[\"Ana\",\"bye\"]", "Hi Ana, bye!" },
        { "{{2}}, {{1}}!", NULL, "[\"Ana\",\"bye\"]", "bye, Ana!" },
        { "{{1}} and {{1}}", NULL, "[\"Ana\"]", "Ana and Ana" },
        { "{{2}}", NULL, "[\"Ana\"]", NULL },
        { "Hi {{ name }}", NULL, "{\"body\":{\"name\":\"Ana\"}}", "Hi Ana" },
        { "Hi {{name}}", NULL, "{\"body\":{\"other\":\"Ana\"}}", NULL },
        { "Hi {{1}}", NULL, "[]", NULL },
        { "Hi", NULL, "[\"Ana\"]", NULL },
        { "Hi", NULL, NULL, "Hi" },
        { "Hi {{1}}", NULL, "[\"a\\nb\"]", NULL },
        { "Hi", COMPONENTS, "{\"header\":\"Ana\",\"buttons\":[\"c/1\"]}", "Hi" },
        { "Hi", COMPONENTS, "{\"header\":\"Ana\",\"buttons\":[\"c/1\",{\"payload\":\"p\"}]}", "Hi" },
        { "Hi", COMPONENTS, "{\"header\":\"Ana\"}", NULL },
        { "Hi", COMPONENTS, "{\"buttons\":[\"c/1\"]}", NULL },
        { "Hi", COMPONENTS, "{\"header\":{\"type\":\"image\",\"link\":\"https://x\"},\"buttons\":[\"c/1\"]}", NULL },
        { "Hi", COMPONENTS, "{\"header\":\"Ana\",\"buttons\":[\"c/1\",null,\"third\"]}", NULL },
        { "Hi", "[]", "{\"header\":\"Ana\"}", NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = { 0 };
        const char *filled = NULL;
        enum status status =
            whatsapp_cloud_template_fill(*state, rows[i].text, rows[i].components, rows[i].parameters, &filled, &error);
        assert_int_equal(status, rows[i].filled ? OK : REJECT);
        if (rows[i].filled)
            assert_string_equal(filled, rows[i].filled);
        else
            assert_string_equal(error.code, "template_parameters");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arena_open, arena_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_tells_templates_and_where_the_next_begins),
        TEST(a_refused_page_heals_or_does_not),
        TEST(a_change_is_read_whatever_its_id_is_spelled_like),
        TEST(a_template_is_filled_by_order_or_by_name_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
