#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/setting.h"

static const char *token, *mode, *url;
static int64_t port, any;
static bool strict;
static char noticed[64];

static const char *const modes[] = { "strict", "Relaxed", NULL };
static const char *const port_aliases[] = { "T_OLD_PORT", "T_OLDER_PORT", NULL };

static const struct setting table[] = {
    { "T_TOKEN", .text = &token, .secret = true, .fallback = "hush", .help = "what callers must show" },
    { "T_MODE", .text = &mode, .choices = modes, .fallback = "strict", .help = "how strict" },
    { "T_URL", .text = &url, .help = "where" },
    { "T_PORT", .number = &port, .min = 1, .max = 65535, .fallback = "8080", .aliases = port_aliases, .help = "port" },
    { "T_ANY", .number = &any, .help = "any number" },
    { "T_STRICT", .flag = &strict, .fallback = "yes", .help = "refuse more" },
    { 0 },
};

static void notice(const char *name, const char *alias)
{
    snprintf(noticed, sizeof noticed, "%s<%s", name, alias);
}

static int clear(void **state)
{
    (void)state;
    static const char *const names[] = { "T_TOKEN",      "T_TOKEN_FILE", "T_MODE",     "T_URL",
                                         "T_PORT",       "T_PORT_FILE",  "T_OLD_PORT", "T_OLD_PORT_FILE",
                                         "T_OLDER_PORT", "T_ANY",        "T_STRICT" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    noticed[0] = '\0';
    return 0;
}

static void takes(const char *name, const char *value)
{
    struct error error = { 0 };
    setenv(name, value, 1);
    if (setting_read(table, notice, &error) != OK)
        fail_msg("%s=%s: %s", name, value, error.text);
}

static void refuses(const char *name, const char *value, const char *sentence)
{
    struct error error = { 0 };
    setenv(name, value, 1);
    assert_int_equal(setting_read(table, notice, &error), REJECT);
    assert_string_equal(error.text, sentence);
    unsetenv(name);
}

static void unset_or_empty_means_the_fallback(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        token = mode = url = NULL;
        port = any = -1;
        strict = false;
        assert_int_equal(setting_read(table, NULL, NULL), OK);
        assert_string_equal(token, "hush");
        assert_string_equal(mode, "strict");
        assert_string_equal(url, "");
        assert_true(port == 8080 && any == 0 && strict);
        for (const struct setting *setting = table; setting->name; setting++)
            setenv(setting->name, "", 1);
    }
}

static void a_number_is_held_within_its_bounds(void **state)
{
    (void)state;
    takes("T_PORT", "1");
    assert_true(port == 1);
    takes("T_PORT", "65535");
    assert_true(port == 65535);
    refuses("T_PORT", "0", "T_PORT must be between 1 and 65535, not '0'");
    refuses("T_PORT", "65536", "T_PORT must be between 1 and 65535, not '65536'");
    refuses("T_PORT", "abc", "T_PORT must be between 1 and 65535, not 'abc'");
    refuses("T_ANY", "1.5", "T_ANY must be a whole number, not '1.5'");
    takes("T_ANY", "-9223372036854775808");
    assert_true(any == INT64_MIN);
}

static void flags_and_choices_are_read_in_any_case(void **state)
{
    (void)state;
    static const char *const on[] = { "on", "TRUE", "Yes", "1" };
    static const char *const off[] = { "off", "False", "no", "0" };
    for (int i = 0; i < 4; i++) {
        takes("T_STRICT", off[i]);
        assert_false(strict);
        takes("T_STRICT", on[i]);
        assert_true(strict);
    }
    refuses("T_STRICT", "maybe", "T_STRICT must be on or off, not 'maybe'");
    takes("T_MODE", "RELAXED");
    assert_string_equal(mode, "Relaxed");
    refuses("T_MODE", "lax", "T_MODE must be one of strict, Relaxed, not 'lax'");
}

