#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "knowledge/split.h"
#include "knowledge/terms.h"

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

static struct sections read_as(struct arena *arena, const char *format, const char *text)
{
    struct sections sections = { 0 };
    struct error error = { 0 };
    assert_int_equal(document_read(arena, format, text, &sections, &error), OK);
    return sections;
}

static void assert_section(const struct sections *sections, size_t at, const char *heading, const char *text)
{
    assert_true(at < sections->count);
    assert_string_equal(sections->list[at].heading, heading);
    assert_string_equal(sections->list[at].text, text);
}

static void markdown_is_cut_at_its_headings_and_loses_its_marks(void **state)
{
    struct sections sections =
        read_as(*state, "markdown",
                "Before **all**.\n\n# Prices #\nOne\ntwo.\n## Carpets\nA [list](https://x.example/l) and `code`.\n"
                "### Deep\nx\n## Windows\ny\nOther\n=====\nz\n```\n# no heading\n```\n2 * 3 * 4\n---\n");
    assert_int_equal(sections.count, 6);
    assert_section(&sections, 0, "", "Before all.");
    assert_section(&sections, 1, "Prices", "One\ntwo.");
    assert_section(&sections, 2, "Prices > Carpets", "A list (https://x.example/l) and code.");
    assert_section(&sections, 3, "Prices > Carpets > Deep", "x");
    assert_section(&sections, 4, "Prices > Windows", "y");
    assert_string_equal(sections.list[5].heading, "Other");
    assert_non_null(strstr(sections.list[5].text, "# no heading"));
}

static void html_keeps_what_a_reader_sees(void **state)
{
    struct sections sections = read_as(
        *state, "html",
        "<!doctype html><head><title>T</title><style>b{}</style></head><body><p>Hi &amp; welcome<script>alert(1)</script></p>"
        "<h1>Open\n  <em>hours</em></h1><ul><li>Mon<li>Tue</ul><table><tr><td>a<td>b</tr></table>"
        "<h2>&#2472;&#2478;</h2><p>শেষ<p>unclosed <b>tags");
    assert_int_equal(sections.count, 3);
    assert_section(&sections, 0, "", "Hi & welcome");
    assert_section(&sections, 1, "Open hours", "- Mon\n- Tue\na | b |");
    assert_section(&sections, 2, "Open hours > নম", "শেষ\nunclosed tags");
}

static void html_of_any_depth_and_none_is_read(void **state)
{
    struct buffer deep = { .arena = *state };
    for (int i = 0; i < 20000; i++)
        buffer_add(&deep, "<div><span>");
    buffer_add(&deep, "bottom");
    (void)read_as(*state, "html", buffer_text(&deep));
    assert_int_equal(read_as(*state, "html", "").count, 0);
    assert_int_equal(read_as(*state, "html", "<script>only</script>").count, 0);
    assert_section(&(struct sections){ read_as(*state, "html", "just text").list, 1 }, 0, "", "just text");
}

static void csv_pairs_a_question_with_its_answer(void **state)
{
    struct sections sections =
        read_as(*state, "csv",
                "\xEF\xBB\xBF"
                "Answer,Question\r\n\"Yes, \"\"daily\"\".\r\nAsk.\",Open?\r\n\r\n20 euro,\"Price, please\"");
    assert_int_equal(sections.count, 2);
    assert_section(&sections, 0, "", "Open?\nYes, \"daily\".\r\nAsk.");
    assert_section(&sections, 1, "", "Price, please\n20 euro");
    assert_section(&(struct sections){ read_as(*state, "csv", "Open?,Yes\n").list, 1 }, 0, "", "Open?\nYes");
}

static void a_bad_row_is_named(void **state)
{
    static const char *const BAD[] = { "a,b\nc", "a,b\nc,d,e", "a,b\n\"c,d", "a,b\n\"c\"x,d", "a,b\n,d" };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct error error = { 0 };
        assert_int_equal(document_check(*state, "csv", BAD[i], &error), REJECT);
        assert_string_equal(error.code, "bad_csv");
        assert_non_null(strstr(error.text, "row 2"));
    }
}

static struct chunks split_text(struct arena *arena, const char *format, const char *text)
{
    struct sections sections = read_as(arena, format, text);
    struct chunks chunks;
    struct error error = { 0 };
    assert_int_equal(split(arena, &sections, &chunks, &error), OK);
    return chunks;
}

static const char *repeated(struct arena *arena, const char *text, int times)
{
    struct buffer out = { .arena = arena };
    for (int i = 0; i < times; i++)
        buffer_format(&out, "%s", text);
    return buffer_text(&out);
}

