#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "reply.h"

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

static const char *shape(struct arena *arena, const char *text, bool cut, size_t characters_max)
{
    struct llm_reply reply = { .text = text, .cut = cut };
    return reply_shape(arena, &reply, characters_max);
}

static void a_text_that_fits_stays_as_it_is(void **state)
{
    assert_string_equal(shape(*state, "  Yes, we do. And more\n", false, 4096), "Yes, we do. And more");
    assert_string_equal(shape(*state, "12345", false, 5), "12345");
    assert_string_equal(shape(*state, "১২৩৪৫", false, 5), "১২৩৪৫");
    assert_string_equal(shape(*state, NULL, false, 5), "");
}

static void a_longer_one_ends_with_its_last_whole_sentence(void **state)
{
    assert_string_equal(shape(*state, "One is here. Two is here. Three is long", false, 30),
                        "One is here. Two is here.");
    assert_string_equal(shape(*state, "আমরা খোলা। আমরা আজ খোলা আছি", false, 14), "আমরা খোলা।");
    assert_string_equal(shape(*state, "It costs 3.50 each and some more", false, 14), "It costs 3.50");
    assert_string_equal(shape(*state, "line one\nline two is longer", false, 12), "line one");
}

static void without_a_sentence_it_ends_with_a_word_and_without_a_word_at_a_character(void **state)
{
    assert_string_equal(shape(*state, "aaaa bbbb cccc dddd", false, 12), "aaaa bbbb");
    assert_string_equal(shape(*state, "aaaaaaaaaa", false, 4), "aaaa");
    assert_string_equal(shape(*state, "👍👍👍👍", false, 3), "👍👍👍");
    assert_string_equal(shape(*state, "A. bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", false, 20),
                        "A. bbbbbbbbbbbbbbbbb"); /* half an answer is none */
}

static void no_result_has_more_characters_than_the_channel_takes(void **state)
{
    for (size_t characters = 1; characters < 60; characters++) {
        const char *text = shape(*state, "Wir öffnen um 9 Uhr. কাল খোলা। 👍 Bis dann! Und noch etwas mehr Text dahinter",
                                 false, characters);
        assert_true(text_characters(text) <= characters);
        assert_int_equal(text_check(text, strlen(text), 4096, "it", NULL), OK);
        assert_true(*text);
    }
}

static void an_answer_cut_by_the_model_loses_its_unfinished_end(void **state)
{
    assert_string_equal(shape(*state, "We are open today. Tomorrow we", true, 4096), "We are open today.");
    assert_string_equal(shape(*state, "We are open today.", true, 4096), "We are open today.");
}

static void the_mark_of_a_colleague_is_not_for_the_customer(void **state)
{
    assert_string_equal(shape(*state, "[colleague] Hello", false, 4096), "Hello");
    assert_string_equal(shape(*state, " [colleague]", false, 4096), "");
    assert_string_equal(shape(*state, "[colleague Mira] Hello", false, 4096), "Hello");
    assert_string_equal(shape(*state, "[colleague without an end", false, 4096), "[colleague without an end");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_that_fits_stays_as_it_is),
        TEST(a_longer_one_ends_with_its_last_whole_sentence),
        TEST(without_a_sentence_it_ends_with_a_word_and_without_a_word_at_a_character),
        TEST(no_result_has_more_characters_than_the_channel_takes),
        TEST(an_answer_cut_by_the_model_loses_its_unfinished_end),
        TEST(the_mark_of_a_colleague_is_not_for_the_customer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
