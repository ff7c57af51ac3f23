#include "llm/offer.h"

#include <string.h>

#include "base/json.h"
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

/* The offer of a company that lets its model do all there is; the customer wrote twice. */
static struct llm_offer offered(struct arena *arena)
{
    static char *actions[] = { "hand_over", "dance", "move_stage", "note", "note" };
    static Pb__TurnMessage customer, company, owed;
    static Pb__TurnMessage *history[] = { &customer, &company }, *newest[] = { &owed };
    pb__turn_message__init(&customer);
    pb__turn_message__init(&company);
    pb__turn_message__init(&owed);
    customer.id = "m1", customer.sender = "customer", customer.text = "Our budget is\n 5,000 Taka";
    company.id = "m2", company.sender = "ai", company.text = "We start in March";
    owed.id = "m3", owed.sender = "customer", owed.text = "we start in MARCH, and 5,000 is fine";
    Pb__TurnContext context;
    pb__turn_context__init(&context);
    context.actions = actions, context.n_actions = 5;
    context.history = history, context.n_history = 2;
    context.owed = newest, context.n_owed = 1;
    struct llm_offer offer;
    llm_offer_of(arena, &context, &offer);
    return offer;
}

static struct llm_reply read_with(struct arena *arena, const struct llm_offer *offer, const char *text, bool cut)
{
    struct llm_reply reply = { .end = LLM_ANSWERED, .text = text, .cut = cut, .reason = "", .code = "", .error = "" };
    llm_offer_read(arena, offer, &reply);
    return reply;
}

static struct llm_reply read_text(struct arena *arena, const char *text)
{
    struct llm_offer offer = offered(arena);
    return read_with(arena, &offer, text, false);
}

static void only_known_actions_are_offered_and_each_once(void **state)
{
    struct llm_offer offer = offered(*state);
    assert_string_equal(offer.types[0], "hand_over");
    assert_string_equal(offer.types[1], "move_stage");
    assert_string_equal(offer.types[2], "note");
    assert_null(offer.types[3]);
}

static void a_schema_names_only_what_the_offered_actions_need(void **state)
{
    static const char *const HAND_OVER[] = { "hand_over", NULL };
    const char *schema = llm_offer_schema(*state, HAND_OVER);
    assert_int_equal(json_check(schema, strlen(schema), NULL), OK);
    assert_non_null(strstr(schema, "\"enum\":[\"hand_over\"]"));
    assert_non_null(strstr(schema, "\"required\":[\"type\",\"reason\",\"urgency\"]"));
    assert_null(strstr(schema, "quote"));
    schema = llm_offer_schema(*state, offered(*state).types);
    assert_int_equal(json_check(schema, strlen(schema), NULL), OK);
    assert_non_null(
        strstr(schema, "\"required\":[\"type\",\"reason\",\"urgency\",\"stage\",\"name\",\"value\",\"quote\"]"));
}

static void a_plain_text_is_a_reply_without_actions(void **state)
{
    struct llm_reply reply = read_text(*state, "We are open {today}. The \"price\" is 5.");
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.text, "We are open {today}. The \"price\" is 5.");
    assert_int_equal(reply.action_count, 0);
}

static void without_an_offer_even_json_is_left_alone(void **state)
{
    struct llm_offer none = { 0 };
    assert_string_equal(read_with(*state, &none, "{\"reply\":\"Hi\"}", false).text, "{\"reply\":\"Hi\"}");
}

static void reply_and_actions_are_read_wherever_the_json_stands(void **state)
{
    static const char *const TEXTS[] = {
        "{\"reply\":\" Hi \\u0986 \",\"actions\":[{\"type\":\"hand_over\",\"reason\":\"upset\",\"urgency\":\"high\"}]}",
        "```json\n{\"reply\": \"Hi আ\",\n \"actions\": [{\"type\":\"hand_over\",\"reason\":\"upset\",\"urgency\":\"high\"}]}\n```",
        "Here you are: {\"reply\":\"Hi আ\",\"actions\":[{\"type\":\"hand_over\",\"reason\":\"upset\",\"urgency\":\"high\"}]} Bye",
        "{\"actions\":[{\"type\":\"hand_over\",\"reason\":\"upset\",\"urgency\":\"high\"}],\"reply\":\"Hi আ\",\"more\":{\"a\":\"}\"}}",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct llm_reply reply = read_text(*state, TEXTS[i]);
        assert_int_equal(reply.end, LLM_ANSWERED);
        assert_string_equal(reply.text, "Hi আ");
        assert_int_equal(reply.action_count, 1);
        assert_string_equal(reply.actions[0]->type, "hand_over");
        assert_string_equal(reply.actions[0]->reason, "upset");
        assert_string_equal(reply.actions[0]->urgency, "high");
    }
}

static void raw_line_breaks_in_json_are_what_the_model_meant(void **state)
{
    assert_string_equal(read_text(*state, "{\"reply\":\"One.\nTwo.\",\"actions\":[]}").text, "One.\nTwo.");
}

static void an_action_that_is_not_offered_is_ignored_and_one_that_is_comes_in_shape(void **state)
{
    struct llm_reply reply = read_text(
        *state,
        "{\"reply\":\"Hi\",\"actions\":[{\"type\":\"dance\"},7,{\"type\":\"hand_over\",\"urgency\":\"now!\",\"reason\":3},{}]}");
    assert_int_equal(reply.action_count, 1);
    assert_string_equal(reply.actions[0]->urgency, "normal");
    assert_string_equal(reply.actions[0]->reason, "");
    struct buffer many = { .arena = *state };
    buffer_add(&many, "{\"reply\":\"Hi\",\"actions\":[{\"type\":\"note\",\"value\":\"");
    for (int i = 0; i < 501; i++)
        buffer_add(&many, "আ");
    buffer_add(&many, "\"}");
    for (int i = 0; i < 20; i++)
        buffer_add(&many, ",{\"type\":\"note\"}");
    buffer_add(&many, "]}");
    reply = read_text(*state, buffer_text(&many));
    assert_int_equal(reply.action_count, LLM_ACTIONS_MAX);
    assert_int_equal(text_characters(reply.actions[0]->value), LLM_ACTION_CHARACTERS_MAX);
}

