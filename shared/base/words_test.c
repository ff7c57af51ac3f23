#include "base/words.h"

#include "base/test.h"

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

static void a_text_becomes_its_words(void **state)
{
    struct arena *arena = *state;
    assert_string_equal(words_of(arena, "  I want a HUMAN, now!! \xF0\x9F\x98\xA1", 100), "i want a human now");
    assert_string_equal(words_of(arena, "\xC3\x84rger \xD0\xA1\xD0\xA2\xD0\x9E\xD0\x9F", 100),
                        "\xC3\xA4rger \xD1\x81\xD1\x82\xD0\xBE\xD0\xBF");
    assert_string_equal(words_of(arena, "?!", 100), "");
}

static void a_phrase_stands_between_spaces_and_not_inside_a_word(void **state)
{
    (void)state;
    assert_true(words_hold("i want a human now", "human"));
    assert_true(words_hold("human", "human"));
    assert_true(words_hold("real human being", "human being"));
    assert_false(words_hold("humanity is great", "human"));
    assert_false(words_hold("superhuman", "human"));
    assert_true(words_hold("superhuman and human", "human"));
    assert_false(words_hold("i want", ""));
}

static void scripts_without_spaces_are_looked_through(void **state)
{
    (void)state;
    assert_true(words_hold("\xE6\x88\x91\xE8\xA6\x81\xE4\xBA\xBA\xE5\xB7\xA5\xE6\x9C\x8D\xE5\x8A\xA1",
                           "\xE4\xBA\xBA\xE5\xB7\xA5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_becomes_its_words),
        cmocka_unit_test(a_phrase_stands_between_spaces_and_not_inside_a_word),
        cmocka_unit_test(scripts_without_spaces_are_looked_through),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
