#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "plan.h"

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

static struct plan told(struct arena *arena, const char *body, int32_t attempt)
{
    struct http_response response = {
        .end = HTTP_ANSWERED, .started = true, .status = 400, .body = body, .body_bytes = strlen(body)
    };
    return plan_make(arena, &response, attempt, 6);
}

static struct plan code(struct arena *arena, int number, int32_t attempt)
{
    return told(arena, text_format(arena, "{\"error\":{\"message\":\"m\",\"code\":%d}}", number), attempt);
}

static void an_accepted_message_is_sent(void **state)
{
    const char *body = "{\"messages\":[{\"id\":\"wamid.A\"}]}";
    struct http_response response = {
        .end = HTTP_ANSWERED, .started = true, .status = 200, .body = body, .body_bytes = strlen(body)
    };
    struct plan plan = plan_make(*state, &response, 1, 6);
    assert_int_equal(plan.end, PLAN_SENT);
    assert_int_equal(plan.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_SENT);
    assert_string_equal(plan.external_id, "wamid.A");
}

static const struct {
    int code;
    enum plan_end end;
    Pb__SendOutcome outcome;
    const char *word;
} CODES[] = {
    { 131016, PLAN_RETRY, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT, "retry" },
    { 130429, PLAN_RETRY, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT, "throttle_number" },
    { 131056, PLAN_RETRY, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT, "throttle_pair" },
    { 131026, PLAN_OUTCOME, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "unreachable" },
    { 131047, PLAN_OUTCOME, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "window" },
    { 131050, PLAN_OUTCOME, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "opted_out" },
    { 190, PLAN_DEAD, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "auth" },
    { 132001, PLAN_DEAD, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "template" },
    { 131053, PLAN_DEAD, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "media" },
    { 100, PLAN_DEAD, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "permanent" },
    { 7777777, PLAN_DEAD, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED, "permanent" },
};

static void every_class_has_its_end(void **state)
{
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        struct plan plan = code(*state, CODES[i].code, 1);
        assert_int_equal(plan.end, CODES[i].end);
        assert_int_equal(plan.outcome, CODES[i].outcome);
        assert_string_equal(plan.word, CODES[i].word);
        assert_string_equal(plan.code, text_format(*state, "%d", CODES[i].code));
    }
}

static void after_the_last_attempt_nothing_goes_back_to_queued(void **state)
{
    assert_int_equal(code(*state, 131016, 5).outcome, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT);
    assert_int_equal(code(*state, 131016, 6).outcome, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED);
    assert_int_equal(code(*state, 131016, 6).end, PLAN_RETRY);
}

static void the_pair_limit_waits_four_times_longer_each_time(void **state)
{
    static const int64_t WAITS_MS[] = { 1000, 4000, 16000, 64000, 256000, 600000 };
    for (int32_t attempt = 1; attempt <= 6; attempt++)
        assert_true(code(*state, 131056, attempt).retry_after_ms == WAITS_MS[attempt - 1]);
    const char *body = "{\"error\":{\"code\":131056}}";
    struct http_response response = {
        .end = HTTP_ANSWERED, .status = 429, .body = body, .body_bytes = strlen(body), .retry_after_ms = 30000
    };
    assert_true(plan_make(*state, &response, 1, 6).retry_after_ms == 30000);
    assert_true(code(*state, 130429, 3).retry_after_ms == 0);
}

static void without_metas_own_words_a_started_call_is_unknown(void **state)
{
    struct http_response broken = { .end = HTTP_BROKEN, .started = true };
    struct http_response aborted = { .end = HTTP_ABORTED, .started = true };
    struct http_response bare = { .end = HTTP_ANSWERED, .started = true, .status = 502, .body = "", .body_bytes = 0 };
    const struct http_response *const ENDS[] = { &broken, &aborted, &bare };
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        struct plan plan = plan_make(*state, ENDS[i], 6, 6);
        assert_int_equal(plan.end, PLAN_UNKNOWN);
        assert_int_equal(plan.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN);
    }
}

static void a_call_that_never_started_sent_nothing(void **state)
{
    struct http_response late = { .end = HTTP_NOT_STARTED, .late = true };
    struct http_response refused = { .end = HTTP_NOT_STARTED };
    struct http_response aborted = { .end = HTTP_ABORTED };
    assert_int_equal(plan_make(*state, &late, 1, 6).end, PLAN_DEFER);
    assert_int_equal(plan_make(*state, &refused, 1, 6).end, PLAN_RETRY);
    assert_int_equal(plan_make(*state, &aborted, 1, 6).end, PLAN_DEFER);
    assert_int_equal(plan_make(*state, &late, 6, 6).outcome, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT);
    assert_int_equal(plan_make(*state, &refused, 6, 6).outcome, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT);
}

static void what_can_not_be_composed_is_dead(void **state)
{
    struct error error = { .code = "text_too_long", .text = "too long" };
    struct plan plan = plan_refuse(&error, PB__SEND_CLASS__SEND_CLASS_PERMANENT);
    (void)state;
    assert_int_equal(plan.end, PLAN_DEAD);
    assert_int_equal(plan.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED);
    assert_string_equal(plan.word, "permanent");
    assert_string_equal(plan.code, "text_too_long");
}

static void a_go_that_nobody_knows_of_is_given_back_and_costs_an_attempt_only_when_the_house_is_well(void **state)
{
    struct error error = { 0 };
    error_code(&error, RETRY, "no_answer", "no answer in time");
    struct plan away = plan_unanswered(*state, &error, true), well = plan_unanswered(*state, &error, false);
    assert_int_equal(away.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT);
    assert_int_equal(well.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT);
    assert_int_equal(away.end, PLAN_DEFER);
    assert_int_equal(well.end, PLAN_RETRY);
    error = (struct error){ 0 };
    assert_string_equal(well.word, "no_answer");
    assert_string_equal(well.error, "no answer in time");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_message_is_sent),
        TEST(every_class_has_its_end),
        TEST(after_the_last_attempt_nothing_goes_back_to_queued),
        TEST(the_pair_limit_waits_four_times_longer_each_time),
        TEST(without_metas_own_words_a_started_call_is_unknown),
        TEST(a_call_that_never_started_sent_nothing),
        TEST(what_can_not_be_composed_is_dead),
        TEST(a_go_that_nobody_knows_of_is_given_back_and_costs_an_attempt_only_when_the_house_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
