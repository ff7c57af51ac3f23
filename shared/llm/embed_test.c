#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "llm/embed.h"

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

static double alike(struct arena *arena, const char *a, const char *b)
{
    struct embedding left, right;
    embed_local(arena, a, &left);
    embed_local(arena, b, &right);
    return embed_cosine(&left, &right);
}

static void forms_of_a_word_are_near_and_other_words_are_not(void **state)
{
    assert_true(alike(*state, "refund", "Refunds!") > 0.3);
    assert_true(alike(*state, "ফেরতের নিয়ম", "ফেরত নিয়মাবলী") > 0.3);
    assert_true(alike(*state, "delivery", "dlivery") > 0.3);
    assert_true(alike(*state, "refund", "opening hours") < 0.15);
    assert_true(alike(*state, "same words twice", "twice the same words") > 0.8);
}

static void the_same_text_is_the_same_vector_and_nothing_is_near_nothing(void **state)
{
    struct embedding first, again;
    embed_local(*state, "How much is a carpet?", &first);
    embed_local(*state, "how MUCH is a carpet", &again);
    assert_memory_equal(first.value, again.value, sizeof first.value);
    assert_true(alike(*state, "", "anything") == 0);
    assert_true(alike(*state, "?!", "?!") == 0);
    /* of this model for ever: another way of counting needs another name */
    embed_local(*state, "carpet", &first);
    int sum = 0;
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        sum += (int)(i % 97) * first.value[i];
    assert_int_equal(sum, -9286);
}

static void models_have_whole_names(void **state)
{
    assert_string_equal(embed_model(*state, "local"), "local:1");
    assert_string_equal(embed_model(*state, "openai"), "openai:text-embedding-3-small");
    assert_string_equal(embed_model(*state, "openai:nomic-embed-text"), "openai:nomic-embed-text");
    assert_null(embed_model(*state, "local:2"));
    assert_null(embed_model(*state, "anthropic"));
    assert_null(embed_model(*state, "openai:"));
    assert_null(embed_model(*state, "openai:a b"));
    assert_null(embed_model(*state, ""));
    assert_null(embed_provider("local:1"));
    assert_ptr_equal(embed_provider("gemini:x"), &LLM_GEMINI);
}

static void a_vector_of_any_length_keeps_its_direction(void **state)
{
    double straight[2000] = { 0 }, other[2000] = { 0 };
    struct embedding a, b;
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        straight[i] = (double)(i * 7919 % 1000) - 500;
        other[i] = straight[i] + (double)(i * 104729 % 1000) - 500;
    }
    embed_fit(straight, 2000, &a);
    embed_fit(other, 2000, &b);
    assert_true(embed_cosine(&a, &a) > 0.999);
    assert_true(embed_cosine(&a, &b) > 0.55 && embed_cosine(&a, &b) < 0.85);
    embed_fit(straight, 3, &a);
    assert_int_equal(a.value[3], 0);
}

static void both_vendors_are_asked_in_their_own_way(void **state)
{
    const char *const texts[] = { "one \"two\"", "three" };
    struct llm_http http;
    embed_compose(*state, &(struct llm_endpoint){ "http://x/v1", "k" }, "openai:text-embedding-3-small", texts, 2,
                  false, &http);
    assert_string_equal(http.url, "http://x/v1/embeddings");
    assert_string_equal(http.headers[1], "Authorization: Bearer k");
    assert_string_equal(http.body,
                        "{\"model\":\"text-embedding-3-small\",\"dimensions\":512,\"encoding_format\":\"float\","
                        "\"input\":[\"one \\\"two\\\"\",\"three\"]}");
    embed_compose(*state, &(struct llm_endpoint){ "http://x", "k" }, "gemini:gemini-embedding-001", texts + 1, 1, true,
                  &http);
    assert_string_equal(http.url, "http://x/v1beta/models/gemini-embedding-001:batchEmbedContents");
    assert_string_equal(http.headers[1], "x-goog-api-key: k");
    assert_string_equal(http.body,
                        "{\"requests\":[{\"model\":\"models/gemini-embedding-001\",\"taskType\":\"RETRIEVAL_QUERY\","
                        "\"outputDimensionality\":512,\"content\":{\"parts\":[{\"text\":\"three\"}]}}]}");
}

static enum llm_end judged(struct arena *arena, const char *model, long status, const char *body,
                           struct embedding out[2])
{
    struct llm_reply reply;
    embed_judge(arena, model, 2, status, body, strlen(body), out, &reply);
    return reply.end;
}

static void answers_are_read_in_the_order_they_name(void **state)
{
    struct embedding out[2];
    const char *openai = "{\"data\":[{\"index\":1,\"embedding\":[0,1]},{\"index\":0,\"embedding\":[-1,0.5]}]}";
    assert_int_equal(judged(*state, "openai:x", 200, openai, out), LLM_ANSWERED);
    assert_int_equal(out[0].value[0], -127);
    assert_int_equal(out[1].value[1], 127);
    const char *gemini = "{\"embeddings\":[{\"values\":[1]},{\"values\":[0,1]}]}";
    assert_int_equal(judged(*state, "gemini:x", 200, gemini, out), LLM_ANSWERED);
    assert_int_equal(out[1].value[1], 127);
}

static void what_is_no_answer_is_judged_as_the_vendor_means_it(void **state)
{
    struct embedding out[2];
    assert_int_equal(judged(*state, "openai:x", 200, "{\"data\":[{\"index\":0,\"embedding\":[1]}]}", out), LLM_RETRY);
    assert_int_equal(judged(*state, "openai:x", 200,
                            "{\"data\":[{\"index\":7,\"embedding\":[1]},{\"index\":0,\"embedding\":[\"a\"]}]}", out),
                     LLM_RETRY);
    static const char *const wrong[] = {
        /* twice the same, of neither text, too large */
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":1e30,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":-1,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[1e300]},{\"index\":0,\"embedding\":[1]}]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(judged(*state, "openai:x", 200, wrong[i], out), LLM_RETRY);
    assert_int_equal(judged(*state, "gemini:x", 200, "<html>", out), LLM_RETRY);
    assert_int_equal(judged(*state, "openai:x", 401, "{\"error\":{\"code\":\"invalid_api_key\"}}", out), LLM_DEAD);
    assert_int_equal(judged(*state, "gemini:x", 429, "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", out),
                     LLM_RETRY);
    assert_int_equal(judged(*state, "openai:x", 503, "", out), LLM_RETRY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forms_of_a_word_are_near_and_other_words_are_not),
        TEST(the_same_text_is_the_same_vector_and_nothing_is_near_nothing),
        TEST(models_have_whole_names),
        TEST(a_vector_of_any_length_keeps_its_direction),
        TEST(both_vendors_are_asked_in_their_own_way),
        TEST(answers_are_read_in_the_order_they_name),
        TEST(what_is_no_answer_is_judged_as_the_vendor_means_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
