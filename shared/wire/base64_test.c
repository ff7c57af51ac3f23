#include "base/test.h"

#include <string.h>

#include "wire/base64.h"

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

static void the_examples_of_the_standard_hold_both_ways(void **state)
{
    static const char *const pairs[][2] = { { "", "" },
                                            { "f", "Zg==" },
                                            { "fo", "Zm8=" },
                                            { "foo", "Zm9v" },
                                            { "foob", "Zm9vYg==" },
                                            { "fooba", "Zm9vYmE=" },
                                            { "foobar", "Zm9vYmFy" },
                                            { "\xff\xef\xbe", "/+++" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buffer text = { .arena = *state };
        void *bytes;
        size_t count;
        base64_add(&text, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buffer_text(&text), pairs[i][1]);
        assert_true(base64_read(*state, pairs[i][1], &bytes, &count));
        assert_int_equal(count, strlen(pairs[i][0]));
        assert_memory_equal(bytes, pairs[i][0], count);
    }
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const wrong[] = { "Z", "Zg",       "Zg=",    "Zh==", "Zm9=", "Z===", "====",
                                         "=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm-_", "Z=g=" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        void *bytes;
        size_t count;
        assert_false(base64_read(*state, wrong[i], &bytes, &count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_examples_of_the_standard_hold_both_ways, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(what_is_no_base64_is_refused, make_arena, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
