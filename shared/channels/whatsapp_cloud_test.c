#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "channels/whatsapp_cloud.h"

#define CLASS(name) PB__SEND_CLASS__SEND_CLASS_##name

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

/* -- signatures */

static const char SECRET[] = "wa-demo-app-secret-7c1f";

static const struct {
    const char *body, *header;
} VECTORS[] = {
    { "{\"object\":\"whatsapp_business_account\",\"entry\":[]}",
      "sha256=c4d79b068a67c74b696a98657900136aa1322b487e8ca12ddf8c50573472977a" },
    { "{\"t\":\"\\u00e4\\u00f6\"}", "sha256=dc85b3c7510765900f3b071908e7858d76c732e8b24c8d8650fb5fee4c848da2" },
    { "{\"t\":\"äö\"}", "sha256=6fb4cc8d47eeb89fceed7737367c5729b04aa8454e68c9d7d0ff7d48aec50407" },
};

static void the_contracts_signatures_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++)
        assert_true(whatsapp_cloud_signed(SECRET, VECTORS[i].header, VECTORS[i].body, strlen(VECTORS[i].body)));
}

static void one_changed_bit_of_body_or_header_is_refused(void **state)
{
    (void)state;
    for (size_t v = 0; v < sizeof VECTORS / sizeof *VECTORS; v++) {
        char text[128];
        size_t bytes = strlen(VECTORS[v].body);
        for (size_t i = 0; i < bytes * 8; i++) {
            memcpy(text, VECTORS[v].body, bytes);
            text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
            assert_false(whatsapp_cloud_signed(SECRET, VECTORS[v].header, text, bytes));
        }
        size_t header_bytes = strlen(VECTORS[v].header);
        for (size_t i = 0; i < header_bytes * 8; i++) {
            memcpy(text, VECTORS[v].header, header_bytes + 1);
            text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
            assert_false(whatsapp_cloud_signed(SECRET, text, VECTORS[v].body, bytes));
        }
    }
}

static void a_missing_short_or_old_signature_is_refused(void **state)
{
    (void)state;
    const char *body = VECTORS[0].body;
    size_t bytes = strlen(body);
    assert_false(whatsapp_cloud_signed(SECRET, NULL, body, bytes));
    assert_false(whatsapp_cloud_signed(SECRET, "", body, bytes));
    assert_false(whatsapp_cloud_signed(SECRET, "sha256=", body, bytes));
    assert_false(whatsapp_cloud_signed(SECRET, "sha256=c4d79b", body, bytes));
    assert_false(whatsapp_cloud_signed(SECRET, VECTORS[0].header + strlen("sha256="), body, bytes));
    assert_false(whatsapp_cloud_signed("", VECTORS[0].header, body, bytes));
    assert_false(whatsapp_cloud_signed(NULL, VECTORS[0].header, body, bytes));
    assert_false(whatsapp_cloud_signed("another-secret", VECTORS[0].header, body, bytes));
}

/* -- errors: every row of the contract's section 5 */

static const struct {
    int64_t code;
    Pb__SendClass error_class;
} ROWS[] = {
    { 0, CLASS(AUTH) },
    { 1, CLASS(RETRY) },
    { 2, CLASS(RETRY) },
    { 3, CLASS(AUTH) },
    { 4, CLASS(THROTTLE_NUMBER) },
    { 10, CLASS(AUTH) },
    { 200, CLASS(AUTH) },
    { 250, CLASS(AUTH) },
    { 299, CLASS(AUTH) },
    { 33, CLASS(AUTH) },
    { 100, CLASS(PERMANENT) },
    { 190, CLASS(AUTH) },
    { 368, CLASS(AUTH) },
    { 80007, CLASS(THROTTLE_NUMBER) },
    { 130429, CLASS(THROTTLE_NUMBER) },
    { 130472, CLASS(UNREACHABLE) },
    { 130497, CLASS(UNREACHABLE) },
    { 131000, CLASS(RETRY) },
    { 131005, CLASS(AUTH) },
    { 131008, CLASS(PERMANENT) },
    { 131009, CLASS(PERMANENT) },
    { 131016, CLASS(RETRY) },
    { 131021, CLASS(UNREACHABLE) },
    { 131026, CLASS(UNREACHABLE) },
    { 131030, CLASS(UNREACHABLE) },
    { 131031, CLASS(AUTH) },
    { 131037, CLASS(AUTH) },
    { 131042, CLASS(AUTH) },
    { 131045, CLASS(AUTH) },
    { 131047, CLASS(WINDOW) },
    { 131048, CLASS(AUTH) },
    { 131049, CLASS(UNREACHABLE) },
    { 131050, CLASS(OPTED_OUT) },
    { 131051, CLASS(PERMANENT) },
    { 131052, CLASS(MEDIA) },
    { 131053, CLASS(MEDIA) },
    { 131056, CLASS(THROTTLE_PAIR) },
    { 131057, CLASS(RETRY) },
    { 132000, CLASS(TEMPLATE) },
    { 132001, CLASS(TEMPLATE) },
    { 132005, CLASS(TEMPLATE) },
    { 132007, CLASS(TEMPLATE) },
    { 132008, CLASS(TEMPLATE) },
    { 132012, CLASS(TEMPLATE) },
    { 132015, CLASS(TEMPLATE) },
    { 132016, CLASS(TEMPLATE) },
    { 132068, CLASS(TEMPLATE) },
    { 132069, CLASS(TEMPLATE) },
    { 133004, CLASS(RETRY) },
    { 133005, CLASS(AUTH) },
    { 133008, CLASS(AUTH) },
    { 133009, CLASS(AUTH) },
    { 133010, CLASS(AUTH) },
    { 133016, CLASS(AUTH) },
    { 135000, CLASS(PERMANENT) },
    { 137000, CLASS(UNREACHABLE) },
};

