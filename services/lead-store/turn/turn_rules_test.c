#include "turn_rules.h"

#include "base/test.h"
#include "base/text.h"

static const moment NOW = 1795000000000;

#define NOTHING    PB__TURN_STATE__TURN_STATE_NOTHING
#define SUPERSEDED PB__TURN_STATE__TURN_STATE_SUPERSEDED
#define COMMITTED  PB__TURN_STATE__TURN_STATE_COMMITTED
#define OPEN       PB__TURN_STATE__TURN_STATE_OPEN
#define REFUSED    PB__TURN_STATE__TURN_STATE_REFUSED

/* Positions 5 and 7 are owed, since a second ago. */
static struct turn_facts facts(void)
{
    return (struct turn_facts){ .epoch = 2,
                                .covered_position = 4,
                                .owed_position = 7,
                                .owed_since = NOW - 1000,
                                .buffer_max_ms = 15000,
                                .now = NOW };
}

static struct turn_offer offer(void)
{
    return (struct turn_offer){ .newest_claim = true,
                                .epoch = 2,
                                .after_position = 4,
                                .opened_position = 7,
                                .covered_position = 7,
                                .opened_at = NOW - 500 };
}

static void expect(struct turn_verdict got, Pb__TurnState state, const char *reason)
{
    assert_int_equal(got.state, state);
    if (!text_same(got.reason, reason))
        fail_msg("reason %s instead of %s", text_or(got.reason, "none"), text_or(reason, "none"));
}

static void the_newest_owed_message_opens(void **state)
{
    (void)state;
    const struct turn_facts now = facts();
    expect(turn_may_open(&now, &(struct turn_asked){ 7, true, NOW - 100 }), OPEN, NULL);
}

static void an_older_one_is_superseded_until_the_maximum_wait_is_over(void **state)
{
    (void)state;
    struct turn_facts now = facts();
    const struct turn_asked older = { 5, true, NOW - 1000 };
    now.now = now.owed_since + now.buffer_max_ms - 1;
    expect(turn_may_open(&now, &older), SUPERSEDED, "newer_inbound");
    now.now++;
    expect(turn_may_open(&now, &older), OPEN, NULL);
}

static void nothing_is_opened_where_nothing_is_owed(void **state)
{
    (void)state;
    struct turn_facts closed = facts(), human = facts(), answered = facts(), now = facts();
    const struct turn_asked newest = { 7, true, NOW - 100 };
    closed.closed = true;
    expect(turn_may_open(&closed, &newest), NOTHING, "closed");
    human.human = true;
    expect(turn_may_open(&human, &newest), NOTHING, "human");
    answered.covered_position = 7;
    expect(turn_may_open(&answered, &newest), NOTHING, "not_owed");
    expect(turn_may_open(&now, &(struct turn_asked){ 4, true, NOW - 9000 }), NOTHING, "not_owed");
    expect(turn_may_open(&now, &(struct turn_asked){ 6, false, NOW - 900 }), NOTHING, "not_owed");
}

static void what_an_opt_out_ended_says_so(void **state)
{
    (void)state;
    struct turn_facts now = facts();
    now.covered_position = 8;
    now.opted_out_at = NOW - 50;
    expect(turn_may_open(&now, &(struct turn_asked){ 7, true, NOW - 100 }), NOTHING, "opted_out");
    expect(turn_may_open(&now, &(struct turn_asked){ 8, true, NOW - 10 }), NOTHING, "not_owed");
}

static void a_turn_that_saw_everything_commits(void **state)
{
    (void)state;
    const struct turn_facts now = facts();
    const struct turn_offer whole = offer();
    expect(turn_may_commit(&now, &whole), COMMITTED, NULL);
}

static void a_turn_that_missed_a_message_commits_only_after_the_maximum_wait(void **state)
{
    (void)state;
    struct turn_facts now = facts();
    struct turn_offer part = offer();
    part.opened_position = part.covered_position = 5;
    now.now = now.owed_since + now.buffer_max_ms - 1;
    expect(turn_may_commit(&now, &part), SUPERSEDED, "newer_inbound");
    now.now++;
    expect(turn_may_commit(&now, &part), COMMITTED, NULL);
}

static void what_a_turn_saw_and_could_not_hold_takes_nothing_back(void **state)
{
    (void)state;
    const struct turn_facts now = facts();
    struct turn_offer part = offer();
    part.covered_position = 5;
    expect(turn_may_commit(&now, &part), COMMITTED, NULL);
}

static void a_superseded_job_never_asks_again_at_once(void **state)
{
    (void)state;
    assert_int_equal(turn_superseded_wait_ms(0), SUPERSEDED_WAIT_MS_MIN);
    assert_int_equal(turn_superseded_wait_ms(SUPERSEDED_WAIT_MS_MIN + 1), SUPERSEDED_WAIT_MS_MIN + 1);
}

static void every_reason_to_refuse_a_commit(void **state)
{
    (void)state;
    struct turn_facts now = facts();
    struct turn_offer old = offer();
    old.newest_claim = false;
    expect(turn_may_commit(&now, &old), REFUSED, "stale_claim");
    struct turn_offer taken = offer();
    taken.taken_back = true;
    now.closed = true;
    expect(turn_may_commit(&now, &taken), REFUSED, "answered");
    const struct turn_offer whole = offer();
    expect(turn_may_commit(&now, &whole), REFUSED, "closed");
    now = facts();
    now.human = true;
    expect(turn_may_commit(&now, &whole), REFUSED, "human_owner");
    now = facts();
    now.epoch = 4; /* taken over and given back meanwhile */
    expect(turn_may_commit(&now, &whole), REFUSED, "human_owner");
    now = facts();
    now.covered_position = 5; /* another turn answered a part of it */
    expect(turn_may_commit(&now, &whole), REFUSED, "answered");
    struct turn_offer empty = offer();
    empty.covered_position = 4;
    now = facts();
    expect(turn_may_commit(&now, &empty), REFUSED, "answered");
}

static void an_opt_out_since_the_opening_refuses(void **state)
{
    (void)state;
    struct turn_facts now = facts();
    const struct turn_offer whole = offer();
    now.opted_out_at = whole.opened_at;
    expect(turn_may_commit(&now, &whole), COMMITTED, NULL);
    now.opted_out_at++;
    expect(turn_may_commit(&now, &whole), REFUSED, "opted_out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_owed_message_opens),
        cmocka_unit_test(an_older_one_is_superseded_until_the_maximum_wait_is_over),
        cmocka_unit_test(nothing_is_opened_where_nothing_is_owed),
        cmocka_unit_test(what_an_opt_out_ended_says_so),
        cmocka_unit_test(a_turn_that_saw_everything_commits),
        cmocka_unit_test(a_turn_that_missed_a_message_commits_only_after_the_maximum_wait),
        cmocka_unit_test(what_a_turn_saw_and_could_not_hold_takes_nothing_back),
        cmocka_unit_test(a_superseded_job_never_asks_again_at_once),
        cmocka_unit_test(every_reason_to_refuse_a_commit),
        cmocka_unit_test(an_opt_out_since_the_opening_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
