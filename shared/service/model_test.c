#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "service/model.h"

static const char *const NAMES[] = { "OPENAI_API_KEY",    "OPENAI_BASE_URL",    "OPENAI_MODEL",
                                     "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL",
                                     "GEMINI_API_KEY",    "GEMINI_BASE_URL",    "GEMINI_MODEL" };

enum { NOW = 1000000 };

static int forget(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        unsetenv(NAMES[i]);
    return 0;
}

static enum status opened(struct error *error)
{
    assert_int_equal(setting_read(model_settings, NULL, error), OK);
    return model_open(NULL, error);
}

static void reopened(void)
{
    struct error error = { 0 };
    assert_int_equal(opened(&error), OK);
}

/* By what the company says; NULL: nothing. */
static enum status choose(const char *provider, struct model_choice *choice, struct error *error)
{
    Pb__TurnContext context = PB__TURN_CONTEXT__INIT;
    char name[32] = "";
    if (provider) {
        assert_true(strlen(provider) < sizeof name);
        memcpy(name, provider, strlen(provider));
        context.provider = name;
    }
    return model_choose(&context, 0, NOW, choice, error);
}

static struct model_choice chosen(const char *provider)
{
    struct model_choice choice;
    struct error error = { 0 };
    assert_int_equal(choose(provider, &choice, &error), OK);
    return choice;
}

static void without_any_key_or_url_the_local_provider_answers(void **state)
{
    (void)state;
    reopened();
    struct model_choice choice = chosen(NULL);
    assert_ptr_equal(choice.provider, &LLM_LOCAL);
    assert_string_equal(choice.model, "local");
    assert_ptr_equal(chosen("").provider, &LLM_LOCAL);
}

static void the_first_provider_that_can_be_reached_is_the_default(void **state)
{
    (void)state;
    setenv("GEMINI_API_KEY", "g", 1);
    reopened();
    assert_ptr_equal(chosen(NULL).provider, &LLM_GEMINI);
    setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1", 1);
    reopened();
    assert_ptr_equal(chosen(NULL).provider, &LLM_ANTHROPIC);
    setenv("OPENAI_API_KEY", "o", 1);
    reopened();
    assert_ptr_equal(chosen(NULL).provider, &LLM_OPENAI);
}

static void what_the_company_wants_comes_before_the_default(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "o", 1);
    setenv("ANTHROPIC_API_KEY", "a", 1);
    setenv("GEMINI_API_KEY", "g", 1);
    reopened();
    assert_ptr_equal(chosen("openai").provider, &LLM_OPENAI);
    assert_ptr_equal(chosen("anthropic").provider, &LLM_ANTHROPIC);
    assert_ptr_equal(chosen("gemini").provider, &LLM_GEMINI);
    assert_ptr_equal(chosen("local").provider, &LLM_LOCAL);
}

static void each_has_its_own_key_url_and_model(void **state)
{
    (void)state;
    setenv("OPENAI_API_KEY", "o", 1);
    setenv("ANTHROPIC_API_KEY", "a", 1);
    setenv("ANTHROPIC_BASE_URL", "https://proxy.example/x//", 1);
    setenv("GEMINI_API_KEY", "g", 1);
    setenv("GEMINI_MODEL", "gemini-own", 1);
    reopened();
    struct model_choice openai = chosen("openai"), anthropic = chosen("anthropic"), gemini = chosen("gemini");
    assert_string_equal(openai.endpoint.key, "o");
    assert_string_equal(openai.endpoint.base_url, "https://api.openai.com/v1");
    assert_string_equal(openai.model, LLM_OPENAI.model);
    assert_string_equal(anthropic.endpoint.key, "a");
    assert_string_equal(anthropic.endpoint.base_url, "https://proxy.example/x");
    assert_string_equal(anthropic.model, LLM_ANTHROPIC.model);
    assert_string_equal(gemini.endpoint.key, "g");
    assert_string_equal(gemini.endpoint.base_url, "https://generativelanguage.googleapis.com/v1beta");
    assert_string_equal(gemini.model, "gemini-own");
}

static void a_provider_that_can_not_be_reached_or_is_not_here_is_refused(void **state)
{
    (void)state;
    struct model_choice choice;
    struct error error = { 0 };
    setenv("OPENAI_API_KEY", "o", 1);
    reopened();
    assert_int_equal(choose("anthropic", &choice, &error), REJECT);
    assert_string_equal(error.code, "auth");
    assert_int_equal(choose("gemini", &choice, &error), REJECT);
    assert_string_equal(error.code, "auth");
    assert_int_equal(choose("parrot", &choice, &error), REJECT);
    assert_string_equal(error.code, "provider");
}

static void a_base_url_that_is_none_stops_the_start_with_its_name(void **state)
{
    (void)state;
    struct error error = { 0 };
    setenv("GEMINI_BASE_URL", "127.0.0.1:8080", 1);
    assert_int_equal(opened(&error), REJECT);
    assert_true(text_starts(error.text, "GEMINI_BASE_URL "));
}

/* -- a list */

static void set_all_keys(void)
{
    setenv("OPENAI_API_KEY", "o", 1);
    setenv("ANTHROPIC_API_KEY", "a", 1);
    setenv("GEMINI_API_KEY", "g", 1);
    reopened();
    struct llm_reply well = { .end = LLM_ANSWERED, .reason = "" };
    model_answered(&LLM_OPENAI, &well, NOW);
    model_answered(&LLM_ANTHROPIC, &well, NOW);
    model_answered(&LLM_GEMINI, &well, NOW);
}

