#include "settle_rules.h"

#include "base/test.h"
#include "base/text.h"

#define SENT     PB__SEND_OUTCOME__SEND_OUTCOME_SENT
#define NOT_SENT PB__SEND_OUTCOME__SEND_OUTCOME_NOT_SENT
#define FAILED   PB__SEND_OUTCOME__SEND_OUTCOME_FAILED
#define UNKNOWN  PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN

static void the_owner_settles_by_this_table(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        const char *after[4]; /* sent, not_sent, failed, unknown; NULL: it stays */
    } table[] = {
        { "queued", { "sent", NULL, NULL, NULL } },
        { "sending", { "sent", "queued", "failed", "unknown" } },
        { "unknown", { "sent", "queued", "failed", NULL } },
        { "sent", { NULL, NULL, NULL, NULL } },
        { "failed", { NULL, NULL, NULL, NULL } },
        { "delivered", { NULL, NULL, NULL, NULL } },
        { "read", { NULL, NULL, NULL, NULL } },
        { "held", { "sent", NULL, NULL, NULL } },
        { "cancelled", { NULL, NULL, NULL, NULL } },
        { "withdrawn", { NULL, NULL, NULL, NULL } },
    };
    static const Pb__SendOutcome outcomes[] = { SENT, NOT_SENT, FAILED, UNKNOWN };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t o = 0; o < 4; o++) {
            struct settle_facts facts = { table[i].status, "mine", "mine", outcomes[o],
                                          PB__SEND_CLASS__SEND_CLASS_AUTH };
            struct settle_verdict verdict = settle_judge(&facts);
            assert_false(verdict.stale);
            if (!text_same(verdict.status, table[i].after[o]))
                fail_msg("%s, outcome %zu: %s", table[i].status, o, text_or(verdict.status, "stays"));
        }
}

static void nobody_else_settles_anything(void **state)
{
    (void)state;
    static const char *const statuses[] = { "queued", "sending", "unknown", "sent", "held" };
    static const Pb__SendOutcome outcomes[] = { SENT, NOT_SENT, FAILED, UNKNOWN };
    for (size_t i = 0; i < 5; i++)
        for (size_t o = 0; o < 4; o++) {
            struct settle_facts facts = { statuses[i], "other", "mine", outcomes[o], PB__SEND_CLASS__SEND_CLASS_AUTH };
            struct settle_verdict verdict = settle_judge(&facts);
            assert_true(verdict.stale);
            assert_null(verdict.status);
        }
    struct settle_facts unclaimed = { "queued", NULL, "mine", SENT, PB__SEND_CLASS__SEND_CLASS_AUTH };
    assert_true(settle_judge(&unclaimed).stale);
}

static void a_receipt_that_was_faster_has_the_last_word(void **state)
{
    (void)state;
    static const char *const statuses[] = { "sent", "failed", "delivered", "read" };
    for (size_t i = 0; i < 4; i++) {
        struct settle_facts facts = { statuses[i], NULL, "mine", SENT, PB__SEND_CLASS__SEND_CLASS_UNSPECIFIED };
        struct settle_verdict verdict = settle_judge(&facts);
        assert_false(verdict.stale);
        assert_null(verdict.status);
    }
}

static void a_closed_window_holds_and_every_other_class_fails(void **state)
{
    (void)state;
    for (int class = PB__SEND_CLASS__SEND_CLASS_RETRY; class <= PB__SEND_CLASS__SEND_CLASS_PERMANENT; class ++) {
        struct settle_facts facts = { "sending", "mine", "mine", FAILED, (Pb__SendClass) class };
        assert_string_equal(settle_judge(&facts).status,
                            class == PB__SEND_CLASS__SEND_CLASS_WINDOW ? "held" : "failed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_settles_by_this_table),
        cmocka_unit_test(nobody_else_settles_anything),
        cmocka_unit_test(a_receipt_that_was_faster_has_the_last_word),
        cmocka_unit_test(a_closed_window_holds_and_every_other_class_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
