#include "gate_rules.h"

#include "base/limits.h"
#include "base/test.h"
#include "base/text.h"

static const moment NOW = 1795000000000;

#define GO     PB__VERDICT__VERDICT_GO
#define DEFER  PB__VERDICT__VERDICT_DEFER
#define REFUSE PB__VERDICT__VERDICT_REFUSE
#define BUSY   PB__VERDICT__VERDICT_BUSY
#define DONE   PB__VERDICT__VERDICT_DONE

/* An AI's reply that nothing is in the way of. */
static struct gate_facts reply(void)
{
    return (struct gate_facts){
        .message = { .status = "queued",
                     .sender_type = "ai",
                     .cause = "reply",
                     .status_at = NOW - 1000,
                     .epoch = 3,
                     .written_at = NOW - 3000 },
        .turn = { .known = true, .newest = true, .answer_by = NOW + 5000 },
        .conversation = { .epoch = 3, .windowed = true, .window_ends_at = NOW + HOUR_MS },
        .reach = { .account = true, .recipient = true },
        .claim = "mine",
        .now = NOW,
        .unknown_hold_ms = UNKNOWN_HOLD_MS,
        .jitter_ms = 7,
    };
}

static struct gate_facts proactive(void)
{
    struct gate_facts facts = reply();
    facts.turn = (struct gate_turn){ 0 };
    facts.message.cause = "proactive";
    facts.person.marketing_consent = true;
    return facts;
}

static void expect(const struct gate_facts *facts, Pb__Verdict verdict, const char *reason, const char *status)
{
    struct gate_verdict got = gate_judge(facts);
    assert_int_equal(got.verdict, verdict);
    if (!text_same(got.reason, reason))
        fail_msg("reason %s instead of %s", text_or(got.reason, "none"), text_or(reason, "none"));
    if (!text_same(got.status, status))
        fail_msg("status %s instead of %s", text_or(got.status, "none"), text_or(status, "none"));
}

static void a_reply_without_obstacle_goes_for_five_seconds(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    expect(&facts, GO, NULL, "sending");
    assert_int_equal(gate_judge(&facts).until, NOW + GO_VALID_MS);
}

static void every_status_has_its_answer_for_the_same_and_another_claim(void **state)
{
    (void)state;
    static const struct {
        const char *status, *claim;
        Pb__Verdict verdict;
        const char *reason, *becomes;
        int64_t until_ms; /* from NOW; 0: none */
    } table[] = {
        { "queued", NULL, GO, NULL, "sending", GO_VALID_MS },
        { "queued", "other", GO, NULL, "sending", GO_VALID_MS }, /* settled not_sent by an earlier claim */
        { "sending", "mine", GO, NULL, NULL, 2000 },
        { "sending", "other", BUSY, "sending", NULL, 2000 + SEND_CALL_WAIT_MS },
        { "unknown", "mine", BUSY, "unknown", NULL, UNKNOWN_HOLD_MS - 1000 },
        { "unknown", "other", BUSY, "unknown", NULL, UNKNOWN_HOLD_MS - 1000 },
        { "sent", "mine", DONE, "sent", NULL, 0 },
        { "sent", "other", DONE, "sent", NULL, 0 },
        { "delivered", "other", DONE, "delivered", NULL, 0 },
        { "read", "other", DONE, "read", NULL, 0 },
        { "failed", "other", DONE, "failed", NULL, 0 },
        { "held", "other", REFUSE, "window_closed", NULL, 0 },
        { "withdrawn", "other", REFUSE, "window_closed", NULL, 0 },
        { "cancelled", "other", REFUSE, "window_closed", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gate_facts facts = reply();
        facts.message.status = table[i].status;
        facts.message.claim = table[i].claim;
        facts.message.go_until = NOW + 2000;
        facts.message.reason = "window_closed";
        expect(&facts, table[i].verdict, table[i].reason, table[i].becomes);
        moment until = gate_judge(&facts).until;
        assert_int_equal(until ? until - NOW : 0, table[i].until_ms);
    }
}

static void the_same_go_is_told_again_even_when_it_is_over(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.message.status = "sending";
    facts.message.claim = "mine";
    facts.message.go_until = NOW - 1;
    expect(&facts, GO, NULL, NULL);
    assert_int_equal(gate_judge(&facts).until, NOW - 1);
}

static void busy_never_asks_for_a_moment_that_has_passed(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.message.status = "sending";
    facts.message.claim = "other";
    facts.message.go_until = NOW - HOUR_MS;
    assert_int_equal(gate_judge(&facts).until, NOW + BUSY_AGAIN_MS);
}

static void a_person_s_word_and_a_notice_wait_for_what_the_ai_has_past_the_gate(void **state)
{
    (void)state;
    static const char *const senders[] = { "operator", "system" };
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
        struct gate_facts facts = reply();
        facts.turn = (struct gate_turn){ 0 };
        facts.message.sender_type = senders[i];
        facts.message.cause = i == 0 ? "operator" : "notice";
        facts.conversation.ai_go_until = NOW - LAST_BYTES_MS + 1;
        expect(&facts, BUSY, "ai_leaving", NULL);
        assert_int_equal(gate_judge(&facts).until, NOW + AI_LEAVING_AGAIN_MS);
        facts.conversation.ai_go_until = NOW - LAST_BYTES_MS;
        expect(&facts, GO, NULL, "sending");
    }
    struct gate_facts own = reply();
    own.conversation.ai_go_until = NOW + 1;
    expect(&own, GO, NULL, "sending");
}

