#include "base/test.h"

#include "settings.h"

static enum status check(bool auth, const char *listen, const char *environment, const char *secrets)
{
    struct settings set = { .auth = auth, .listen = listen, .environment = environment, .app_secrets = secrets };
    struct error error = { 0 };
    enum status status = settings_check(&set, &error);
    assert_int_equal(status == OK, error.text[0] == '\0');
    return status;
}

static void auth_can_be_off_only_on_loopback_and_never_in_production(void **state)
{
    (void)state;
    assert_int_equal(check(false, "127.0.0.1", "development", ""), OK);
    assert_int_equal(check(false, "[::1]", "development", ""), OK);
    assert_int_equal(check(false, "0.0.0.0", "development", ""), REJECT);
    assert_int_equal(check(false, "192.168.1.5", "development", ""), REJECT);
    assert_int_equal(check(false, "", "development", ""), REJECT);
    assert_int_equal(check(false, "127.0.0.1", "production", "s"), REJECT);
    assert_int_equal(check(true, "0.0.0.0", "development", "s"), OK);
}

static void auth_needs_the_app_secret(void **state)
{
    (void)state;
    assert_int_equal(check(true, "0.0.0.0", "production", ""), REJECT);
    assert_int_equal(check(true, "127.0.0.1", "development", ""), REJECT);
    assert_int_equal(check(true, "0.0.0.0", "production", "s"), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_can_be_off_only_on_loopback_and_never_in_production),
        cmocka_unit_test(auth_needs_the_app_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