static void an_alias_is_read_and_reported_only_when_the_name_is_unset(void **state)
{
    (void)state;
    takes("T_OLDER_PORT", "7");
    assert_true(port == 7);
    assert_string_equal(noticed, "T_PORT<T_OLDER_PORT");
    takes("T_OLD_PORT", "8");
    assert_true(port == 8);
    assert_string_equal(noticed, "T_PORT<T_OLD_PORT");
    noticed[0] = '\0';
    takes("T_PORT", "9");
    assert_true(port == 9);
    assert_string_equal(noticed, "");
}

/* A file with just these bytes, named in out. */
static void make_file(char out[32], const char *bytes, size_t count)
{
    snprintf(out, 32, "/tmp/setting-test-XXXXXX");
    int file = mkstemp(out);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, count), count);
    close(file);
}

static void a_file_holds_the_value_without_its_last_line_end(void **state)
{
    (void)state;
    char path[32];
    make_file(path, " s3cret\r\n", 9);
    takes("T_TOKEN_FILE", path);
    assert_string_equal(token, " s3cret");
    setenv("T_TOKEN", "other", 1);
    struct error error;
    assert_int_equal(setting_read(table, NULL, &error), REJECT);
    assert_string_equal(error.text, "T_TOKEN and T_TOKEN_FILE are both set: set one of them");
    unlink(path);
    clear(NULL);
    make_file(path, "77\n", 3);
    takes("T_OLD_PORT_FILE", path);
    assert_true(port == 77);
    unlink(path);
}

static void a_file_that_is_no_text_or_missing_is_refused(void **state)
{
    (void)state;
    char path[32];
    refuses("T_TOKEN_FILE", "/nowhere/token",
            "T_TOKEN_FILE can't be read: '/nowhere/token': No such file or directory");
    refuses("T_TOKEN_FILE", "/tmp", "T_TOKEN_FILE can't be read: '/tmp': Is a directory");
    make_file(path, "a\0b", 3);
    refuses("T_TOKEN_FILE", path, "T_TOKEN_FILE holds a NUL character at byte 1");
    unlink(path);
    static char large[64 * 1024 + 1];
    memset(large, 'x', sizeof large);
    make_file(path, large, sizeof large);
    refuses("T_TOKEN_FILE", path, "T_TOKEN_FILE is longer than 65536 bytes");
    unlink(path);
    make_file(path, large, sizeof large - 1);
    takes("T_TOKEN_FILE", path);
    assert_int_equal(strlen(token), sizeof large - 1);
    unlink(path);
    clear(NULL);
    refuses("T_URL", "\xff", "T_URL is not valid UTF-8 at byte 0");
}

static void a_secret_is_shown_neither_in_a_sentence_nor_in_help(void **state)
{
    (void)state;
    static int64_t pin;
    static const struct setting secrets[] = { { "T_PIN", .number = &pin, .min = 1, .max = 9999, .secret = true },
                                              { 0 } };
    struct error error;
    setenv("T_PIN", "hunter2", 1);
    assert_int_equal(setting_read(secrets, NULL, &error), REJECT);
    assert_string_equal(error.text, "T_PIN must be between 1 and 9999, not what it is set to");
    unsetenv("T_PIN");
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    setting_help(out, table);
    fclose(out);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "T_TOKEN"));
    assert_non_null(strstr(text, "what callers must show"));
    assert_non_null(strstr(text, "(1 to 65535; also T_OLD_PORT, T_OLDER_PORT; default 8080)"));
    assert_non_null(strstr(text, "(strict|Relaxed; default strict)"));
    assert_non_null(strstr(text, "(on or off; default yes)"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(unset_or_empty_means_the_fallback, clear),
        cmocka_unit_test_setup(a_number_is_held_within_its_bounds, clear),
        cmocka_unit_test_setup(flags_and_choices_are_read_in_any_case, clear),
        cmocka_unit_test_setup(an_alias_is_read_and_reported_only_when_the_name_is_unset, clear),
        cmocka_unit_test_setup(a_file_holds_the_value_without_its_last_line_end, clear),
        cmocka_unit_test_setup(a_file_that_is_no_text_or_missing_is_refused, clear),
        cmocka_unit_test_setup(a_secret_is_shown_neither_in_a_sentence_nor_in_help, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
