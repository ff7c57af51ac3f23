#include "base/test.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static void the_status_comes_back_and_the_sentence_is_kept(void **state)
{
    (void)state;
    struct error error = { .code = "old" };
    assert_int_equal(error_set(&error, RETRY, "the store answered %d", 503), RETRY);
    assert_string_equal(error.text, "the store answered 503");
    assert_string_equal(error.code, "");
    assert_int_equal(error_code(&error, REJECT, "unknown_lead", "there is no lead %s", "x"), REJECT);
    assert_string_equal(error.code, "unknown_lead");
    assert_int_equal(error_set(NULL, REJECT, "nobody listens"), REJECT);
    assert_int_equal(error_code(NULL, RETRY, "code", "nobody listens"), RETRY);
}

static void whatever_breaks_a_line_becomes_a_space(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, REJECT, "ERROR:  bad\nDETAIL:\tit\x1b[0m is\x7f \xc2\x85 \xe2\x80\xa8.");
    assert_string_equal(error.text, "ERROR:  bad DETAIL: it [0m is     .");
}

static void bytes_that_are_not_utf8_become_question_marks(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, REJECT, "gr\xfc\xdf \xc3\xbc \xed\xa0\x80");
    assert_string_equal(error.text, "gr?? \xc3\xbc ???");
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
    (void)state;
    for (int start = 0; start < 4; start++) {
        char text[400] = "";
        memset(text, 'a', (size_t)start);
        for (int i = start; i + 4 < 390; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        struct error error;
        error_set(&error, REJECT, "%s", text);
        size_t bytes = strlen(error.text);
        assert_in_range(bytes, ERROR_BYTES_MAX - 4, ERROR_BYTES_MAX - 1);
        assert_int_equal(text_check(error.text, bytes, bytes, "it", NULL), OK);
        assert_null(strchr(error.text, '?'));
    }
}

static void a_sentence_of_just_the_maximum_is_whole(void **state)
{
    (void)state;
    char text[ERROR_BYTES_MAX] = "";
    memset(text, 'x', sizeof text - 1);
    struct error error;
    error_set(&error, REJECT, "%s", text);
    assert_string_equal(error.text, text);
    error_set(&error, REJECT, "%sy", text);
    assert_string_equal(error.text, text);
}

static void an_error_may_be_wrapped_in_itself(void **state)
{
    (void)state;
    struct error error;
    error_code(&error, REJECT, "bad", "no name");
    error_code(&error, REJECT, error.code, "item 3: %s", error.text);
    assert_string_equal(error.text, "item 3: no name");
    assert_string_equal(error.code, "bad");
}

static void a_long_code_is_cut(void **state)
{
    (void)state;
    char code[100] = "";
    memset(code, 'c', sizeof code - 1);
    struct error error;
    error_code(&error, REJECT, code, "x");
    assert_int_equal(strlen(error.code), ERROR_CODE_BYTES_MAX - 1);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(status_name(OK), "ok");
    assert_string_equal(status_name(RETRY), "retry");
    assert_string_equal(status_name(REJECT), "reject");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_comes_back_and_the_sentence_is_kept),
        cmocka_unit_test(whatever_breaks_a_line_becomes_a_space),
        cmocka_unit_test(bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(a_long_sentence_is_cut_between_characters),
        cmocka_unit_test(a_sentence_of_just_the_maximum_is_whole),
        cmocka_unit_test(an_error_may_be_wrapped_in_itself),
        cmocka_unit_test(a_long_code_is_cut),
        cmocka_unit_test(every_status_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
