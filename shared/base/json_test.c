#include "base/test.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/limits.h"
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

static cJSON *parsed(struct arena *arena, const char *text)
{
    struct error error = { 0 };
    cJSON *tree = NULL;
    if (json_parse(arena, text, strlen(text), &tree, &error) != OK)
        fail_msg("%s: %s", text, error.text);
    return tree;
}

static void what_is_written_is_what_was_read(void **state)
{
    static const char *const texts[] = { "null",
                                         "true",
                                         "false",
                                         "0",
                                         "-0",
                                         "-1",
                                         "12345678901234567890",
                                         "9007199254740993",
                                         "0.1",
                                         "1e2",
                                         "1E+400",
                                         "0.10",
                                         "-1.5e-7",
                                         "\"\"",
                                         "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\xc3\xbc\xf0\x9f\x98\x80\"",
                                         "[]",
                                         "{}",
                                         "[1,[2,{\"a\":-3,\"5\":\"-6\"}],\"7\\\\\",8]",
                                         "{\"b\":1,\"a\":2,\"A\":3,\"\":{\"b\":[null]}}",
                                         "123456789012345678901234567890123456789012345678901234567890123" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(json_text(*state, parsed(*state, texts[i])), texts[i]);
    assert_string_equal(json_text(*state, parsed(*state, " { \"a\" : [ 1 , 2 ] }\r\n\t")), "{\"a\":[1,2]}");
    assert_string_equal(json_text(*state, parsed(*state, "\"\\u00fc\\ud83d\\ude00\\/\"")),
                        "\"\xc3\xbc\xf0\x9f\x98\x80/\"");
}

static const char *const NOT_JSON[] = { "",
                                        " ",
                                        "nul",
                                        "nulll",
                                        "True",
                                        "01",
                                        "-",
                                        "+1",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "1e+",
                                        "0x1",
                                        "NaN",
                                        "1 2",
                                        "[1,]",
                                        "[,1]",
                                        "[1 2]",
                                        "[",
                                        "]",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{a:1}",
                                        "{\"a\":1,}",
                                        "{,}",
                                        "{\"a\":1",
                                        "{1:2}",
                                        "'a'",
                                        "\"",
                                        "\"\\\"",
                                        "\"a\nb\"",
                                        "\"\\x41\"",
                                        "\"\\u12g4\"",
                                        "\"\\u123\"",
                                        "\"\\u0000\"",
                                        "{\"\\u0000\":1}",
                                        "\"\\ud800\"",
                                        "\"\\ud800\\n\"",
                                        "\"\\ud800\\ud800\"",
                                        "\"\\udc00\"",
                                        "\"\xff\"",
                                        "\"\xed\xa0\x80\"",
                                        "\xef\xbb\xbf{}",
                                        "\v1",
                                        "\f1",
                                        "1\x01",
                                        "[1]/**/",
                                        "//\n1",
                                        "\"a\"\"b\"",
                                        "{\"a\":1}}",
                                        "\"\\u 123\"",
                                        "\"\\u-123\"",
                                        "1234567890123456789012345678901234567890123456789012345678901234" };

static void what_is_not_json_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof NOT_JSON / sizeof *NOT_JSON; i++) {
        struct error error = { 0 };
        cJSON *tree = NULL;
        if (json_parse(*state, NOT_JSON[i], strlen(NOT_JSON[i]), &tree, &error) != REJECT ||
            json_check(NOT_JSON[i], strlen(NOT_JSON[i]), NULL) != REJECT ||
            json_check_own(NOT_JSON[i], strlen(NOT_JSON[i]), NULL) != REJECT)
            fail_msg("%s is taken", NOT_JSON[i]);
        assert_string_equal(error.code, "malformed_json");
        assert_null(tree);
    }
    assert_int_equal(json_check("1\0", 2, NULL), REJECT);
    assert_int_equal(json_check("\"a\0b\"", 5, NULL), REJECT);
    struct error error;
    json_check("[1,x]", 5, &error);
    assert_string_equal(error.text, "JSON is malformed at byte 3");
}

static void a_text_cut_anywhere_is_refused_without_reading_past_it(void **state)
{
    static const char whole[] = "{\"a\":[1.5e3,true,null,\"\\ud83d\\ude00\\n\xf0\x9f\x98\x80\"],\"b\":{\"c\":false}}";
    for (size_t bytes = 0; bytes < sizeof whole; bytes++) {
        char *exact = test_malloc(bytes ? bytes : 1);
        memcpy(exact, whole, bytes);
        cJSON *tree;
        assert_int_equal(json_parse(*state, exact, bytes, &tree, NULL), bytes == sizeof whole - 1 ? OK : REJECT);
        test_free(exact);
    }
}