static void chunks_end_with_a_sentence_and_have_their_size(void **state)
{
    const char *sentence = "আমাদের দোকান সকাল নয়টা থেকে রাত আটটা পর্যন্ত খোলা থাকে। ";
    struct chunks chunks = split_text(*state, "text", repeated(*state, sentence, 100));
    size_t characters = 0;
    assert_true(chunks.count >= 4);
    for (size_t i = 0; i < chunks.count; i++) {
        assert_true(text_ends(chunks.list[i].text, "।"));
        assert_true(chunks.list[i].characters >= CHUNK_CHARACTERS_MIN / 4);
        assert_true(chunks.list[i].characters <= CHUNK_CHARACTERS_MAX + 200);
        characters += chunks.list[i].characters + 1;
    }
    assert_int_equal(characters, 100 * text_characters(sentence));
}

static void a_heading_ends_a_chunk_and_stands_above_the_next(void **state)
{
    struct chunks chunks = split_text(*state, "markdown", "# A\nOne.\n# B\nTwo.\n");
    assert_int_equal(chunks.count, 2);
    assert_string_equal(chunks.list[1].heading, "B");
    assert_string_equal(chunks.list[1].text, "Two.");
}

static void what_has_no_sentences_is_cut_at_words_and_what_has_no_words_at_characters(void **state)
{
    struct chunks words = split_text(*state, "text", repeated(*state, "word ", 1000));
    struct chunks letters = split_text(*state, "text", repeated(*state, "ক", 5000));
    for (size_t i = 0; i < words.count; i++)
        assert_true(text_starts(words.list[i].text, "word") && text_ends(words.list[i].text, "word"));
    assert_true(letters.count >= 4);
    for (size_t i = 0; i < letters.count; i++)
        assert_true(text_starts(letters.list[i].text, "ক") && letters.list[i].characters <= CHUNK_CHARACTERS_MAX + 200);
}

static void too_many_chunks_are_refused(void **state)
{
    struct sections sections = read_as(*state, "markdown", repeated(*state, "# h\nt\n", DOCUMENT_CHUNKS_MAX + 1));
    struct chunks chunks;
    struct error error = { 0 };
    assert_int_equal(split(*state, &sections, &chunks, &error), REJECT);
    assert_string_equal(error.code, "too_many_chunks");
}

static void a_script_without_rules_is_looked_for_by_pieces(void **state)
{
    assert_string_equal(terms_pieces(*state, "Refund ফেরত ও দিন!"), "~ফের ~েরত ~ও ~দিন");
    assert_string_equal(terms_pieces(*state, "only words"), "");
    struct terms_question question;
    terms_of_question(*state, "দাম কত দাম ok?", &question);
    assert_int_equal(question.word_count, 3);
    assert_string_equal(question.words[2], "ok");
    assert_int_equal(question.piece_count, 2);
    assert_string_equal(question.pieces[1].text, "~কত");
    assert_int_equal(question.pieces[1].word, 1);
}

static void a_long_question_keeps_its_last_words(void **state)
{
    struct buffer text = { .arena = *state };
    struct terms_question question;
    for (int i = 0; i < 200; i++)
        buffer_format(&text, "w%d কখগঘ%d ", i, i);
    terms_of_question(*state, buffer_text(&text), &question);
    assert_int_equal(question.word_count, TERM_WORDS_MAX);
    assert_int_equal(question.piece_count, TERM_PIECES_MAX);
    bool last = false;
    for (size_t i = 0; i < question.word_count; i++)
        last = last || text_same(question.words[i], "w199");
    assert_true(last);
}

static void languages_have_the_rules_that_postgresql_knows(void **state)
{
    assert_string_equal(terms_config("en"), "english");
    assert_string_equal(terms_config("de-AT"), "german");
    assert_string_equal(terms_config("bn"), "simple");
    assert_string_equal(terms_config("enx"), "simple");
    assert_string_equal(terms_config(NULL), "simple");
    assert_string_equal(terms_language(*state, "EN_gb"), "en");
    assert_null(terms_language(*state, "english"));
    assert_null(terms_language(*state, ""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(markdown_is_cut_at_its_headings_and_loses_its_marks),
        TEST(html_keeps_what_a_reader_sees),
        TEST(html_of_any_depth_and_none_is_read),
        TEST(csv_pairs_a_question_with_its_answer),
        TEST(a_bad_row_is_named),
        TEST(chunks_end_with_a_sentence_and_have_their_size),
        TEST(a_heading_ends_a_chunk_and_stands_above_the_next),
        TEST(what_has_no_sentences_is_cut_at_words_and_what_has_no_words_at_characters),
        TEST(too_many_chunks_are_refused),
        TEST(a_script_without_rules_is_looked_for_by_pieces),
        TEST(a_long_question_keeps_its_last_words),
        TEST(languages_have_the_rules_that_postgresql_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
