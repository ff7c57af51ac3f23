#include "base/test.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "llm/moderation.h"

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

static struct moderation judged(struct arena *arena, long status, const char *body)
{
    struct moderation moderation;
    moderation_judge(arena, status, body, strlen(body), &moderation);
    return moderation;
}

static void a_text_is_asked_about_at_the_vendor_s_endpoint(void **state)
{
    const struct llm_endpoint endpoint = { .base_url = "https://api.openai.com/v1", .key = "sk-1" };
    struct llm_http http;
    moderation_compose(*state, &endpoint, "say \"no\"", &http);
    assert_string_equal(http.url, "https://api.openai.com/v1/moderations");
    assert_string_equal(http.headers[1], "Authorization: Bearer sk-1");
    assert_string_equal(http.body, "{\"model\":\"omni-moderation-latest\",\"input\":\"say \\\"no\\\"\"}");
    assert_true(moderation_known("openai"));
    assert_false(moderation_known("anthropic"));
    assert_false(moderation_known(NULL));
}

static void the_highest_score_of_all_categories_counts(void **state)
{
    struct moderation moderation =
        judged(*state, 200,
               "{\"id\":\"modr-1\",\"model\":\"omni\",\"results\":[{\"flagged\":true,\"categories\":{\"hate\":true},"
               "\"category_scores\":{\"hate\":0.91,\"violence\":0.02}}]}");
    assert_int_equal(moderation.end, LLM_ANSWERED);
    assert_true(moderation.flagged);
    assert_true(moderation.score == 0.91);
    moderation = judged(*state, 200, "{\"results\":[{\"flagged\":false,\"category_scores\":{\"hate\":7}}]}");
    assert_false(moderation.flagged);
    assert_true(moderation.score == 1);
}

static void without_a_result_there_is_no_verdict(void **state)
{
    assert_int_equal(judged(*state, 200, "{\"results\":[]}").end, LLM_RETRY);
    assert_int_equal(judged(*state, 200, "[]").end, LLM_RETRY);
    assert_int_equal(judged(*state, 200, "").end, LLM_RETRY);
    assert_int_equal(judged(*state, 500, "oops").end, LLM_RETRY);
    assert_int_equal(judged(*state, 401, "{}").end, LLM_DEAD);
    assert_string_equal(judged(*state, 401, "{}").reason, "auth");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_asked_about_at_the_vendor_s_endpoint),
        TEST(the_highest_score_of_all_categories_counts),
        TEST(without_a_result_there_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
