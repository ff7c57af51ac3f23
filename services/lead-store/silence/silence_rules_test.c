#include "base/test.h"

#include "conversation/silence.h"
#include "silence_rules.h"

enum { LAST = 1000000 };

static struct silence_facts facts_at(moment now)
{
    return (struct silence_facts){ .now = now,
                                   .last_at = LAST,
                                   .open = true,
                                   .last_position = 8,
                                   .summary_after_ms = HOUR_MS,
                                   .may_bump = true,
                                   .bumpup_after_ms = 3 * DAY_MS };
}

static void before_its_time_nothing_follows_and_the_next_look_is_at_it(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + HOUR_MS - 1);
    struct silence_verdict verdict = silence_judge(&facts);
    assert_false(verdict.summarise || verdict.bump);
    assert_true(verdict.look_at == LAST + HOUR_MS);
}

static void a_summary_comes_first_and_the_bump_up_is_looked_for_later(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + HOUR_MS);
    struct silence_verdict verdict = silence_judge(&facts);
    assert_true(verdict.summarise && !verdict.bump);
    assert_true(verdict.look_at == LAST + 3 * DAY_MS);
}

static void when_both_were_asked_for_nobody_looks_again(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + 3 * DAY_MS);
    struct silence_verdict verdict = silence_judge(&facts);
    assert_true(verdict.summarise && verdict.bump && !verdict.look_at);
    facts.summarised_position = facts.bumped_position = 8;
    verdict = silence_judge(&facts);
    assert_false(verdict.summarise || verdict.bump || verdict.look_at);
}

static void a_newer_message_begins_a_new_silence(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + 3 * DAY_MS);
    facts.summarised_position = facts.bumped_position = 7;
    struct silence_verdict verdict = silence_judge(&facts);
    assert_true(verdict.summarise && verdict.bump);
}

static void a_short_exchange_needs_no_summary_and_zero_means_none(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + HOUR_MS);
    facts.last_position = SUMMARY_MESSAGES_MIN - 1;
    assert_false(silence_judge(&facts).summarise);
    facts.last_position = SUMMARY_MESSAGES_MIN;
    assert_true(silence_judge(&facts).summarise);
    facts.summary_after_ms = 0;
    assert_false(silence_judge(&facts).summarise);
}

static void who_may_not_be_bumped_up_is_not(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + 20LL * DAY_MS);
    facts.may_bump = false;
    assert_false(silence_judge(&facts).bump);
    facts = facts_at(LAST + 20LL * DAY_MS);
    facts.open = false;
    struct silence_verdict verdict = silence_judge(&facts);
    assert_false(verdict.bump || verdict.summarise || verdict.look_at);
}

static void a_lead_that_is_stuck_is_bumped_up_sooner_but_not_within_a_day(void **state)
{
    (void)state;
    struct silence_facts facts = facts_at(LAST + DAY_MS);
    facts.stuck_after_ms = 7 * DAY_MS;
    facts.stage_since = LAST - 20 * DAY_MS;
    assert_true(silence_judge(&facts).bump);
    facts.now--;
    assert_false(silence_judge(&facts).bump);
    facts.stage_since = LAST; /* the company's own three days are over first */
    facts.now = LAST + 3 * DAY_MS;
    assert_true(silence_judge(&facts).bump);
    facts.now--;
    assert_false(silence_judge(&facts).bump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_its_time_nothing_follows_and_the_next_look_is_at_it),
        cmocka_unit_test(a_summary_comes_first_and_the_bump_up_is_looked_for_later),
        cmocka_unit_test(when_both_were_asked_for_nobody_looks_again),
        cmocka_unit_test(a_newer_message_begins_a_new_silence),
        cmocka_unit_test(a_short_exchange_needs_no_summary_and_zero_means_none),
        cmocka_unit_test(who_may_not_be_bumped_up_is_not),
        cmocka_unit_test(a_lead_that_is_stuck_is_bumped_up_sooner_but_not_within_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
