#include "base/test.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

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

static enum status check(const char *bytes)
{
    return text_check(bytes, strlen(bytes), 100, "it", NULL);
}

/* Writes a code point as UTF-8 without asking whether it may be. */
static size_t put_point(char *to, unsigned point)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t bytes = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3F));
    to[0] = (char)((bytes == 2 ? 0xC0u : bytes == 3 ? 0xE0u : 0xF0u) | point);
    return bytes;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    for (unsigned point = 1; point <= 0x110FFF; point++) {
        char text[4];
        size_t bytes = put_point(text, point);
        bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        if (text_character_bytes(text, bytes) != (valid ? bytes : 0) ||
            (bytes > 1 && text_character_bytes(text, bytes - 1)))
            fail_msg("U+%04X", point);
    }
}

static void overlong_forms_and_stray_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check("\xc0\x80"), REJECT);
    assert_int_equal(check("\xc1\xbf"), REJECT);
    assert_int_equal(check("\xe0\x9f\xbf"), REJECT);
    assert_int_equal(check("\xf0\x8f\xbf\xbf"), REJECT);
    assert_int_equal(check("\x80"), REJECT);
    assert_int_equal(check("a\xff"), REJECT);
    assert_int_equal(check("\xe2\x82"), REJECT);
    assert_int_equal(check("\xe2\x28\xa1"), REJECT);
    assert_int_equal(check("\xf0\x9f\x98\x28"), REJECT);
    assert_int_equal(check("\xf5\x80\x80\x80"), REJECT);
}

static void a_text_is_checked_for_length_and_nul_and_named(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(text_check("abc", 3, 3, "name", &error), OK);
    assert_int_equal(text_check("", 0, 0, "name", &error), OK);
    assert_int_equal(text_check("abcd", 4, 3, "name", &error), REJECT);
    assert_string_equal(error.text, "name is longer than 3 bytes");
    assert_int_equal(text_check("a\0b", 3, 3, "name", &error), REJECT);
    assert_string_equal(error.text, "name holds a NUL character at byte 1");
    assert_int_equal(text_check("ab\xff", 3, 3, "name", &error), REJECT);
    assert_string_equal(error.text, "name is not valid UTF-8 at byte 2");
}

static void what_is_wrong_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const char wrong[] = { '\0', '\x80', '\xff', '\xc3' };
    char text[40];
    for (size_t at = 0; at < sizeof text; at++)
        for (size_t i = 0; i < sizeof wrong; i++) {
            memset(text, at % 2 ? 'a' : '\x7f', sizeof text);
            assert_int_equal(text_check(text, sizeof text, sizeof text, "it", NULL), OK);
            text[at] = wrong[i];
            assert_int_equal(text_check(text, sizeof text, sizeof text, "it", NULL), REJECT);
        }
}

static void white_space_of_any_kind_is_trimmed_at_both_ends(void **state)
{
    static const unsigned spaces[] = { '\t',   '\n',   '\v',   '\f',   '\r',   ' ',    0x85,   0xA0,   0x1680,
                                       0x2000, 0x200A, 0x200B, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF };
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        char space[5] = "";
        put_point(space, spaces[i]);
        const char *text = text_format(*state, "%s%s a%sb%s %s", space, space, space, space, space);
        assert_string_equal(text_trim(*state, text), text_format(*state, "a%sb", space));
        assert_string_equal(text_trim(*state, text_format(*state, "%s %s", space, space)), "");
    }
    assert_string_equal(text_trim(*state, ""), "");
    assert_string_equal(text_trim(*state, "\xe2\x80\x8c x"), "\xe2\x80\x8c x");
    assert_string_equal(text_trim(*state, " \xc3\xbc "), "\xc3\xbc");
    assert_string_equal(text_trim(*state, " \x80 "), "\x80");
    assert_null(text_trim(*state, NULL));
}

static void a_line_has_neither_breaks_nor_controls(void **state)
{
    assert_string_equal(text_line(*state, " a\r\n\tb\xc2\x85\xe2\x80\xa8\x01\x7f"
                                          "c\xe2\x80\xa9 "),
                        "a b c");
    assert_string_equal(text_line(*state, "\xc2\xa0\xc3\xbc\xc2\x9f"), "\xc3\xbc");
    assert_string_equal(text_line(*state, "\n"), "");
    assert_string_equal(text_line(*state, "plain"), "plain");
}