/* A company that wants anthropic, then gemini, then openai. */
static struct model_choice chosen_of_list(unsigned tried, moment now, Pb__TurnContext *context)
{
    static char anthropic[] = "anthropic", gemini[] = "gemini", openai[] = "openai", empty[] = "", prompt[] = "Be G.";
    static Pb__TurnModel second, third;
    static Pb__TurnModel *fallbacks[] = { &second, &third };
    struct model_choice choice;
    struct error error = { 0 };
    pb__turn_model__init(&second);
    pb__turn_model__init(&third);
    pb__turn_context__init(context);
    second.provider = gemini;
    second.model = second.system_prompt = prompt;
    PB_SET(&second, temperature, 0.5);
    PB_SET(&second, tokens_max, 77);
    PB_SET(&second, prompt_version, 9);
    third.provider = openai;
    third.model = empty;
    context->provider = anthropic;
    context->fallbacks = fallbacks;
    context->n_fallbacks = 2;
    assert_int_equal(model_choose(context, tried, now, &choice, &error), OK);
    return choice;
}

static void what_was_tried_is_not_asked_again_and_the_next_brings_its_own_prompt(void **state)
{
    (void)state;
    Pb__TurnContext context;
    set_all_keys();
    struct model_choice first = chosen_of_list(0, NOW, &context);
    assert_ptr_equal(first.provider, &LLM_ANTHROPIC);
    assert_true(first.others);
    struct model_choice second = chosen_of_list(first.bit, NOW, &context);
    assert_ptr_equal(second.provider, &LLM_GEMINI);
    assert_true(second.others);
    assert_string_equal(context.system_prompt, "Be G.");
    assert_int_equal(context.tokens_max, 77);
    assert_int_equal(context.prompt_version, 9);
    assert_true(context.temperature > 0.49 && context.temperature < 0.51);
    struct model_choice third = chosen_of_list(first.bit | second.bit, NOW, &context);
    assert_ptr_equal(third.provider, &LLM_OPENAI);
    assert_false(third.others);
    assert_ptr_equal(chosen_of_list(first.bit | second.bit | third.bit, NOW, &context).provider, &LLM_ANTHROPIC);
}

static void one_without_a_key_is_passed_over(void **state)
{
    (void)state;
    Pb__TurnContext context;
    setenv("OPENAI_API_KEY", "o", 1);
    reopened();
    struct model_choice choice = chosen_of_list(0, NOW, &context);
    assert_ptr_equal(choice.provider, &LLM_OPENAI);
    assert_false(choice.others);
}

static void one_that_is_down_is_passed_over_until_its_probe_succeeds(void **state)
{
    (void)state;
    Pb__TurnContext context;
    struct llm_reply barred = { .end = LLM_DEAD, .reason = "auth" }, well = { .end = LLM_ANSWERED, .reason = "" };
    set_all_keys();
    model_answered(&LLM_ANTHROPIC, &barred, NOW);
    assert_ptr_equal(chosen_of_list(0, NOW + 59999, &context).provider, &LLM_GEMINI);
    assert_ptr_equal(chosen_of_list(0, NOW + 60000, &context).provider, &LLM_ANTHROPIC);
    assert_ptr_equal(chosen_of_list(0, NOW + 60000, &context).provider, &LLM_GEMINI); /* beside the probe */
    model_answered(&LLM_ANTHROPIC, &well, NOW + 60001);
    assert_ptr_equal(chosen_of_list(0, NOW + 60001, &context).provider, &LLM_ANTHROPIC);
}

static void with_all_of_them_down_the_first_is_asked_as_ever(void **state)
{
    (void)state;
    Pb__TurnContext context;
    set_all_keys();
    for (int i = 0; i < 5; i++) {
        model_lost(&LLM_ANTHROPIC, NOW);
        model_lost(&LLM_GEMINI, NOW);
        model_lost(&LLM_OPENAI, NOW);
    }
    assert_ptr_equal(chosen_of_list(0, NOW, &context).provider, &LLM_ANTHROPIC);
    assert_ptr_equal(chosen("gemini").provider, &LLM_GEMINI);
}

static void a_no_to_one_question_says_nothing_against_the_provider(void **state)
{
    (void)state;
    static const char *const REASONS[] = { "refused", "request", "model", "empty" };
    Pb__TurnContext context;
    set_all_keys();
    for (size_t i = 0; i < 20; i++) {
        struct llm_reply no = { .end = LLM_DEAD, .reason = REASONS[i % 4] };
        model_answered(&LLM_ANTHROPIC, &no, NOW);
    }
    assert_ptr_equal(chosen_of_list(0, NOW, &context).provider, &LLM_ANTHROPIC);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_any_key_or_url_the_local_provider_answers),
        TEST(the_first_provider_that_can_be_reached_is_the_default),
        TEST(what_the_company_wants_comes_before_the_default),
        TEST(each_has_its_own_key_url_and_model),
        TEST(a_provider_that_can_not_be_reached_or_is_not_here_is_refused),
        TEST(a_base_url_that_is_none_stops_the_start_with_its_name),
        TEST(what_was_tried_is_not_asked_again_and_the_next_brings_its_own_prompt),
        TEST(one_without_a_key_is_passed_over),
        TEST(one_that_is_down_is_passed_over_until_its_probe_succeeds),
        TEST(with_all_of_them_down_the_first_is_asked_as_ever),
        TEST(a_no_to_one_question_says_nothing_against_the_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