/* Whatever byte is changed: refused, or taken and written as something that is taken again and written the same. */
static void a_changed_byte_is_never_misread(void **state)
{
    static const char whole[] = "{\"a\":[1.5e3,-20],\"b\\u00e4\":\"\xc3\xbc\\\\\"}";
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof whole];
            memcpy(text, whole, sizeof whole);
            text[at] = (char)byte;
            cJSON *tree;
            if (json_parse(*state, text, sizeof whole - 1, &tree, NULL) != OK)
                continue;
            const char *written = json_text(*state, tree);
            assert_string_equal(json_text(*state, parsed(*state, written)), written);
        }
        arena_reset(*state);
    }
}

/* Each byte at each place of a text of two eights and a rest. */
static void plain_bytes_end_where_a_string_needs_an_escape(void **state)
{
    (void)state;
    char text[] = "abcdefghijklmnopqrs";
    for (size_t place = 0; place < sizeof text - 1; place++)
        for (int byte = 0; byte < 256; byte++) {
            char kept = text[place];
            bool stops = byte < ' ' || byte == '"' || byte == '\\';
            text[place] = (char)byte;
            assert_int_equal(json_plain_bytes(text, sizeof text - 1, false), stops ? place : sizeof text - 1);
            assert_int_equal(json_plain_bytes(text, sizeof text - 1, true),
                             stops || byte >= 0x80 ? place : sizeof text - 1);
            text[place] = kept;
        }
    assert_int_equal(json_plain_bytes("\x1f\x20 \x7f\x80\"\\ ", 8, false), 0);
    assert_int_equal(json_plain_bytes("\x20 \x7f\x80\xff\"\\ ", 8, false), 5);
}

static void a_member_may_not_come_twice_in_any_spelling(void **state)
{
    struct error error;
    assert_int_equal(json_check("{\"a\":1,\"b\":2,\"a\":3}", 19, &error), REJECT);
    assert_string_equal(error.text, "JSON holds the member 'a' twice");
    assert_string_equal(error.code, "malformed_json");
    static const char spelled[] = "[{\"x\":{\"ab\":1,\"\\u0061b\":2}}]";
    assert_int_equal(json_check(spelled, sizeof spelled - 1, NULL), REJECT);
    static const char fine[] = "[{\"a\":1},{\"a\":1,\"A\":{\"a\":1}}]";
    assert_int_equal(json_check(fine, sizeof fine - 1, NULL), OK);
    assert_int_equal(json_check_own(fine, sizeof fine - 1, NULL), OK);
    static const char many[] = "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"a\":9}";
    assert_int_equal(json_check(many, sizeof many - 1, NULL), REJECT); /* sorted, where the others are compared */
    struct buffer buffer = { .arena = *state };
    for (int i = 0; i < 100000; i++)
        buffer_format(&buffer, "%c\"m%d\":1", i ? ',' : '{', i);
    size_t open = buffer.bytes;
    buffer_add(&buffer, "}");
    assert_int_equal(json_check(buffer.text, buffer.bytes, NULL), OK);
    buffer.bytes = open;
    buffer_add(&buffer, ",\"m50000\":1}");
    assert_int_equal(json_check(buffer.text, buffer.bytes, NULL), REJECT);
}

static enum status check_nested(int depth, const char *open, const char *close)
{
    struct arena *arena = arena_new(0);
    struct buffer buffer = { .arena = arena };
    for (int i = 0; i < depth; i++)
        buffer_add(&buffer, open);
    buffer_add(&buffer, "1");
    for (int i = 0; i < depth; i++)
        buffer_add(&buffer, close);
    enum status status = json_check(buffer.text, buffer.bytes, NULL);
    arena_free(arena);
    return status;
}

