#include "language/language.h"

#include "base/test.h"

#include <string.h>

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

static void folded_text_is_the_same_however_it_was_typed(void **state)
{
    struct arena *arena = *state;
    assert_string_equal(language_fold(arena, "Hello WORLD 42"), "hello world 42");
    assert_string_equal(language_fold(arena, "ﬁne Straße ＡＢＣ"), "fine strasse abc");
    assert_string_equal(language_fold(arena, "৩৫০ টাকা ٤٢"), "350 টাকা 42");
    assert_string_equal(language_fold(arena, "Cafe\xCC\x81"), language_fold(arena, "CAF\xC3\x89"));
    assert_string_equal(language_fold(arena, "zero\xE2\x80\x8Bwidth"), "zerowidth");
    assert_string_equal(language_fold(arena, ""), "");
}

static void assert_words(const char *text, const char *const *expected)
{
    struct language_word word;
    for (; language_next_word(&text, &word); expected++) {
        assert_non_null(*expected);
        assert_int_equal(word.bytes, strlen(*expected));
        assert_memory_equal(word.text, *expected, word.bytes);
    }
    assert_null(*expected);
}

static void words_are_runs_of_letters_marks_and_digits_in_any_script(void **state)
{
    (void)state;
    assert_words("it's 350 BDT!", (const char *const[]){ "it", "s", "350", "BDT", NULL });
    assert_words("আপনাদের দাম কত। কত?", (const char *const[]){ "আপনাদের", "দাম", "কত", "কত", NULL });
    assert_words(" ...  ", (const char *const[]){ NULL });
    const char *text = "কী";
    struct language_word word;
    assert_true(language_next_word(&text, &word));
    assert_int_equal(word.characters, 2);
}

static void sentences_end_where_the_language_ends_them(void **state)
{
    size_t *ends;
    const char *text = "আমরা ঢাকায় আছি। সব খোলা! Mr. Roy pays 3.50 euros. Done\nNext line";
    size_t count = language_sentences(*state, text, &ends);
    assert_true(count >= 5);
    assert_int_equal(ends[0], strlen("আমরা ঢাকায় আছি। "));
    assert_int_equal(ends[count - 1], strlen(text));
    assert_int_equal(language_sentences(*state, "", &ends), 0);
}

static void a_script_tells_its_language_and_latin_tells_none(void **state)
{
    (void)state;
    assert_string_equal(language_of_script("আপনাদের দাম কত?"), "bn");
    assert_string_equal(language_of_script("Где мой заказ 123?"), "ru");
    assert_string_equal(language_of_script("दाम कितना है"), "hi");
    assert_null(language_of_script("Where is my order?"));
    assert_null(language_of_script("12345"));
    assert_string_equal(language_of_script("WhatsApp-এ মেসেজ পাঠান, আমরা উত্তর দেব"), "bn");
}

static void words_are_counted_as_a_reader_counts_them(void **state)
{
    (void)state;
    assert_int_equal(language_word_count(""), 0);
    assert_int_equal(language_word_count(" ... !? 👍 "), 0);
    assert_int_equal(language_word_count("It's 3.50 for the two-day ticket, isn't it?"), 9);
    assert_int_equal(language_word_count("আপনি কি এখনও আগ্রহী?"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_counted_as_a_reader_counts_them),
        cmocka_unit_test_setup_teardown(folded_text_is_the_same_however_it_was_typed, make_arena, free_arena),
        cmocka_unit_test(words_are_runs_of_letters_marks_and_digits_in_any_script),
        cmocka_unit_test_setup_teardown(sentences_end_where_the_language_ends_them, make_arena, free_arena),
        cmocka_unit_test(a_script_tells_its_language_and_latin_tells_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