static void only_a_failure_that_a_person_may_have_mended_is_replayed(void **state)
{
    (void)state;
    static const struct {
        const char *class;
        bool replayed, accepted;
        Pb__Verdict verdict;
    } table[] = {
        { "auth", true, false, GO },        { "template", true, false, GO },      { "media", true, false, GO },
        { "permanent", true, false, GO },   { "retry", true, false, GO },         { "window", true, false, DONE },
        { "opted_out", true, false, DONE }, { "unreachable", true, false, DONE }, { "auth", false, false, DONE },
        { "auth", true, true, DONE },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct gate_facts facts = reply();
        facts.message.status = "failed";
        facts.message.reason = table[i].class;
        facts.message.accepted = table[i].accepted;
        facts.replayed = table[i].replayed;
        assert_int_equal(gate_judge(&facts).verdict, table[i].verdict);
    }
}

static void a_replayed_failure_passes_every_rule_again(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.message.status = "failed";
    facts.message.reason = "auth";
    facts.replayed = true;
    facts.conversation.human = true;
    expect(&facts, REFUSE, "human_owner", "cancelled");
}

static void what_the_ai_wrote_never_leaves_after_a_change_of_hands(void **state)
{
    (void)state;
    struct gate_facts human = reply(), moved = reply(), back = reply(), elsewhere = reply();
    human.conversation.human = true;
    expect(&human, REFUSE, "human_owner", "cancelled");
    moved.conversation.epoch = 4;
    expect(&moved, REFUSE, "human_owner", "cancelled");
    back.message.epoch = 5;
    expect(&back, REFUSE, "human_owner", "cancelled");
    elsewhere.turn.elsewhere = elsewhere.turn.asked_human = true;
    expect(&elsewhere, REFUSE, "human_owner", "cancelled");
}

static void the_reply_that_handed_over_leaves_in_the_person_s_epoch_and_only_there(void **state)
{
    (void)state;
    struct gate_facts last = reply();
    last.conversation.human = last.turn.handed_over = true;
    expect(&last, GO, NULL, "sending");
    last.turn.newer_owed = true; /* a person answers that */
    expect(&last, GO, NULL, "sending");
    last.conversation.epoch++; /* a person came */
    expect(&last, REFUSE, "human_owner", "cancelled");
    last.conversation.human = false; /* and gave it back */
    expect(&last, REFUSE, "human_owner", "cancelled");
    struct gate_facts stopped = reply();
    stopped.conversation.human = stopped.turn.handed_over = true;
    stopped.person.opted_out_at = NOW;
    expect(&stopped, REFUSE, "opted_out", "cancelled");
}

static void a_person_and_a_notice_pass_the_owner_rule(void **state)
{
    (void)state;
    static const char *const senders[][2] = { { "operator", "operator" }, { "system", "notice" } };
    for (size_t i = 0; i < 2; i++) {
        struct gate_facts facts = reply();
        facts.turn = (struct gate_turn){ 0 };
        facts.message.sender_type = senders[i][0];
        facts.message.cause = senders[i][1];
        facts.conversation.human = true;
        facts.conversation.epoch = 9;
        facts.person.opted_out_at = NOW - HOUR_MS;
        facts.person.quiet_until = NOW + HOUR_MS;
        expect(&facts, GO, NULL, "sending");
    }
}

static void a_newer_question_takes_the_answer_back_until_the_maximum_wait_is_over(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.turn.newer_owed = true;
    facts.turn.answer_by = NOW + 1;
    expect(&facts, REFUSE, "superseded", "withdrawn");
    facts.turn.answer_by = NOW;
    expect(&facts, GO, NULL, "sending");
    facts.turn.answer_by = NOW + 1;
    facts.turn.newest = false;
    expect(&facts, GO, NULL, "sending");
}

static void the_window_closes_a_margin_before_its_end(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.conversation.window_ends_at = NOW + SERVICE_WINDOW_MARGIN_MS + 1;
    expect(&facts, GO, NULL, "sending");
    facts.conversation.window_ends_at = NOW + SERVICE_WINDOW_MARGIN_MS;
    expect(&facts, REFUSE, "window_closed", "held");
    facts.conversation.window_ends_at = 0;
    expect(&facts, REFUSE, "window_closed", "held");
    facts.conversation.windowed = false;
    expect(&facts, GO, NULL, "sending");
}

