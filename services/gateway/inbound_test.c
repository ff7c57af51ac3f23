#include "base/test.h"

#include "inbound.h"

static struct arena *arena;

static void channels_have_aliases_at_the_edge(void **state)
{
    (void)state;
    Pb__Channel channel;
    assert_int_equal(inbound_channel(NULL, &channel, NULL), OK);
    assert_int_equal(channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    assert_int_equal(inbound_channel("whatsapp", &channel, NULL), OK);
    assert_int_equal(channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    assert_int_equal(inbound_channel("wa_web", &channel, NULL), OK);
    assert_int_equal(channel, PB__CHANNEL__CHANNEL_WHATSAPP_WEB);
    assert_int_equal(inbound_channel("app_push", &channel, NULL), OK);
    assert_int_equal(channel, PB__CHANNEL__CHANNEL_PUSH);
    assert_int_equal(inbound_channel("sms", &channel, NULL), OK);
    assert_int_equal(channel, PB__CHANNEL__CHANNEL_SMS);
    assert_int_equal(inbound_channel("SMS", &channel, NULL), REJECT);
    assert_int_equal(inbound_channel("unspecified", &channel, NULL), REJECT);
}

static void phones_have_7_to_15_digits_in_any_spelling(void **state)
{
    (void)state;
    static const char *const good[] = { "+1234567890", "919876543210", "1234567", "123456789012345",
                                        "+1 (234) 567-8901" };
    static const char *const bad[] = { "", "123456", "1234567890123456", "+12345x7890", "a@b.c" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(inbound_address(arena, PB__CHANNEL__CHANNEL_SMS, good[i], NULL), OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(inbound_address(arena, PB__CHANNEL__CHANNEL_SMS, bad[i], NULL), REJECT);
}

static void mail_has_an_address_instead(void **state)
{
    (void)state;
    static const char *const good[] = { "a@b", "a.b+c@d.example", "\xc3\xa4@b.de" };
    static const char *const bad[] = { "",      "a",       "@b",         "a@", "a@b@c", "a b@c", "a@b\nBcc: c@d",
                                       "<a@b>", "a@b,c@d", "+1234567890" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(inbound_address(arena, PB__CHANNEL__CHANNEL_EMAIL, good[i], NULL), OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(inbound_address(arena, PB__CHANNEL__CHANNEL_EMAIL, bad[i], NULL), REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_have_aliases_at_the_edge),
        cmocka_unit_test(phones_have_7_to_15_digits_in_any_spelling),
        cmocka_unit_test(mail_has_an_address_instead),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
