#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "wire/pb.h"
#include "wire/pbrow.h"

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

static void a_row_fills_the_fields_that_have_its_columns_names(void **state)
{
    static const char *const names[] = { "id",        "stranger", "priority",   "attributes",  "preferred_channel",
                                         "opted_out", "version",  "created_at", "contact_name" };
    static const char *const cells[] = {
        "018f", "x", "-7", "{\"a\": 1}", "whatsapp_cloud", "t", "9223372036854775807", "2026-11-20 09:38:00.123456+00",
        "বাংলা"
    };
    struct rows rows = { .count = 1, .columns = 9, .names = names, .cells = cells };
    const Pb__Lead *lead = pbrow_read(*state, &pb__lead__descriptor, &rows, 0);
    assert_string_equal(lead->id, "018f");
    assert_true(lead->has_priority && lead->priority == -7);
    assert_string_equal(lead->attributes->text, "{\"a\": 1}");
    assert_true(lead->has_preferred_channel && lead->preferred_channel == PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    assert_true(lead->has_opted_out && lead->opted_out);
    assert_true(lead->has_version && lead->version == INT64_MAX);
    assert_true(lead->has_created_at && lead->created_at == 1795167480123);
    assert_string_equal(lead->contact_name, "বাংলা");
    assert_false(lead->has_updated_at);
    assert_int_equal(lead->n_contacts, 0);
}

static void null_and_unknown_words_leave_a_field_absent(void **state)
{
    static const char *const names[] = {
        "id", "priority", "attributes", "preferred_channel", "opted_out", "created_at"
    };
    static const char *const cells[] = { NULL, NULL,         NULL, NULL,  NULL, NULL,
                                         "a",  "2147483648", "[]", "fax", "f",  "infinity" };
    struct rows rows = { .count = 2, .columns = 6, .names = names, .cells = cells };
    void **leads;
    assert_int_equal(pbrow_read_all(*state, &pb__lead__descriptor, &rows, &leads), 2);
    const Pb__Lead *first = leads[0], *second = leads[1];
    assert_null(first->id);
    assert_null(first->attributes);
    assert_false(first->has_priority || first->has_preferred_channel || first->has_opted_out || first->has_created_at);
    assert_string_equal(second->id, "a");
    assert_false(second->has_priority || second->has_preferred_channel);
    assert_true(second->has_opted_out && !second->opted_out);
}

static void an_array_of_text_fills_a_repeated_field(void **state)
{
    static const char *const names[] = { "scopes" };
    static const char *const cells[] = { "{read,\"a,b\"}", "{}", NULL };
    struct rows rows = { .count = 3, .columns = 1, .names = names, .cells = cells };
    void **keys;
    assert_int_equal(pbrow_read_all(*state, &pb__api_key__descriptor, &rows, &keys), 3);
    const Pb__ApiKey *key = keys[0];
    assert_int_equal(key->n_scopes, 2);
    assert_string_equal(key->scopes[0], "read");
    assert_string_equal(key->scopes[1], "a,b");
    assert_int_equal(((const Pb__ApiKey *)keys[1])->n_scopes, 0);
    assert_int_equal(((const Pb__ApiKey *)keys[2])->n_scopes, 0);
}

static const char *column(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *field,
                          const void *const *messages, size_t count)
{
    struct params *params = params_new(arena);
    pbrow_column(params, type, field, messages, count);
    return params->values[0];
}

static void a_field_of_many_messages_is_one_array(void **state)
{
    Pb__Lead *full = PB_NEW(*state, lead), *empty = PB_NEW(*state, lead), *blank = PB_NEW(*state, lead);
    const void *const leads[] = { full, empty, blank };
    full->id = "018f";
    full->contact_name = "a\"b";
    full->attributes = pb_json(*state, "{\"a\":1}");
    PB_SET(full, priority, -3);
    PB_SET(full, version, INT64_MIN);
    PB_SET(full, opted_out, true);
    PB_SET(full, preferred_channel, PB__CHANNEL__CHANNEL_SMS);
    PB_SET(full, created_at, 1795167480123);
    blank->id = blank->stage_id = blank->contact_name = "";
    PB_SET(blank, preferred_channel, PB__CHANNEL__CHANNEL_UNSPECIFIED);
    PB_SET(blank, priority, 0);
    static const char *const wanted[][2] = {
        { "id", "{\"018f\",NULL,NULL}" },
        { "stage_id", "{NULL,NULL,NULL}" },
        { "contact_name", "{\"a\\\"b\",NULL,\"\"}" },
        { "attributes", "{\"{\\\"a\\\":1}\",NULL,NULL}" },
        { "priority", "{\"-3\",NULL,\"0\"}" },
        { "version", "{\"-9223372036854775808\",NULL,NULL}" },
        { "opted_out", "{\"t\",NULL,NULL}" },
        { "preferred_channel", "{\"sms\",NULL,NULL}" },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(column(*state, &pb__lead__descriptor, wanted[i][0], leads, 3), wanted[i][1]);
    assert_string_equal(column(*state, &pb__lead__descriptor, "id", NULL, 0), "{}");
}

static void moments_of_many_messages_are_one_array_in_binary(void **state)
{
    Pb__Lead *first = PB_NEW(*state, lead), *none = PB_NEW(*state, lead);
    const void *const leads[] = { first, none };
    PB_SET(first, created_at, 946684800001);
    struct params *params = params_new(*state);
    pbrow_column(params, &pb__lead__descriptor, "created_at", leads, 2);
    static const unsigned char wanted[] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 4, 160, 0, 0,   0,   2,   0,   0,
                                            0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0,   3, 232, 255, 255, 255, 255 };
    assert_int_equal(params->formats[0], 1);
    assert_int_equal(params->lengths[0], sizeof wanted);
    assert_memory_equal(params->values[0], wanted, sizeof wanted);
}

static void repeated_texts_become_arrays_as_text(void **state)
{
    static char *scopes[] = { "read", "a,b" };
    Pb__ApiKey *key = PB_NEW(*state, api_key), *none = PB_NEW(*state, api_key);
    const void *const keys[] = { key, none };
    key->scopes = scopes;
    key->n_scopes = 2;
    assert_string_equal(column(*state, &pb__api_key__descriptor, "scopes", keys, 2),
                        "{\"{\\\"read\\\",\\\"a,b\\\"}\",\"{}\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_fills_the_fields_that_have_its_columns_names),
        TEST(null_and_unknown_words_leave_a_field_absent),
        TEST(an_array_of_text_fills_a_repeated_field),
        TEST(a_field_of_many_messages_is_one_array),
        TEST(moments_of_many_messages_are_one_array_in_binary),
        TEST(repeated_texts_become_arrays_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
