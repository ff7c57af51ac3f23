#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

/* The same numbers on every run (xorshift). */
static unsigned random_below(unsigned limit)
{
    static uint32_t state = 2463534242;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

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

static enum status read_as(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *text, void *out,
                           struct error *error)
{
    return pbjson_read(arena, type, text, strlen(text), out, error);
}

static const char *written(struct arena *arena, const void *message)
{
    struct buffer out = { .arena = arena };
    pbjson_write(&out, message);
    return buffer_text(&out);
}

/* What is written after reading. */
static const char *reread(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *text)
{
    struct error error = { 0 };
    ProtobufCMessage *message;
    if (read_as(arena, type, text, &message, &error) != OK)
        fail_msg("%s: %s", text, error.text);
    return written(arena, message);
}

static void a_message_of_every_kind_of_field_is_written_as_it_was_read(void **state)
{
    const char *lead =
        "{\"id\":\"018f\",\"stage\":\"নতুন \\\"১\\\"\",\"attributes\":{\"n\":12345678901234567890,\"x\":1.10,\"list\":[null,{}]},\"priority\":-5,"
        "\"preferred_channel\":\"whatsapp_cloud\",\"opted_out\":false,\"version\":9223372036854775807,"
        "\"created_at\":\"2026-11-20T09:38:00.123Z\",\"contacts\":[{\"id\":\"c\",\"channel\":\"in_app\"},{}],\"conversations\":[]}";
    assert_string_equal(reread(*state, &pb__lead__descriptor, lead), lead);
    const char *call = "{\"body\":\"Zm9vYg==\"}";
    assert_string_equal(reread(*state, &pb__call__descriptor, call), call);
    const char *passage = "{\"score\":0.1}";
    assert_string_equal(reread(*state, &pb__passage__descriptor, passage), passage);
    assert_string_equal(reread(*state, &pb__job_replay_reply__descriptor, "{\"job_ids\":[\"a\",\"\"]}"),
                        "{\"job_ids\":[\"a\",\"\"],\"jobs\":[]}");
}

static void absent_and_null_members_are_left_out(void **state)
{
    assert_string_equal(reread(*state, &pb__lead_patch_request__descriptor, " { } "), "{}");
    assert_string_equal(
        reread(*state, &pb__lead_patch_request__descriptor, "{\"id\":null,\"attributes\":null,\"priority\":null}"),
        "{}");
    assert_string_equal(reread(*state, &pb__lead_list__descriptor, "{\"items\":null}"), "{\"items\":[]}");
}

static void presence_is_told_from_zero(void **state)
{
    Pb__LeadPatchRequest *patch;
    assert_int_equal(
        read_as(*state, &pb__lead_patch_request__descriptor, "{\"priority\":0,\"contact_name\":\"\"}", &patch, NULL),
        OK);
    assert_true(patch->has_priority);
    assert_false(patch->has_if_version);
    assert_string_equal(patch->contact_name, "");
    assert_null(patch->stage_id);
}

static void free_form_members_keep_every_digit_and_every_member(void **state)
{
    Pb__LeadPatchRequest *patch;
    const char *text =
        "{\"attributes\": {\"big\": 123456789012345678901, \"cents\": 10.00, \"gone\": null, \"ü\": \"\\u00e9\\n\"}}";
    assert_int_equal(read_as(*state, &pb__lead_patch_request__descriptor, text, &patch, NULL), OK);
    assert_string_equal(patch->attributes->text,
                        "{\"big\":123456789012345678901,\"cents\":10.00,\"gone\":null,\"ü\":\"é\\n\"}");
    assert_int_equal(read_as(*state, &pb__lead_patch_request__descriptor, "{\"attributes\":[1]}", &patch, NULL), OK);
    assert_string_equal(patch->attributes->text, "[1]");
}

struct refusal {
    const ProtobufCMessageDescriptor *type;
    const char *text, *code, *named;
};

static void what_does_not_fit_is_refused_by_name(void **state)
{
    static const struct refusal refusals[] = {
        { &pb__lead__descriptor, "{\"nobody\":1}", "unknown_field", "'nobody'" },
        { &pb__lead__descriptor, "{\"Id\":\"x\"}", "unknown_field", "'Id'" },
        { &pb__lead__descriptor, "{\"contacts\":[{},{\"nobody\":1}]}", "unknown_field", "'contacts[1].nobody'" },
        { &pb__operator_message_request__descriptor, "{\"media\":{\"link\":5}}", "wrong_type", "'media.link'" },
        { &pb__lead__descriptor, "{\"id\":5}", "wrong_type", "'id'" },
        { &pb__lead__descriptor, "{\"priority\":\"5\"}", "wrong_type", "'priority'" },
        { &pb__lead__descriptor, "{\"opted_out\":1}", "wrong_type", "'opted_out'" },
        { &pb__lead__descriptor, "{\"contacts\":{}}", "wrong_type", "'contacts'" },
        { &pb__lead__descriptor, "{\"contacts\":[null]}", "wrong_type", "'contacts[0]'" },
        { &pb__lead__descriptor, "{\"created_at\":1795167480123}", "wrong_type", "'created_at'" },
        { &pb__gate_verdict__descriptor, "{\"at\":1795167480123}", "wrong_type", "'at'" },
        { &pb__lead__descriptor, "{\"created_at\":\"yesterday\"}", "bad_value", "'created_at'" },
        { &pb__lead__descriptor, "{\"priority\":1.5}", "bad_value", "'priority'" },
        { &pb__lead__descriptor, "{\"priority\":2147483648}", "bad_value", "'priority'" },
        { &pb__lead__descriptor, "{\"priority\":-2147483649}", "bad_value", "'priority'" },
        { &pb__lead__descriptor, "{\"version\":9223372036854775808}", "bad_value", "'version'" },
        { &pb__lead__descriptor, "{\"version\":1e300}", "bad_value", "'version'" },
        { &pb__inbound_message__descriptor, "{\"sequence\":-1}", "bad_value", "'sequence'" },
        { &pb__passage__descriptor, "{\"score\":1e999}", "bad_value", "'score'" },
        { &pb__passage__descriptor, "{\"score\":\"1\"}", "wrong_type", "'score'" },
        { &pb__lead__descriptor, "{\"preferred_channel\":\"WHATSAPP_CLOUD\"}", "bad_value", "whatsapp_cloud" },
        { &pb__lead__descriptor, "{\"preferred_channel\":\"unspecified\"}", "bad_value", "'preferred_channel'" },
        { &pb__call__descriptor, "{\"body\":\"Zg\"}", "bad_value", "'body'" },
        { &pb__lead__descriptor, "[]", "wrong_type", "object" },
        { &pb__lead__descriptor, "{\"id\":\"a\",\"id\":\"b\"}", "malformed_json", "id" },
        { &pb__lead__descriptor, "{\"id\":\"a\\u0000b\"}", "malformed_json", "" },
        { &pb__lead__descriptor, "{\"id\":\"\xc3\x28\"}", "malformed_json", "" },
        { &pb__lead__descriptor, "{\"id\":\"a\"} x", "malformed_json", "" },
        { &pb__lead__descriptor, "", "malformed_json", "" },
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct error error = { 0 };
        ProtobufCMessage *message;
        assert_int_equal(read_as(*state, refusals[i].type, refusals[i].text, &message, &error), REJECT);
        assert_string_equal(error.code, refusals[i].code);
        if (!strstr(error.text, refusals[i].named))
            fail_msg("%s: %s", refusals[i].text, error.text);
    }
}

static void whole_numbers_are_taken_to_their_limits(void **state)
{
    static const char *const texts[][2] = {
        { "{\"priority\":2147483647}", "{\"priority\":2147483647,\"contacts\":[],\"conversations\":[]}" },
        { "{\"priority\":-2147483648}", "{\"priority\":-2147483648,\"contacts\":[],\"conversations\":[]}" },
        { "{\"version\":-9223372036854775808}",
          "{\"version\":-9223372036854775808,\"contacts\":[],\"conversations\":[]}" },
        { "{\"version\":1e3}", "{\"version\":1000,\"contacts\":[],\"conversations\":[]}" },
        { "{\"version\":9007199254740993}", "{\"version\":9007199254740993,\"contacts\":[],\"conversations\":[]}" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(reread(*state, &pb__lead__descriptor, texts[i][0]), texts[i][1]);
    Pb__InboundMessage *message = PB_NEW(*state, inbound_message);
    PB_SET(message, sequence, UINT64_MAX);
    assert_string_equal(written(*state, message), "{\"identities\":[],\"sequence\":18446744073709551615}");
}

static void json_longer_than_its_limit_is_refused(void **state)
{
    struct error error = { 0 };
    ProtobufCMessage *message;
    char *text = malloc(JSON_BYTES_MAX + 1);
    memset(text, ' ', JSON_BYTES_MAX + 1);
    text[0] = '{';
    text[1] = '}';
    assert_int_equal(pbjson_read(*state, &pb__lead__descriptor, text, JSON_BYTES_MAX, &message, &error), OK);
    assert_int_equal(pbjson_read(*state, &pb__lead__descriptor, text, JSON_BYTES_MAX + 1, &message, &error), REJECT);
    assert_string_equal(error.code, "too_long");
    free(text);
}

static void a_query_parameter_sets_its_field(void **state)
{
    ProtobufCMessage *list = pb_new(*state, &pb__job_list_request__descriptor);
    assert_int_equal(pbjson_set(*state, list, "status", "dlq", NULL), OK);
    assert_int_equal(pbjson_set(*state, list, "limit", "200", NULL), OK);
    assert_int_equal(pbjson_set(*state, list, "task", "ai.engage \"ü\"", NULL), OK);
    assert_string_equal(written(*state, list), "{\"status\":\"dlq\",\"task\":\"ai.engage \\\"ü\\\"\",\"limit\":200}");
    ProtobufCMessage *key = pb_new(*state, &pb__api_key__descriptor);
    assert_int_equal(pbjson_set(*state, key, "scopes", "read", NULL), OK);
    assert_int_equal(pbjson_set(*state, key, "scopes", "write", NULL), OK);
    assert_int_equal(pbjson_set(*state, key, "every_company", "true", NULL), OK);
    assert_int_equal(pbjson_set(*state, key, "expires_at", "2026-11-20T15:08:00+05:30", NULL), OK);
    assert_string_equal(
        written(*state, key),
        "{\"scopes\":[\"read\",\"write\"],\"every_company\":true,\"expires_at\":\"2026-11-20T09:38:00.000Z\"}");
}

static void a_bad_query_parameter_is_refused_and_sets_nothing(void **state)
{
    static const char *const wrong[][3] = {
        { "limit", "", "bad_value" },      { "limit", "12x", "bad_value" },      { "limit", "2147483648", "bad_value" },
        { "limit", "true", "wrong_type" }, { "status", "nowhere", "bad_value" }, { "nobody", "1", "unknown_field" },
        { "task", "\xff", "bad_value" },
    };
    ProtobufCMessage *list = pb_new(*state, &pb__job_list_request__descriptor);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = { 0 };
        assert_int_equal(pbjson_set(*state, list, wrong[i][0], wrong[i][1], &error), REJECT);
        assert_string_equal(error.code, wrong[i][2]);
    }
    assert_string_equal(written(*state, list), "{}");
}

static void enums_are_words_without_their_prefix(void **state)
{
    (void)state;
    int value = 99;
    assert_string_equal(pbjson_enum_word(&pb__channel__descriptor, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD),
                        "whatsapp_cloud");
    assert_string_equal(pbjson_enum_word(&pb__job_status__descriptor, PB__JOB_STATUS__JOB_STATUS_DLQ), "dlq");
    assert_string_equal(pbjson_enum_word(&pb__status__descriptor, PB__STATUS__STATUS_OK), "ok");
    assert_null(pbjson_enum_word(&pb__channel__descriptor, PB__CHANNEL__CHANNEL_UNSPECIFIED));
    assert_null(pbjson_enum_word(&pb__channel__descriptor, 1000));
    assert_true(pbjson_enum_value(&pb__send_class__descriptor, "throttle_pair", &value));
    assert_int_equal(value, PB__SEND_CLASS__SEND_CLASS_THROTTLE_PAIR);
    assert_false(pbjson_enum_value(&pb__channel__descriptor, "fax", &value));
    assert_int_equal(value, 0);
    assert_false(pbjson_enum_value(&pb__channel__descriptor, NULL, &value));
}

static void an_enum_without_a_word_is_left_out(void **state)
{
    Pb__JobCreated *created = PB_NEW(*state, job_created);
    PB_SET(created, status, PB__JOB_STATUS__JOB_STATUS_UNSPECIFIED);
    assert_string_equal(written(*state, created), "{}");
    PB_SET(created, status, (Pb__JobStatus)77);
    assert_string_equal(written(*state, created), "{}");
}

static const ProtobufCMessageDescriptor *const types[] = { &pb__lead__descriptor, &pb__turn_context__descriptor,
                                                           &pb__job_finish__descriptor,
                                                           &pb__operator_message_request__descriptor,
                                                           &pb__call_batch__descriptor };

/* Reads whatever it is; what can be read must stay itself when it is written and read again. */
static bool read_twice(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *text, size_t bytes)
{
    struct error error = { 0 };
    ProtobufCMessage *message;
    char *exact = malloc(bytes ? bytes : 1); /* so that a read past the end is seen */
    memcpy(exact, text, bytes);
    enum status status = pbjson_read(arena, type, exact, bytes, &message, &error);
    free(exact);
    if (status != OK) {
        assert_int_equal(status, REJECT);
        assert_true(error.code[0] && error.text[0]);
        return false;
    }
    const char *first = written(arena, message);
    assert_string_equal(reread(arena, type, first), first);
    return true;
}

static void truncated_and_flipped_texts_are_refused_or_stay_themselves(void **state)
{
    static const char seed[] =
        "{\"id\":\"a\\u00e9\\n\",\"attributes\":{\"n\":[1.50,-2e3,{\"x\":null}]},\"priority\":-5,\"opted_out\":true,\"preferred_channel\":"
        "\"sms\",\"created_at\":\"2026-11-20T09:38:00.123Z\",\"contacts\":[{\"id\":\"c\"},{}]}";
    size_t kept = 0;
    for (size_t i = 0; i < sizeof seed - 1; i++) {
        arena_reset(*state);
        char copy[sizeof seed];
        memcpy(copy, seed, sizeof seed);
        assert_false(read_twice(*state, &pb__lead__descriptor, copy, i));
        for (int bit = 0; bit < 8; bit++) {
            copy[i] = (char)(seed[i] ^ (1 << bit));
            kept += read_twice(*state, &pb__lead__descriptor, copy, sizeof seed - 1);
        }
    }
    assert_true(kept > 20);
}

static void noise_is_never_a_crash(void **state)
{
    static const char *const pieces[] = { "{",
                                          "}",
                                          "[",
                                          "]",
                                          ":",
                                          ",",
                                          "\"",
                                          "\"id\":",
                                          "\"contacts\":[",
                                          "\"attributes\":",
                                          "\"priority\":",
                                          "null",
                                          "true",
                                          "1e9",
                                          "-0",
                                          "12.5",
                                          "\\u",
                                          "\\\"",
                                          "\"created_at\":\"2026-",
                                          "\xf0\x9f\x98\x80",
                                          "\xff",
                                          "\"owed\":[{",
                                          "\"media\":{",
                                          "\"calls\":[{\"body\":\"Zg==\"}]" };
    for (int round = 0; round < 20000; round++) {
        arena_reset(*state);
        char text[256];
        size_t bytes = 0;
        for (unsigned count = random_below(10) + 1; count > 0; count--) {
            const char *piece = pieces[random_below(sizeof pieces / sizeof *pieces)];
            memcpy(text + bytes, piece, strlen(piece));
            bytes += strlen(piece);
        }
        read_twice(*state, types[(size_t)round % (sizeof types / sizeof *types)], text, bytes);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_of_every_kind_of_field_is_written_as_it_was_read),
        TEST(absent_and_null_members_are_left_out),
        TEST(presence_is_told_from_zero),
        TEST(free_form_members_keep_every_digit_and_every_member),
        TEST(what_does_not_fit_is_refused_by_name),
        TEST(whole_numbers_are_taken_to_their_limits),
        TEST(json_longer_than_its_limit_is_refused),
        TEST(a_query_parameter_sets_its_field),
        TEST(a_bad_query_parameter_is_refused_and_sets_nothing),
        TEST(enums_are_words_without_their_prefix),
        TEST(an_enum_without_a_word_is_left_out),
        TEST(truncated_and_flipped_texts_are_refused_or_stay_themselves),
        TEST(noise_is_never_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
