#include "base/test.h"

#include "llm/breaker.h"

enum { NOW = 1000000 };

static void fail_times(struct breaker *breaker, int times, moment now)
{
    for (int i = 0; i < times; i++)
        breaker_failed(breaker, now, 0, false);
}

static void it_is_closed_until_the_fifth_failure_in_a_row(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES - 1, NOW);
    assert_true(breaker_admit(&breaker, NOW));
    breaker_worked(&breaker);
    fail_times(&breaker, BREAKER_FAILURES - 1, NOW);
    assert_true(breaker_admit(&breaker, NOW));
    fail_times(&breaker, 1, NOW);
    assert_false(breaker_admit(&breaker, NOW));
}

static void when_the_wait_is_over_one_call_tries_it_and_no_other_beside_it(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES, NOW);
    assert_false(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS - 1));
    assert_true(breaker_admits(&breaker, NOW + BREAKER_WAIT_MS));
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
    assert_false(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
    breaker_worked(&breaker);
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
}

static void a_probe_that_fails_doubles_the_wait_up_to_a_minute(void **state)
{
    struct breaker breaker = { 0 };
    moment now = NOW;
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES, now);
    for (int64_t wait = BREAKER_WAIT_MS; wait < 4 * BREAKER_WAIT_MS_MAX; wait *= 2) {
        int64_t waited = wait < BREAKER_WAIT_MS_MAX ? wait : BREAKER_WAIT_MS_MAX;
        assert_false(breaker_admit(&breaker, now + waited - 1));
        now += waited;
        assert_true(breaker_admit(&breaker, now));
        fail_times(&breaker, 1, now);
    }
    breaker_worked(&breaker);
    fail_times(&breaker, BREAKER_FAILURES, now);
    assert_true(breaker_admits(&breaker, now + BREAKER_WAIT_MS));
}

static void calls_that_were_under_way_when_it_opened_do_not_lengthen_the_wait_twice(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    fail_times(&breaker, 200, NOW);
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
}

static void a_late_success_of_a_call_that_was_under_way_closes_it(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES, NOW);
    breaker_worked(&breaker);
    assert_true(breaker_admit(&breaker, NOW));
}

static void the_providers_own_wait_counts_within_a_minute(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    breaker_failed(&breaker, NOW, 17000, true);
    assert_false(breaker_admit(&breaker, NOW + 16999));
    assert_true(breaker_admit(&breaker, NOW + 17000));
    breaker_worked(&breaker);
    breaker_failed(&breaker, NOW, 86400000, true);
    assert_false(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS_MAX - 1));
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS_MAX));
    breaker_worked(&breaker);
    breaker_failed(&breaker, NOW, 1, true);
    assert_false(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS - 1));
}

static void a_probe_that_we_ended_leaves_its_place_to_the_next(void **state)
{
    struct breaker breaker = { 0 };
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES, NOW);
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
    breaker_forget(&breaker);
    assert_true(breaker_admit(&breaker, NOW + BREAKER_WAIT_MS));
}

static void a_probe_of_which_nothing_is_heard_is_given_up(void **state)
{
    struct breaker breaker = { 0 };
    moment probe = NOW + BREAKER_WAIT_MS;
    (void)state;
    fail_times(&breaker, BREAKER_FAILURES, NOW);
    assert_true(breaker_admit(&breaker, probe));
    assert_false(breaker_admit(&breaker, probe + BREAKER_PROBE_MS_MAX - 1));
    assert_true(breaker_admit(&breaker, probe + BREAKER_PROBE_MS_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_closed_until_the_fifth_failure_in_a_row),
        cmocka_unit_test(when_the_wait_is_over_one_call_tries_it_and_no_other_beside_it),
        cmocka_unit_test(a_probe_that_fails_doubles_the_wait_up_to_a_minute),
        cmocka_unit_test(calls_that_were_under_way_when_it_opened_do_not_lengthen_the_wait_twice),
        cmocka_unit_test(a_late_success_of_a_call_that_was_under_way_closes_it),
        cmocka_unit_test(the_providers_own_wait_counts_within_a_minute),
        cmocka_unit_test(a_probe_that_we_ended_leaves_its_place_to_the_next),
        cmocka_unit_test(a_probe_of_which_nothing_is_heard_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
