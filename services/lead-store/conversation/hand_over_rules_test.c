#include "hand_over_rules.h"

#include <string.h>

#include "base/test.h"
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

static void absent_and_unreadable_rules_are_empty(void **state)
{
    static const char *const empty[] = { NULL, "", "{}", "[1]", "{\"keywords\":7}", "{\"unheard\":true}" };
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        const Pb__HandOverRules *rules = hand_over_rules(*state, empty[i]);
        assert_int_equal(rules->n_keywords, 0);
        assert_false(rules->has_deadline_ms);
        assert_null(hand_over_rules_wrong(rules));
        assert_null(hand_over_said(*state, rules, "I want a human, this is a scam"));
    }
}

static void a_keyword_is_found_in_any_case_between_any_marks(void **state)
{
    const Pb__HandOverRules *rules =
        hand_over_rules(*state, "{\"keywords\":[\"Real Person\",\"мастер\",\"人工\",\"!?\"],\"deadline_ms\":1000}");
    static const struct {
        const char *text, *reason;
    } table[] = {
        { "A real person?", "keyword" },
        { "REAL-PERSON!!", "keyword" },
        { "really personal", NULL },
        { "МАСТЕР нужен", "keyword" },
        { "我要人工服务", "keyword" },
        { "!?", NULL },
        { "", NULL },
        { "this is a scam", NULL },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_true(text_same(hand_over_said(*state, rules, table[i].text), table[i].reason));
}

static void anger_counts_only_where_the_company_wants_it_and_after_its_own_words(void **state)
{
    const Pb__HandOverRules *rules = hand_over_rules(*state, "{\"keywords\":[\"lawyer\"],\"negative_sentiment\":true}");
    assert_string_equal(hand_over_said(*state, rules, "My lawyer calls it a scam"), "keyword");
    assert_string_equal(hand_over_said(*state, rules, "This is RIDICULOUS."), "sentiment");
    assert_string_equal(hand_over_said(*state, rules, "একদম ফালতু!"), "sentiment");
    assert_null(hand_over_said(*state, rules, "What a lovely scampi"));
}

static const char *told(struct arena *arena, const char *locale, const char *rules)
{
    return hand_over_notice(arena, &(struct reach_sender){ .locale = locale, .hand_over = rules });
}

static void the_notice_is_the_company_s_or_ours_in_its_language(void **state)
{
    const char *english = told(*state, "en", NULL);
    assert_non_null(strstr(english, "A colleague"));
    assert_non_null(strstr(told(*state, "de-CH", "{}"), "Kollege"));
    assert_non_null(strstr(told(*state, "PT_br", NULL), "colega"));
    assert_string_equal(told(*state, "xx", NULL), english);
    assert_string_equal(told(*state, "e", NULL), english);
    assert_string_equal(told(*state, NULL, NULL), english);
    assert_string_equal(told(*state, "de", "{\"notice\":\"Soon.\"}"), "Soon.");
    assert_string_equal(told(*state, "de", "{\"notice\":\"\"}"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_unreadable_rules_are_empty),
        cmocka_unit_test(a_keyword_is_found_in_any_case_between_any_marks),
        cmocka_unit_test(anger_counts_only_where_the_company_wants_it_and_after_its_own_words),
        cmocka_unit_test(the_notice_is_the_company_s_or_ours_in_its_language),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