static void depth_size_and_count_are_limited(void **state)
{
    assert_int_equal(check_nested(JSON_DEPTH_MAX, "[", "]"), OK);
    assert_int_equal(check_nested(JSON_DEPTH_MAX + 1, "[", "]"), REJECT);
    assert_int_equal(check_nested(JSON_DEPTH_MAX, "{\"a\":", "}"), OK);
    assert_int_equal(check_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "}"), REJECT);
    assert_int_equal(check_nested(1000000, "[", "]"), REJECT);
    struct buffer siblings = { .arena = *state };
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        buffer_add(&siblings, i ? ",{}" : "[[]");
    buffer_add(&siblings, "]");
    assert_int_equal(json_check(siblings.text, siblings.bytes, NULL), OK);
    char *text = arena_alloc(*state, JSON_BYTES_MAX + 1);
    memset(text, ' ', JSON_BYTES_MAX + 1);
    text[0] = '1';
    assert_int_equal(json_check(text, JSON_BYTES_MAX, NULL), OK);
    assert_int_equal(json_check(text, JSON_BYTES_MAX + 1, NULL), REJECT);
    for (int values = JSON_VALUES_MAX; values <= JSON_VALUES_MAX + 1; values++) {
        struct buffer list = { .arena = *state };
        buffer_add(&list, "[0");
        for (int i = 2; i < values; i++)
            buffer_add(&list, ",0");
        buffer_add(&list, "]");
        assert_int_equal(json_check(list.text, list.bytes, NULL), values > JSON_VALUES_MAX ? REJECT : OK);
    }
    arena_reset(*state);
}