static void a_reply_of_23_59_50_is_not_called_at_24_00_05(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.conversation.window_ends_at = NOW - 5000;
    expect(&facts, REFUSE, "window_closed", "held");
    facts.conversation.window_ends_at = NOW + 10000;
    expect(&facts, REFUSE, "window_closed", "held");
}

static void only_an_approved_template_passes_a_closed_window(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.conversation.window_ends_at = 0;
    facts.template = TEMPLATE_APPROVED;
    expect(&facts, GO, NULL, "sending");
    facts.template = TEMPLATE_REFUSED;
    expect(&facts, REFUSE, "template_not_approved", "held");
}

static void nothing_leaves_without_an_account_or_an_address(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.reach.account = false;
    expect(&facts, REFUSE, "no_account", "held");
    facts.reach.account = true;
    facts.reach.recipient = false;
    expect(&facts, REFUSE, "no_recipient", "held");
}

static void an_answer_ignores_opt_out_quiet_hours_and_cap(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.person =
        (struct gate_person){ .opted_out_at = NOW - HOUR_MS, .proactive_at = NOW - 1, .quiet_until = NOW + HOUR_MS };
    facts.reach.unreachable = true;
    expect(&facts, GO, NULL, "sending");
}

static void what_was_written_before_an_opt_out_never_leaves_but_for_its_confirmation(void **state)
{
    (void)state;
    struct gate_facts facts = reply();
    facts.person.opted_out_at = facts.message.written_at + 1;
    expect(&facts, REFUSE, "opted_out", "cancelled");
    facts.message.sender_type = "operator";
    facts.message.cause = "operator";
    expect(&facts, REFUSE, "opted_out", "cancelled");
    facts.message.sender_type = "system";
    facts.message.cause = "notice";
    expect(&facts, GO, NULL, "sending");
    facts = reply();
    facts.person.opted_out_at = facts.message.written_at;
    expect(&facts, GO, NULL, "sending");
}

static void what_the_business_starts_needs_consent(void **state)
{
    (void)state;
    struct gate_facts facts = proactive();
    expect(&facts, GO, NULL, "sending");
    facts.person.opted_out_at = NOW - HOUR_MS;
    expect(&facts, REFUSE, "opted_out", "cancelled");
    facts.person.opted_out_at = 0;
    facts.person.marketing_consent = false;
    expect(&facts, REFUSE, "no_consent", "cancelled");
    facts.person.marketing_consent = true;
    facts.reach.unreachable = true;
    expect(&facts, REFUSE, "unreachable", "cancelled");
}

static void one_proactive_message_a_day_and_none_in_quiet_hours(void **state)
{
    (void)state;
    struct gate_facts facts = proactive();
    facts.person.proactive_at = NOW - PROACTIVE_EVERY_MS + 1;
    expect(&facts, DEFER, "frequency_cap", NULL);
    assert_int_equal(gate_judge(&facts).until, NOW + 1 + 7);
    facts.person.proactive_at = NOW - PROACTIVE_EVERY_MS;
    expect(&facts, GO, NULL, "sending");
    facts.person.quiet_until = NOW + HOUR_MS;
    expect(&facts, DEFER, "quiet_hours", NULL);
    assert_int_equal(gate_judge(&facts).until, NOW + HOUR_MS + 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_without_obstacle_goes_for_five_seconds),
        cmocka_unit_test(every_status_has_its_answer_for_the_same_and_another_claim),
        cmocka_unit_test(the_same_go_is_told_again_even_when_it_is_over),
        cmocka_unit_test(busy_never_asks_for_a_moment_that_has_passed),
        cmocka_unit_test(a_person_s_word_and_a_notice_wait_for_what_the_ai_has_past_the_gate),
        cmocka_unit_test(only_a_failure_that_a_person_may_have_mended_is_replayed),
        cmocka_unit_test(a_replayed_failure_passes_every_rule_again),
        cmocka_unit_test(what_the_ai_wrote_never_leaves_after_a_change_of_hands),
        cmocka_unit_test(the_reply_that_handed_over_leaves_in_the_person_s_epoch_and_only_there),
        cmocka_unit_test(a_person_and_a_notice_pass_the_owner_rule),
        cmocka_unit_test(a_newer_question_takes_the_answer_back_until_the_maximum_wait_is_over),
        cmocka_unit_test(the_window_closes_a_margin_before_its_end),
        cmocka_unit_test(a_reply_of_23_59_50_is_not_called_at_24_00_05),
        cmocka_unit_test(only_an_approved_template_passes_a_closed_window),
        cmocka_unit_test(nothing_leaves_without_an_account_or_an_address),
        cmocka_unit_test(an_answer_ignores_opt_out_quiet_hours_and_cap),
        cmocka_unit_test(what_was_written_before_an_opt_out_never_leaves_but_for_its_confirmation),
        cmocka_unit_test(what_the_business_starts_needs_consent),
        cmocka_unit_test(one_proactive_message_a_day_and_none_in_quiet_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
