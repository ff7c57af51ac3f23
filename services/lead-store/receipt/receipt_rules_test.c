#include "receipt_rules.h"

#include "base/moment.h"
#include "base/test.h"

static void a_receipt_raises_what_is_below_it_and_nothing_else(void **state)
{
    (void)state;
    static const char *const order[] = { "queued", "sending", "unknown", "sent", "failed", "delivered", "read" };
    for (size_t has = 0; has < 7; has++)
        for (size_t gets = 3; gets < 7; gets++)
            assert_int_equal(receipt_raises(order[has], order[gets]), gets > has);
}

static void a_receipt_proves_that_even_an_ended_message_left(void **state)
{
    (void)state;
    assert_true(receipt_raises("held", "sent"));
    assert_true(receipt_raises("cancelled", "failed"));
    assert_true(receipt_raises("withdrawn", "delivered"));
}

static Pb__Receipt good(void)
{
    Pb__Receipt receipt = PB__RECEIPT__INIT;
    PB_SET(&receipt, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    PB_SET(&receipt, status, PB__RECEIPT_STATUS__RECEIPT_STATUS_SENT);
    receipt.account = (char *)"1";
    receipt.external_id = (char *)"wamid.1";
    return receipt;
}

static void a_receipt_needs_a_status_a_channel_an_account_and_an_id(void **state)
{
    (void)state;
    Pb__Receipt receipt = good();
    assert_null(receipt_wrong(&receipt));
    receipt.status = PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED;
    assert_non_null(receipt_wrong(&receipt));
    receipt = good();
    receipt.channel = (Pb__Channel)77;
    assert_non_null(receipt_wrong(&receipt));
    receipt = good();
    receipt.account = (char *)"";
    assert_non_null(receipt_wrong(&receipt));
    receipt = good();
    receipt.external_id = NULL;
    assert_non_null(receipt_wrong(&receipt));
    receipt.message_id = (char *)"ours";
    assert_null(receipt_wrong(&receipt));
}

static void a_receipts_time_is_within_what_can_be_stored(void **state)
{
    (void)state;
    Pb__Receipt receipt = good();
    PB_SET(&receipt, provider_at, MOMENT_MAX);
    assert_null(receipt_wrong(&receipt));
    receipt.provider_at = MOMENT_MAX + 1;
    assert_non_null(receipt_wrong(&receipt));
    receipt.provider_at = -1;
    assert_non_null(receipt_wrong(&receipt));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_raises_what_is_below_it_and_nothing_else),
        cmocka_unit_test(a_receipt_proves_that_even_an_ended_message_left),
        cmocka_unit_test(a_receipt_needs_a_status_a_channel_an_account_and_an_id),
        cmocka_unit_test(a_receipts_time_is_within_what_can_be_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