static void every_code_of_the_contract_has_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (whatsapp_cloud_class(ROWS[i].code) != ROWS[i].error_class)
            fail_msg("%lld is %s", (long long)ROWS[i].code,
                     whatsapp_cloud_class_word(whatsapp_cloud_class(ROWS[i].code)));
}

static void a_code_that_is_not_listed_is_permanent(void **state)
{
    (void)state;
    static const int64_t CODES[] = { -1,     5,      9,      11,     34,     99,     199,       300,
                                     131007, 131010, 132002, 132017, 133017, 999999, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        assert_int_equal(whatsapp_cloud_class(CODES[i]), CLASS(PERMANENT));
}

static void every_class_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int a = CLASS(UNSPECIFIED); a <= (int)CLASS(PERMANENT); a++)
        for (int b = a + 1; b <= (int)CLASS(PERMANENT); b++)
            assert_string_not_equal(whatsapp_cloud_class_word((Pb__SendClass)a),
                                    whatsapp_cloud_class_word((Pb__SendClass)b));
    assert_string_equal(whatsapp_cloud_class_word(CLASS(THROTTLE_PAIR)), "throttle_pair");
    assert_string_equal(whatsapp_cloud_class_word(CLASS(OPTED_OUT)), "opted_out");
    assert_string_equal(whatsapp_cloud_class_word((Pb__SendClass)99), "unspecified");
}

/* -- lanes */

static void an_automated_message_waits_for_its_recipient_and_its_number(void **state)
{
    Pb__Lane **lanes;
    assert_int_equal(whatsapp_cloud_lanes(*state, "770", "15005550177", true, 15000, &lanes), 2);
    assert_string_equal(lanes[0]->name, "whatsapp_cloud:770:15005550177");
    assert_int_equal(lanes[0]->interval_ms, 15000);
    assert_int_equal(lanes[0]->in_flight_max, 1);
    assert_string_equal(lanes[1]->name, "whatsapp_cloud:770");
    assert_true(lanes[1]->interval_ms * WHATSAPP_CLOUD_RATE_PER_SECOND >= 1000);
    assert_true((lanes[1]->interval_ms - 1) * WHATSAPP_CLOUD_RATE_PER_SECOND < 1000);
}

static void a_persons_message_waits_only_for_the_one_before_it(void **state)
{
    Pb__Lane **lanes;
    assert_int_equal(whatsapp_cloud_lanes(*state, "770", "15005550177", false, 15000, &lanes), 2);
    assert_string_equal(lanes[0]->name, "whatsapp_cloud:770:15005550177:person");
    assert_int_equal(lanes[0]->interval_ms, 0);
    assert_int_equal(lanes[0]->in_flight_max, 1);
    assert_string_equal(lanes[1]->name, "whatsapp_cloud:770");
}

static void without_pacing_there_are_no_lanes(void **state)
{
    Pb__Lane **lanes;
    assert_int_equal(whatsapp_cloud_lanes(*state, "770", "15005550177", true, 0, &lanes), 0);
    assert_int_equal(whatsapp_cloud_lanes(*state, "770", "15005550177", false, 0, &lanes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_contracts_signatures_are_accepted),
        cmocka_unit_test(one_changed_bit_of_body_or_header_is_refused),
        cmocka_unit_test(a_missing_short_or_old_signature_is_refused),
        cmocka_unit_test(every_code_of_the_contract_has_its_class),
        cmocka_unit_test(a_code_that_is_not_listed_is_permanent),
        cmocka_unit_test(every_class_has_a_word_of_its_own),
        cmocka_unit_test_setup_teardown(an_automated_message_waits_for_its_recipient_and_its_number, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(a_persons_message_waits_only_for_the_one_before_it, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(without_pacing_there_are_no_lanes, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
