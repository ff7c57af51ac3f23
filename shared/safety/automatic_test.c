#include "base/test.h"

#include "safety/automatic.h"

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

static void a_machine_that_says_so_is_believed(void **state)
{
    assert_true(automatic_says(*state, "Thanks! THIS IS AN AUTOMATED MESSAGE, we are closed."));
    assert_true(automatic_says(*state, "Automatic reply: I am back on Monday"));
    assert_true(automatic_says(*state, "Hi, I'm currently out of office."));
    assert_true(automatic_says(*state, "এটি একটি স্বয়ংক্রিয় বার্তা।"));
    assert_true(automatic_says(*state, "Réponse automatique : absent"));
}

static void a_person_who_speaks_of_one_is_none(void **state)
{
    assert_false(automatic_says(*state, "I got an automatic reply from you, why?"));
    assert_false(automatic_says(*state, "Do you have automatic doors? My office is out of town."));
    assert_false(automatic_says(*state, ""));
}

static void the_same_words_have_the_same_mark(void **state)
{
    int64_t mark = automatic_mark(*state, "Thanks for writing, we will be back soon.");
    assert_true(mark != 0);
    assert_true(mark == automatic_mark(*state, "thanks for writing,  we will be back soon!"));
    assert_true(mark != automatic_mark(*state, "Thanks for writing, we will be back at nine."));
    assert_true(automatic_mark(*state, "ok") == 0);
    assert_true(automatic_mark(*state, "???????????????????") == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_machine_that_says_so_is_believed),
        TEST(a_person_who_speaks_of_one_is_none),
        TEST(the_same_words_have_the_same_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
