#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "extract.h"

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

static const char GOOD[] =
    "{\"summary\":\"One is. Two is. Three is.\",\"key_points\":[\"a\",\"\",7,\"b\"],\"sentiment\":\"negative\","
    "\"next_action\":\" Call. \",\"insights\":[{\"name\":\"Decision maker\",\"value\":\"she\"},{\"name\":\"\",\"value\":\"x\"}]}";

static void what_was_asked_for_is_read(void **state)
{
    Pb__SummaryDigest *digest = digest_of(*state, GOOD);
    assert_non_null(digest);
    assert_string_equal(digest->summary, "One is. Two is. Three is.");
    assert_int_equal(digest->n_key_points, 2);
    assert_string_equal(digest->key_points[1], "b");
    assert_string_equal(digest->sentiment, "negative");
    assert_string_equal(digest->next_action, "Call.");
    assert_string_equal(pb_json_text(digest->insights), "{\"decision_maker\":\"she\"}");
}

static void a_fence_a_preface_and_insights_as_an_object_are_taken_too(void **state)
{
    assert_non_null(digest_of(*state, text_format(*state, "Here it is:\n```json\n%s\n```", GOOD)));
    Pb__SummaryDigest *digest = digest_of(
        *state,
        "{\"summary\":\"One is. Two is. Three is.\",\"sentiment\":\"glad\",\"insights\":{\"Budget\":\"5\",\"budget\":\"6\"}}");
    assert_non_null(digest);
    assert_string_equal(digest->sentiment, "neutral");
    assert_string_equal(digest->next_action, "");
    assert_string_equal(pb_json_text(digest->insights), "{\"budget\":\"5\"}");
}

static void a_line_that_holds_nothing_is_no_sentence(void **state)
{
    Pb__SummaryDigest *digest =
        digest_of(*state, "{\"summary\":\"One is. \xc2\x85\xc2\x85\\u2029\\n\\u2028Two is.\\u0001 Three is.\"}");
    assert_non_null(digest);
    assert_string_equal(digest->summary, "One is. Two is. Three is.");
    assert_null(digest_of(*state, "{\"summary\":\"One is.\\u2029\\u0085Two is.\"}"));
}

static void an_insight_is_taken_once_however_its_name_is_written(void **state)
{
    Pb__SummaryDigest *digest = digest_of(
        *state, "{\"summary\":\"One is. Two is. Three is.\",\"insights\":[{\"name\":\"19\\\"\",\"value\":\"x\"},"
                "{\"name\":\"19\\\"\",\"value\":\"y\"},{\"name\":\"9\\\"\",\"value\":\"z\"}]}");
    assert_non_null(digest);
    assert_string_equal(pb_json_text(digest->insights), "{\"19\\\"\":\"x\",\"9\\\"\":\"z\"}");
}

static void a_summary_has_three_to_five_sentences_in_any_script(void **state)
{
    assert_null(digest_of(*state, "{\"summary\":\"One is. Two is.\"}"));
    assert_non_null(digest_of(*state, "{\"summary\":\"আমরা খোলা। আপনি আসুন। ধন্যবাদ।\"}"));
    assert_string_equal(
        digest_of(*state, "{\"summary\":\"One is. Two is. Three is. Four is. Five is. Six is.\"}")->summary,
        "One is. Two is. Three is. Four is. Five is.");
    assert_null(digest_of(*state, "{\"summary\":7}"));
    assert_null(digest_of(*state, "{\"key_points\":[]}"));
    assert_null(digest_of(*state, "They talked. It was nice. The end."));
}

static void what_can_not_be_read_is_asked_for_again_and_a_memory_may_be_any_text(void **state)
{
    Pb__SummaryStep tell = PB__SUMMARY_STEP__SUMMARY_STEP_TELL, remember = PB__SUMMARY_STEP__SUMMARY_STEP_REMEMBER;
    struct llm_reply reply = { .end = LLM_ANSWERED, .text = "no JSON" };
    digest_read(*state, &remember, &reply);
    assert_int_equal(reply.end, LLM_ANSWERED);
    digest_read(*state, &tell, &reply);
    assert_int_equal(reply.end, LLM_RETRY);
    assert_string_equal(reply.reason, "malformed");
    assert_string_equal(digest_memory(*state, " They want it blue. "), "They want it blue.");
    assert_string_equal(digest_memory(*state, "{\"summary\":\"Blue.\"}"), "Blue.");
}

static void what_holds_no_words_is_no_sentence(void **state)
{
    assert_null(digest_of(*state, "{\"summary\":\"They called.\\r\\n\\r\\u0001\\r\\r\\r\"}"));
    Pb__SummaryDigest *digest = digest_of(*state, "{\"summary\":\"They called.\\nThey want it.\\tTomorrow.\"}");
    assert_string_equal(digest->summary, "They called. They want it. Tomorrow.");
}

/* -- without a model */

static Pb__TurnContext *talk(struct arena *arena, const char *summary, const char *const *lines, size_t count)
{
    Pb__TurnContext *context = PB_NEW(arena, turn_context);
    context->summary = (char *)summary;
    context->history = ARENA_ARRAY(arena, Pb__TurnMessage *, count);
    for (size_t i = 0; i < count; i++) {
        Pb__TurnMessage *message = context->history[context->n_history++] = PB_NEW(arena, turn_message);
        message->sender = (char *)(*lines[i] == '>' ? "ai" : "customer");
        message->text = (char *)lines[i] + (*lines[i] == '>');
    }
    return context;
}

static void a_summary_without_a_model_is_one_that_would_be_taken(void **state)
{
    static const char *const LINES[] = { "Hi! Do you have bikes? I need 2 by Friday.", ">Yes.",
                                         "Thanks, that is great!" };
    Pb__SummaryDigest *digest = extract_digest(*state, talk(*state, NULL, LINES, 3));
    size_t sentences = digest_sentence_count(*state, digest->summary);
    assert_true(sentences >= SENTENCES_MIN && sentences <= SENTENCES_MAX);
    assert_string_equal(digest->sentiment, "positive");
    assert_int_equal(digest->n_key_points, 1);
    assert_string_equal(digest->key_points[0], "I need 2 by Friday.");
    digest = extract_digest(*state, talk(*state, NULL, LINES, 0));
    assert_true(digest_sentence_count(*state, digest->summary) >= SENTENCES_MIN);
}

static void facts_outlive_many_rounds_of_chatter(void **state)
{
    const char *memory = NULL;
    for (int round = 0; round < 20; round++) {
        const char *lines[20];
        for (int i = 0; i < 20; i++)
            lines[i] = text_format(*state, "Well, and then what about that other thing number %d we had, Sir?",
                                   round * 20 + i);
        if (round == 0)
            lines[0] = "My order number is 8812-XK, I live at 17 Lake Road in Dhaka.";
        memory = extract_memory(*state, talk(*state, memory, lines, 20));
        assert_true(text_characters(memory) <= MEMORY_CHARACTERS_MAX);
    }
    assert_non_null(strstr(memory, "8812-XK"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_asked_for_is_read),
        TEST(a_fence_a_preface_and_insights_as_an_object_are_taken_too),
        TEST(a_line_that_holds_nothing_is_no_sentence),
        TEST(an_insight_is_taken_once_however_its_name_is_written),
        TEST(a_summary_has_three_to_five_sentences_in_any_script),
        TEST(what_can_not_be_read_is_asked_for_again_and_a_memory_may_be_any_text),
        TEST(what_holds_no_words_is_no_sentence),
        TEST(a_summary_without_a_model_is_one_that_would_be_taken),
        TEST(facts_outlive_many_rounds_of_chatter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
