#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "stream/filter.h"

#define LEAD "0190a000-0000-7000-8000-00000000000a"

static enum status read_types(const char *types, struct filter *out)
{
    Pb__EventStreamRequest request = PB__EVENT_STREAM_REQUEST__INIT;
    struct error error = { 0 };
    request.type = (char *)types;
    return filter_read(&request, out, &error);
}

static void nothing_given_wants_everything(void **state)
{
    struct filter filter;
    (void)state;
    assert_int_equal(read_types(NULL, &filter), OK);
    assert_true(filter_wants(&filter, NULL, "message.received"));
    assert_true(filter_wants(&filter, LEAD, "lead.created"));
}

static void types_are_wanted_by_name_or_by_their_start(void **state)
{
    struct filter filter;
    (void)state;
    assert_int_equal(read_types("message.*,lead.opted_out", &filter), OK);
    assert_true(filter_wants(&filter, NULL, "message.failed"));
    assert_true(filter_wants(&filter, NULL, "lead.opted_out"));
    assert_false(filter_wants(&filter, NULL, "lead.opted_in"));
    assert_false(filter_wants(&filter, NULL, "turn.committed"));
    assert_int_equal(read_types("*", &filter), OK);
    assert_true(filter_wants(&filter, NULL, "turn.committed"));
}

static void a_type_that_no_event_has_is_refused(void **state)
{
    static const char *const bad[] = { "message.eaten",
                                       "message.*,pigeon.*",
                                       "message",
                                       ",",
                                       "message.received,,",
                                       "message.received.and.so.on.until.it.is.longer.than.any" };
    struct filter filter;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_types(bad[i], &filter), REJECT);
}

static void sixteen_types_are_taken_and_no_more(void **state)
{
    char types[1024] = "message.*";
    size_t bytes = strlen(types);
    struct filter filter;
    (void)state;
    for (int i = 1; i < FILTER_TYPES_MAX; i++)
        bytes += (size_t)snprintf(types + bytes, sizeof types - bytes, ",message.*");
    assert_int_equal(read_types(types, &filter), OK);
    snprintf(types + bytes, sizeof types - bytes, ",message.*");
    assert_int_equal(read_types(types, &filter), REJECT);
}

static void of_one_lead_only_what_is_about_it_in_either_case(void **state)
{
    Pb__EventStreamRequest request = PB__EVENT_STREAM_REQUEST__INIT;
    struct filter filter;
    (void)state;
    request.lead_id = "0190A000-0000-7000-8000-00000000000A";
    assert_int_equal(filter_read(&request, &filter, NULL), OK);
    assert_true(filter_wants(&filter, LEAD, "lead.created"));
    assert_false(filter_wants(&filter, "0190a000-0000-7000-8000-00000000000b", "lead.created"));
    assert_false(filter_wants(&filter, NULL, "job.replayed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_wants_everything),
        cmocka_unit_test(types_are_wanted_by_name_or_by_their_start),
        cmocka_unit_test(a_type_that_no_event_has_is_refused),
        cmocka_unit_test(sixteen_types_are_taken_and_no_more),
        cmocka_unit_test(of_one_lead_only_what_is_about_it_in_either_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
