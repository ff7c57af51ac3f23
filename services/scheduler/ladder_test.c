#include "base/test.h"

#include "ladder.h"

static const struct ladder none;
static const struct task usual = { .name = "t",
                                   .attempts_max = 6,
                                   .ladder_ms = { 5000, 20000, 60000, 180000, 600000 } };
static const moment now = 1000000;

static struct ending ending_of(Pb__JobOutcome outcome)
{
    return (struct ending){ .outcome = outcome, .name = "retry", .attempts_max = 6 };
}

static void each_retry_waits_its_step(void **state)
{
    (void)state;
    const int64_t steps[] = { 5000, 20000, 60000, 180000, 600000 };
    for (int attempt = 1; attempt <= 5; attempt++)
        assert_int_equal(ladder_wait_ms(&none, &usual, attempt, 0), steps[attempt - 1]);
}

static void a_ladder_that_is_too_short_repeats_its_last_step(void **state)
{
    (void)state;
    struct ladder two = { { 10, 20 }, 2 };
    assert_int_equal(ladder_wait_ms(&two, &usual, 1, 0), 10);
    assert_int_equal(ladder_wait_ms(&two, &usual, 5, 0), 20);
}

static void the_providers_wait_only_stretches_a_step(void **state)
{
    (void)state;
    assert_int_equal(ladder_wait_ms(&none, &usual, 1, 4999), 5000);
    assert_int_equal(ladder_wait_ms(&none, &usual, 1, 7000), 7000);
    assert_int_equal(ladder_wait_ms(&none, &usual, 1, (int64_t)DAY_MS * 40), RETRY_AFTER_MS_MAX);
}

static void the_last_failure_is_the_dead_letter(void **state)
{
    (void)state;
    struct ending ending = ending_of(PB__JOB_OUTCOME__JOB_OUTCOME_RETRY);
    ending.attempts = 4;
    struct standing fifth = ladder_judge(&none, &usual, &ending, now);
    assert_int_equal(fifth.status, PB__JOB_STATUS__JOB_STATUS_FAILED);
    assert_int_equal(fifth.run_at, now + 600000);
    ending.attempts = 5;
    struct standing sixth = ladder_judge(&none, &usual, &ending, now);
    assert_int_equal(sixth.status, PB__JOB_STATUS__JOB_STATUS_DLQ);
    assert_int_equal(sixth.attempts, 6);
}

static void a_failed_job_with_a_lane_waits_inside_it_and_keeps_its_place(void **state)
{
    (void)state;
    struct ending ending = ending_of(PB__JOB_OUTCOME__JOB_OUTCOME_RETRY);
    assert_int_equal(ladder_judge(&none, &usual, &ending, now).stage, STAGE_WAITS);
    assert_false(ladder_judge(&none, &usual, &ending, now).keeps_place);
    ending.laned = true;
    assert_int_equal(ladder_judge(&none, &usual, &ending, now).stage, STAGE_LANE_1);
    assert_true(ladder_judge(&none, &usual, &ending, now).keeps_place);
}

static void a_deferred_job_loses_no_attempt_and_gives_its_place_up(void **state)
{
    (void)state;
    struct ending ending = ending_of(PB__JOB_OUTCOME__JOB_OUTCOME_DEFER);
    ending.attempts = 2;
    ending.run_at = now + 9000;
    ending.laned = true;
    struct standing standing = ladder_judge(&none, &usual, &ending, now);
    assert_int_equal(standing.status, PB__JOB_STATUS__JOB_STATUS_QUEUED);
    assert_int_equal(standing.attempts, 2);
    assert_int_equal(standing.run_at, now + 9000);
    assert_int_equal(standing.stage, STAGE_WAITS);
    assert_false(standing.keeps_place);
    ending.run_at = now - 5;
    assert_int_equal(ladder_judge(&none, &usual, &ending, now).run_at, now + DEFER_MS_MIN);
}

static void a_superseded_job_ends_only_while_the_other_lives(void **state)
{
    (void)state;
    struct ending ending = ending_of(PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE);
    ending.delay_ms = 2000;
    ending.other_live = true;
    struct standing ended = ladder_judge(&none, &usual, &ending, now);
    assert_int_equal(ended.status, PB__JOB_STATUS__JOB_STATUS_COMPLETED);
    assert_string_equal(ended.outcome, "coalesced");
    ending.other_live = false;
    struct standing again = ladder_judge(&none, &usual, &ending, now);
    assert_int_equal(again.status, PB__JOB_STATUS__JOB_STATUS_QUEUED);
    assert_int_equal(again.run_at, now + 2000);
}

static void a_ladder_is_read_from_text_or_refused(void **state)
{
    (void)state;
    struct ladder ladder;
    struct error error;
    assert_int_equal(ladder_from("", &ladder, &error), OK);
    assert_int_equal(ladder.count, 0);
    assert_int_equal(ladder_from("5,20,60", &ladder, &error), OK);
    assert_int_equal(ladder.count, 3);
    assert_int_equal(ladder.ms[2], 60);
    assert_int_equal(ladder_from("1,2,3,4,5,6,7,8,9,10,11,12", &ladder, &error), OK);
    const char *const bad[] = { "5,x", "-1", "5,,6", "99999999999", "1,2,3,4,5,6,7,8,9,10,11,12,13" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ladder_from(bad[i], &ladder, &error), REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_retry_waits_its_step),
        cmocka_unit_test(a_ladder_that_is_too_short_repeats_its_last_step),
        cmocka_unit_test(the_providers_wait_only_stretches_a_step),
        cmocka_unit_test(the_last_failure_is_the_dead_letter),
        cmocka_unit_test(a_failed_job_with_a_lane_waits_inside_it_and_keeps_its_place),
        cmocka_unit_test(a_deferred_job_loses_no_attempt_and_gives_its_place_up),
        cmocka_unit_test(a_superseded_job_ends_only_while_the_other_lives),
        cmocka_unit_test(a_ladder_is_read_from_text_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