static void numbers_of_ours_are_written_shortest(void **state)
{
    static const struct {
        double number;
        const char *text;
    } cases[] = { { 0, "0" },
                  { -3, "-3" },
                  { 9007199254740992.0, "9007199254740992" },
                  { -9007199254740992.0, "-9007199254740992" },
                  { 0.1, "0.1" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { 0.1 + 0.2, "0.30000000000000004" },
                  { 1e300, "1e+300" },
                  { 5e-324, "4.94065645841247e-324" },
                  { INFINITY, "null" },
                  { NAN, "null" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *item = cJSON_CreateNumber(cases[i].number);
        assert_string_equal(json_text(*state, item), cases[i].text);
        cJSON_Delete(item);
    }
    cJSON *tree = parsed(*state, "{\"n\":0.10}");
    cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(tree, "n"), 2.5);
    assert_string_equal(json_text(*state, tree), "{\"n\":2.5}");
}

static void other_users_of_cjson_still_have_malloc(void **state)
{
    cJSON *own = cJSON_CreateObject();
    parsed(*state, "{\"a\":1}");
    cJSON_AddStringToObject(own, "b", "c");
    cJSON_AddItemToObject(own, "r", cJSON_CreateRaw("1.50"));
    assert_string_equal(json_text(*state, own), "{\"b\":\"c\",\"r\":1.50}");
    char *printed = cJSON_PrintUnformatted(own);
    assert_string_equal(printed, "{\"b\":\"c\",\"r\":1.50}");
    cJSON_free(printed);
    cJSON_Delete(own);
}

static const char members[] = "{\"t\":\"x\",\"o\":{},\"a\":[],\"b\":true,\"f\":false,\"n\":5,\"z\":null,\"e\":\"\"}";

static void members_that_are_needed_or_wanted_are_found(void **state)
{
    const cJSON *tree = parsed(*state, members), *item = NULL;
    const char *text = NULL;
    assert_int_equal(json_need_text(tree, "t", &text, NULL), OK);
    assert_string_equal(text, "x");
    assert_int_equal(json_need_text(tree, "e", &text, NULL), OK);
    assert_string_equal(text, "");
    assert_int_equal(json_want_text(tree, "z", &text, NULL), OK);
    assert_null(text);
    assert_int_equal(json_need_object(tree, "o", &item, NULL), OK);
    assert_true(cJSON_IsObject(item));
    assert_int_equal(json_need_array(tree, "a", &item, NULL), OK);
    assert_true(cJSON_IsArray(item));
    assert_int_equal(json_want_object(tree, "none", &item, NULL), OK);
    assert_null(item);
    assert_int_equal(json_want_array(tree, "z", &item, NULL), OK);
    assert_null(item);
    bool flag = false;
    assert_int_equal(json_want_bool(tree, "b", &flag, NULL), OK);
    assert_true(flag);
    assert_int_equal(json_want_bool(tree, "z", &flag, NULL), OK);
    assert_int_equal(json_want_bool(tree, "none", &flag, NULL), OK);
    assert_true(flag);
    assert_int_equal(json_want_bool(tree, "f", &flag, NULL), OK);
    assert_false(flag);
}

static void members_that_are_missing_or_of_another_type_are_named(void **state)
{
    const cJSON *tree = parsed(*state, members), *item;
    const char *text;
    int64_t number;
    bool flag;
    struct error error;
    assert_int_equal(json_need_text(tree, "z", &text, &error), REJECT);
    assert_string_equal(error.text, "'z' is missing");
    assert_string_equal(error.code, "missing_member");
    assert_int_equal(json_need_text(NULL, "t", &text, &error), REJECT);
    assert_int_equal(json_need_text(parsed(*state, "[1]"), "t", &text, &error), REJECT);
    assert_int_equal(json_need_text(tree, "T", &text, &error), REJECT);
    assert_int_equal(json_want_text(tree, "n", &text, &error), REJECT);
    assert_string_equal(error.text, "'n' must be text");
    assert_string_equal(error.code, "invalid_member");
    assert_int_equal(json_need_object(tree, "a", &item, &error), REJECT);
    assert_string_equal(error.text, "'a' must be an object");
    assert_int_equal(json_need_object(tree, "none", &item, &error), REJECT);
    assert_int_equal(json_need_array(tree, "o", &item, &error), REJECT);
    assert_string_equal(error.text, "'o' must be an array");
    assert_int_equal(json_need_array(tree, "none", &item, &error), REJECT);
    assert_int_equal(json_want_bool(tree, "n", &flag, &error), REJECT);
    assert_string_equal(error.text, "'n' must be true or false");
    assert_int_equal(json_want_int64(tree, "t", &number, &error), REJECT);
    assert_string_equal(error.text, "'t' must be a whole number");
}

static void whole_numbers_are_exact_as_number_or_text(void **state)
{
    static const struct {
        const char *text;
        int64_t number;
    } good[] = { { "{\"n\":5}", 5 },
                 { "{\"n\":\"-5\"}", -5 },
                 { "{\"n\":9223372036854775807}", INT64_MAX },
                 { "{\"n\":-9223372036854775808}", INT64_MIN },
                 { "{\"n\":\"9223372036854775807\"}", INT64_MAX },
                 { "{\"n\":9007199254740993}", 9007199254740993 },
                 { "{\"n\":1e3}", 1000 },
                 { "{\"n\":12.0}", 12 },
                 { "{}", 77 },
                 { "{\"n\":null}", 77 } };
    static const char *const bad[] = { "{\"n\":1.5}",     "{\"n\":9223372036854775808}",
                                       "{\"n\":1e300}",   "{\"n\":1e999}",
                                       "{\"n\":\"1.0\"}", "{\"n\":\"\"}",
                                       "{\"n\":\"x\"}",   "{\"n\":true}",
                                       "{\"n\":[1]}" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t number = 77;
        assert_int_equal(json_want_int64(parsed(*state, good[i].text), "n", &number, NULL), OK);
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t number = 77;
        assert_int_equal(json_want_int64(parsed(*state, bad[i]), "n", &number, NULL), REJECT);
        assert_true(number == 77);
    }
}

static void any_text_becomes_a_string_that_reads_back(void **state)
{
    for (int c = 1; c < 256; c++) {
        char text[4] = { 'a', (char)(c < 128 ? c : 0xC2 + c / 192), (char)(c < 128 ? 'b' : 0x80 + c % 64), '\0' };
        struct buffer buffer = { .arena = *state };
        json_add_string(&buffer, text);
        assert_string_equal(parsed(*state, buffer.text)->valuestring, text);
    }
    struct buffer buffer = { .arena = *state };
    json_add_string(&buffer, NULL);
    assert_string_equal(buffer_text(&buffer), "\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_was_read),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_text_cut_anywhere_is_refused_without_reading_past_it),
        cmocka_unit_test(a_changed_byte_is_never_misread),
        cmocka_unit_test(plain_bytes_end_where_a_string_needs_an_escape),
        cmocka_unit_test(a_member_may_not_come_twice_in_any_spelling),
        cmocka_unit_test(depth_size_and_count_are_limited),
        cmocka_unit_test(numbers_of_ours_are_written_shortest),
        cmocka_unit_test(other_users_of_cjson_still_have_malloc),
        cmocka_unit_test(members_that_are_needed_or_wanted_are_found),
        cmocka_unit_test(members_that_are_missing_or_of_another_type_are_named),
        cmocka_unit_test(whole_numbers_are_exact_as_number_or_text),
        cmocka_unit_test(any_text_becomes_a_string_that_reads_back),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