static void small_questions_are_answered(void **state)
{
    assert_string_equal(text_lower(*state, "MoIn \xc3\x9c"), "moin \xc3\x9c");
    assert_null(text_lower(*state, NULL));
    assert_true(text_same(NULL, NULL));
    assert_false(text_same(NULL, ""));
    assert_true(text_same("a", "a"));
    assert_true(text_empty(NULL) && text_empty("") && !text_empty(" "));
    assert_true(text_starts("sha256=ab", "sha256=") && text_starts("a", ""));
    assert_false(text_starts("sha", "sha256=") || text_starts(NULL, ""));
    assert_true(text_ends("a.json", ".json") && text_ends("a", ""));
    assert_false(text_ends("son", ".json") || text_ends(NULL, ""));
    assert_string_equal(text_or("", "b"), "b");
    assert_string_equal(text_or("a", "b"), "a");
    assert_int_equal(text_characters("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"), 4);
    assert_int_equal(text_characters(NULL), 0);
    assert_string_equal(text_hex(*state, "\x00\xff\x1a", 3), "00ff1a");
    assert_string_equal(text_hex(*state, "", 0), "");
}

static void a_cut_never_leaves_part_of_a_character(void **state)
{
    static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80!";
    for (size_t max = 0; max <= sizeof text; max++) {
        const char *cut = text_cut(*state, text, max);
        assert_true(strlen(cut) <= max);
        assert_true(strlen(cut) + 4 > max || max >= sizeof text - 1);
        assert_true(text_starts(text, cut));
        assert_int_equal(check(cut), OK);
    }
    assert_string_equal(text_cut(*state, text, sizeof text - 1), text);
    assert_null(text_cut(*state, NULL, 3));
}

static void secrets_are_compared_and_an_empty_one_matches_nothing(void **state)
{
    (void)state;
    assert_true(text_same_secret("abc", "abc"));
    assert_false(text_same_secret("abc", "abd"));
    assert_false(text_same_secret("abc", "bbc"));
    assert_false(text_same_secret("abc", "ab"));
    assert_false(text_same_secret("", ""));
    assert_false(text_same_secret(NULL, NULL));
    assert_false(text_same_secret(NULL, "a"));
}

static void a_split_keeps_empty_parts_and_joins_back(void **state)
{
    static const char *const texts[] = { "", ",", "a", "a,b", ",a,,b,", "a.b" };
    static const size_t counts[] = { 1, 2, 1, 2, 5, 1 };
    for (size_t i = 0; i < 6; i++) {
        char **parts;
        size_t count = text_split(*state, texts[i], ',', &parts);
        assert_int_equal(count, counts[i]);
        struct buffer joined = { .arena = *state };
        for (size_t part = 0; part < count; part++)
            buffer_format(&joined, "%s%s", part ? "," : "", parts[part]);
        assert_string_equal(buffer_text(&joined), texts[i]);
    }
}

static enum status number(const char *text, long long min, long long max, long long *out)
{
    return text_int64(text, min, max, "n", out, NULL);
}

