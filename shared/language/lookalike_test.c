#include "base/test.h"

#include "language/language.h"
#include "language/likeness.h"
#include "language/lookalike.h"

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

static void letters_that_look_alike_become_one(void **state)
{
    const char *latin = lookalike_fold(*state, "paypal");
    assert_string_equal(latin, lookalike_fold(*state, "раураl")); /* all but the last are Cyrillic */
    assert_string_not_equal(latin, lookalike_fold(*state, "paypol"));
    assert_string_equal(lookalike_fold(*state, ""), "");
}

static void texts_are_alike_when_they_say_the_same(void **state)
{
    assert_true(likeness(*state, "We are open from 9 to 5.", "we are open, from 9 to 5!") == 1);
    assert_true(likeness(*state, "Thank you for writing to us, a person will get back to you soon.",
                         "Thank you for writing to us, a person will get back to you shortly.") > 0.75);
    assert_true(likeness(*state, "We are open from 9 to 5.", "A haircut costs 350 taka.") < 0.1);
    assert_true(likeness(*state, "আমরা কাল খোলা।", "আমরা কাল খোলা!") == 1);
    assert_true(likeness(*state, "ok", "OK") == 1);
    assert_true(likeness(*state, "ok", "no") == 0);
    assert_true(likeness(*state, "👍", "👍") == 1);
    assert_true(likeness(*state, "👍", "👎") == 0);
    assert_true(likeness(*state, "", "ok then") == 0);
}

static void what_the_eye_cannot_see_is_seen(void **state)
{
    (void)state;
    assert_true(lookalike_hides("pay \u202Egro.knab\u202C"));
    assert_true(lookalike_hides("hi \U000E0049\U000E0047"));
    assert_false(lookalike_hides("go \U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F!"));
    assert_false(lookalike_hides("ক্\u200Dষ, 👨\u200D👩\u200D👧")); /* joiners belong to scripts and emoji */
}

static void a_word_of_two_alphabets_is_found(void **state)
{
    assert_string_equal(lookalike_mixed(*state, "visit pаypal today"), "pаypal"); /* the second letter is Cyrillic */
    assert_null(lookalike_mixed(*state, "visit москва or paypal, আমরা iphone-এর"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(letters_that_look_alike_become_one),
        TEST(texts_are_alike_when_they_say_the_same),
        TEST(what_the_eye_cannot_see_is_seen),
        TEST(a_word_of_two_alphabets_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