static void evidence_is_the_newest_message_of_the_customers_that_holds_the_quoted_words(void **state)
{
    static const struct {
        const char *quote, *message_id;
    } QUOTES[] = {
        { "budget is 5,000", "m1" },
        { "We start in March", "m3" },
        { "5,000", "m3" },
        { "start in April", NULL },
        { "", NULL },
        { "i", NULL },
    };
    for (size_t i = 0; i < sizeof QUOTES / sizeof *QUOTES; i++) {
        struct llm_reply reply = read_text(
            *state,
            text_format(*state,
                        "{\"reply\":\"Hi\",\"actions\":[{\"type\":\"note\",\"name\":\"budget\",\"quote\":\"%s\"}]}",
                        QUOTES[i].quote));
        assert_int_equal(reply.action_count, 1);
        assert_true(text_same(reply.actions[0]->message_id, QUOTES[i].message_id));
    }
}

static void a_hand_over_may_come_without_a_word_and_nothing_else_may(void **state)
{
    struct llm_reply reply = read_text(*state, "{\"reply\":\"\",\"actions\":[{\"type\":\"hand_over\"}]}");
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_true(llm_hands_over(&reply));
    assert_string_equal(read_text(*state, "{\"reply\":\"\",\"actions\":[{\"type\":\"note\"}]}").reason, "malformed");
    assert_string_equal(read_text(*state, "{\"answer\":\"Hi\"}").reason, "malformed");
    assert_string_equal(read_text(*state, "{\"reply\":{\"text\":\"Hi\"}}").reason, "malformed");
}

static void of_broken_json_the_reply_is_saved_if_its_end_is_there(void **state)
{
    struct llm_reply reply = read_text(*state, "{\"reply\": \"All \\\"good\\\".\", \"actions\": [{\"type\":");
    assert_int_equal(reply.end, LLM_ANSWERED);
    assert_string_equal(reply.text, "All \"good\".");
    assert_int_equal(reply.action_count, 0);
    reply = read_text(*state, "{\"reply\":\"A colleague will get back.\",\"actions\":[{\"type\":\"hand_over\",\"rea");
    assert_true(llm_hands_over(&reply)); /* errs to a person */
}

static void json_that_was_cut_in_its_reply_is_a_cut_reply_and_otherwise_no_reply(void **state)
{
    static const char *const CUT[] = { "{\"reply\":\"One. Two", "{\"reply\":\"One. Two\\",
                                       "{\"reply\":\"One. Two\\u09" };
    struct llm_offer offer = offered(*state);
    for (size_t i = 0; i < sizeof CUT / sizeof *CUT; i++) {
        struct llm_reply reply = read_with(*state, &offer, CUT[i], true);
        assert_int_equal(reply.end, LLM_ANSWERED);
        assert_string_equal(reply.text, "One. Two");
        assert_true(reply.cut);
        reply = read_with(*state, &offer, CUT[i], false);
        assert_int_equal(reply.end, LLM_RETRY);
        assert_string_equal(reply.reason, "malformed");
        assert_string_equal(reply.text, "");
    }
    assert_string_equal(read_with(*state, &offer, "{\"re", true).reason, "malformed");
    assert_string_equal(read_with(*state, &offer, "{\"reply\":\"", true).reason, "malformed");
}

/* Whatever a model writes: what is left is valid, and broken JSON is not. */
static void every_beginning_of_an_answer_is_read_or_refused(void **state)
{
    static const char WHOLE[] =
        "```json\n{\"reply\":\"Hé \\ud83d\\ude00 \\n\\\\\",\"actions\":[{\"type\":\"note\",\"name\":\"a\",\"value\":\"b\"}]}\n```";
    struct llm_offer offer = offered(*state);
    for (size_t bytes = strlen("```json\n{"); bytes < sizeof WHOLE; bytes++)
        for (int cut = 0; cut < 2; cut++) {
            struct llm_reply reply = read_with(*state, &offer, arena_text_n(*state, WHOLE, bytes), cut);
            assert_int_equal(text_check(reply.text, strlen(reply.text), sizeof WHOLE, "it", NULL), OK);
            assert_null(strchr(reply.text, '{'));
            assert_int_equal(reply.end == LLM_ANSWERED, *reply.text != '\0');
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_known_actions_are_offered_and_each_once),
        TEST(a_schema_names_only_what_the_offered_actions_need),
        TEST(a_plain_text_is_a_reply_without_actions),
        TEST(without_an_offer_even_json_is_left_alone),
        TEST(reply_and_actions_are_read_wherever_the_json_stands),
        TEST(raw_line_breaks_in_json_are_what_the_model_meant),
        TEST(an_action_that_is_not_offered_is_ignored_and_one_that_is_comes_in_shape),
        TEST(evidence_is_the_newest_message_of_the_customers_that_holds_the_quoted_words),
        TEST(a_hand_over_may_come_without_a_word_and_nothing_else_may),
        TEST(of_broken_json_the_reply_is_saved_if_its_end_is_there),
        TEST(json_that_was_cut_in_its_reply_is_a_cut_reply_and_otherwise_no_reply),
        TEST(every_beginning_of_an_answer_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