static void whole_numbers_are_read_within_their_bounds(void **state)
{
    (void)state;
    long long n = 7;
    assert_int_equal(number("0", 0, 0, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(number("-0012", -12, 12, &n), OK);
    assert_int_equal(n, -12);
    assert_int_equal(number("9223372036854775807", LLONG_MIN, LLONG_MAX, &n), OK);
    assert_true(n == LLONG_MAX);
    assert_int_equal(number("-9223372036854775808", LLONG_MIN, LLONG_MAX, &n), OK);
    assert_true(n == LLONG_MIN);
    static const char *const bad[] = { "",
                                       "-",
                                       "+1",
                                       " 1",
                                       "1 ",
                                       "1x",
                                       "1.0",
                                       "0x1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "99999999999999999999999999" };
    n = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(number(bad[i], LLONG_MIN, LLONG_MAX, &n), REJECT);
    assert_int_equal(number(NULL, 0, 1, &n), REJECT);
    assert_int_equal(number("1", 2, 3, &n), REJECT);
    assert_int_equal(number("4", 2, 3, &n), REJECT);
    assert_int_equal(n, 7);
    struct error error;
    text_int64("x", 2, 3, "page", &n, &error);
    assert_string_equal(error.text, "page must be a whole number between 2 and 3");
}

static void phone_numbers_are_read_as_people_write_them(void **state)
{
    static const char *const good[][2] = {
        { "+49 171 1234567", "+491711234567" },   { "491711234567", "+491711234567" },
        { "(0171) 123-45.67", "+01711234567" },   { " +1 (555)\xe2\x80\x89(010)-9999 ", "+15550109999" },
        { "0049171/1234567", "+00491711234567" }, { "1234567", "+1234567" },
        { "123456789012345", "+123456789012345" }
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *phone = NULL;
        assert_int_equal(text_phone(*state, good[i][0], &phone, NULL), OK);
        assert_string_equal(phone, good[i][1]);
    }
    static const char *const bad[] = { "",
                                       "+",
                                       "123456",
                                       "1234567890123456",
                                       "+49+1711234567",
                                       "49+1711234567",
                                       "++491711234567",
                                       "abc1234567",
                                       "1234567x",
                                       "tel:1234567",
                                       "1234567\xff",
                                       "\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *phone = NULL;
        struct error error;
        assert_int_equal(text_phone(*state, bad[i], &phone, &error), REJECT);
        assert_string_equal(error.code, "invalid_phone");
        assert_null(phone);
    }
    assert_int_equal(text_phone(*state, NULL, NULL, NULL), REJECT);
}

static void a_buffer_grows_and_always_ends_with_nul(void **state)
{
    struct buffer buffer = { .arena = *state };
    assert_string_equal(buffer_text(&buffer), "");
    buffer_add(&buffer, NULL);
    for (int i = 0; i < 2000; i++) {
        buffer_add_char(&buffer, (char)('a' + i % 26));
        assert_int_equal(buffer.text[buffer.bytes], '\0');
        assert_true(buffer.capacity > buffer.bytes);
    }
    assert_int_equal(strlen(buffer.text), 2000);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(buffer.text[i], 'a' + i % 26);
    buffer_add_n(&buffer, "\0x", 2);
    assert_int_equal(buffer.bytes, 2002);
    struct buffer formatted = { .arena = *state };
    buffer_format(&formatted, "%0500d", 7);
    buffer_format(&formatted, "%s", "");
    assert_int_equal(formatted.bytes, 500);
    assert_string_equal(text_format(*state, "%s", ""), "");
    assert_string_equal(text_format(*state, "%s-%d", "a", 5), "a-5");
}

/* Written by libc as a whole, so that what we write ourselves is compared with it. */
static void __attribute__((format(printf, 2, 3))) assert_as_libc(struct arena *arena, const char *format, ...)
{
    char expected[512];
    struct buffer buffer = { .arena = arena };
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    assert_true(vsnprintf(expected, sizeof expected, format, list) < (int)sizeof expected);
    buffer_format_list(&buffer, format, again);
    va_end(again);
    va_end(list);
    assert_string_equal(buffer_text(&buffer), expected);
    assert_int_equal(buffer.bytes, strlen(expected));
}

static void a_format_says_what_libc_says(void **state)
{
    assert_as_libc(*state, "%s", "");
    assert_as_libc(*state, "%d %d %d", 0, INT_MIN, INT_MAX);
    assert_as_libc(*state, "%ld,%ld,%lld,%lld", LONG_MIN, LONG_MAX, LLONG_MIN, LLONG_MAX);
    assert_as_libc(*state, "%zu%lu.%zu", (size_t)0, ULONG_MAX, SIZE_MAX);
    assert_as_libc(*state, "%.*s|%.*s|%.*s", 2, "abc", 9, "abc", -1, "abc");
    assert_as_libc(*state, "%s%%%s", "a", "b"); /* from here on libc writes the rest */
    assert_as_libc(*state, "%s %5d %s %04x %s", "a", 7, "b", 255u, "c");
    assert_as_libc(*state, "%s %0300d %lld", "long", 7, 5LL);
    assert_as_libc(*state, "%.9g and %s, %c", 0.1, "c", 'd');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(overlong_forms_and_stray_bytes_are_refused),
        cmocka_unit_test(a_text_is_checked_for_length_and_nul_and_named),
        cmocka_unit_test(what_is_wrong_is_found_wherever_it_stands),
        cmocka_unit_test(white_space_of_any_kind_is_trimmed_at_both_ends),
        cmocka_unit_test(a_line_has_neither_breaks_nor_controls),
        cmocka_unit_test(small_questions_are_answered),
        cmocka_unit_test(a_cut_never_leaves_part_of_a_character),
        cmocka_unit_test(secrets_are_compared_and_an_empty_one_matches_nothing),
        cmocka_unit_test(a_split_keeps_empty_parts_and_joins_back),
        cmocka_unit_test(whole_numbers_are_read_within_their_bounds),
        cmocka_unit_test(phone_numbers_are_read_as_people_write_them),
        cmocka_unit_test(a_buffer_grows_and_always_ends_with_nul),
        cmocka_unit_test(a_format_says_what_libc_says),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
