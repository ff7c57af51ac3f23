#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "bumpup_text.h"
#include "language/language.h"

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

static const char *words(struct arena *arena, int count)
{
    struct buffer text = { .arena = arena };
    for (int i = 0; i < count; i++)
        buffer_format(&text, "%sword%d", i ? " " : "", i);
    return buffer_text(&text);
}

static void thirty_to_forty_words_will_do(void **state)
{
    assert_string_equal(bumpup_fault(*state, words(*state, 29), NULL, 0), "it has 29 words; write 30 to 40.");
    assert_null(bumpup_fault(*state, words(*state, 30), NULL, 0));
    assert_null(bumpup_fault(*state, words(*state, 40), NULL, 0));
    assert_non_null(bumpup_fault(*state, words(*state, 41), NULL, 0));
}

static void what_was_said_before_will_not_do(void **state)
{
    char *before[] = { "Something else altogether.", (char *)text_format(*state, "%s!", words(*state, 34)) };
    assert_non_null(bumpup_fault(*state, words(*state, 35), before, 2));
    assert_null(bumpup_fault(*state, words(*state, 35), before, 1));
}

static void quotes_and_lines_are_taken_away(void **state)
{
    assert_string_equal(bumpup_shape(*state, " \"Hello there,\n\n how   are you?\"\n"), "Hello there, how are you?");
    assert_string_equal(bumpup_shape(*state, "Say \"hi\""), "Say \"hi\"");
}

static void the_words_without_a_model_will_do_for_each_opening(void **state)
{
    static const char *const OPENINGS[] = { "following_up", "checking_in", "circling_back" };
    Pb__BumpupOpened opened = PB__BUMPUP_OPENED__INIT;
    for (size_t i = 0; i < 3; i++) {
        opened.opening = (char *)OPENINGS[i];
        for (size_t n = 0; n < 4; n++) {
            assert_null(bumpup_fault(*state, bumpup_local(*state, &opened, n), NULL, 0));
            for (size_t other = 0; other < i; other++) { /* the three begin differently */
                char *before[1];
                opened.opening = (char *)OPENINGS[other];
                before[0] = (char *)bumpup_local(*state, &opened, n + 1);
                opened.opening = (char *)OPENINGS[i];
                assert_null(bumpup_fault(*state, bumpup_local(*state, &opened, n), before, 1));
            }
        }
    }
}

static void the_model_is_told_how_to_open_and_what_was_wrong(void **state)
{
    Pb__TurnContext context = PB__TURN_CONTEXT__INIT;
    Pb__BumpupOpened opened = PB__BUMPUP_OPENED__INIT;
    opened.context = &context;
    opened.opening = (char *)"circling_back";
    struct llm_task task = bumpup_task(*state, &opened, "it has 3 words.");
    assert_non_null(strstr(task.told, "Circle back"));
    assert_non_null(strstr(task.told, "can't be used: it has 3 words."));
    assert_null(strstr(bumpup_task(*state, &opened, NULL).told, "can't be used"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(thirty_to_forty_words_will_do),
        TEST(what_was_said_before_will_not_do),
        TEST(quotes_and_lines_are_taken_away),
        TEST(the_words_without_a_model_will_do_for_each_opening),
        TEST(the_model_is_told_how_to_open_and_what_was_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
