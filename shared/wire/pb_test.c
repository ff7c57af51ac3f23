#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/pb.h"

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

static Pb__TurnCommitRequest *commit_request(struct arena *arena)
{
    Pb__TurnCommitRequest *request = PB_NEW(arena, turn_commit_request);
    static char *ids[] = { "a", "", "ক" };
    request->text = arena_text(arena, "ধন্যবাদ");
    request->prompt = pb_json(arena, "{\"a\":[1,2.50]}");
    request->document_ids = ids;
    request->n_document_ids = 3;
    PB_SET(request, covered_position, INT64_MIN);
    PB_SET(request, latency_ms, 0);
    return request;
}

static void what_was_packed_is_unpacked(void **state)
{
    struct arena *arena = *state;
    ProtobufCBinaryData bytes;
    void *back;
    pb_pack(arena, commit_request(arena), &bytes);
    assert_int_equal(pb_unpack(arena, &pb__turn_commit_request__descriptor, bytes.data, bytes.len, &back, NULL), OK);
    const Pb__TurnCommitRequest *request = back;
    assert_string_equal(request->text, "ধন্যবাদ");
    assert_string_equal(pb_json_text(request->prompt), "{\"a\":[1,2.50]}");
    assert_int_equal(request->n_document_ids, 3);
    assert_string_equal(request->document_ids[1], "");
    assert_string_equal(request->document_ids[2], "ক");
    assert_true(request->has_covered_position && request->covered_position == INT64_MIN);
    assert_true(request->has_latency_ms && request->latency_ms == 0);
    assert_false(request->has_prompt_tokens);
    assert_null(request->claim);
}

static void no_bytes_are_an_empty_message(void **state)
{
    void *back;
    assert_int_equal(pb_unpack(*state, &pb__lead__descriptor, NULL, 0, &back, NULL), OK);
    assert_null(((const Pb__Lead *)back)->id);
    ProtobufCBinaryData bytes;
    pb_pack(*state, back, &bytes);
    assert_int_equal(bytes.len, 0);
}

static enum status unpack_text(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *bytes,
                               size_t count, struct error *error)
{
    void *back;
    char *exact = malloc(count ? count : 1); /* so that a read past the end is seen */
    memcpy(exact, bytes, count);
    enum status status = pb_unpack(arena, type, exact, count, &back, error);
    free(exact);
    return status;
}

static void text_with_nul_or_bad_utf8_is_refused_at_every_depth(void **state)
{
    struct error error = { 0 };
    const ProtobufCMessageDescriptor *lead = &pb__lead__descriptor, *list = &pb__lead_list__descriptor;
    assert_int_equal(unpack_text(*state, lead,
                                 "\x0a\x03"
                                 "abc",
                                 5, NULL),
                     OK);
    assert_int_equal(unpack_text(*state, lead,
                                 "\x0a\x03"
                                 "a\0c",
                                 5, &error),
                     REJECT);
    assert_non_null(strstr(error.text, "id"));
    assert_int_equal(unpack_text(*state, lead, "\x0a\x02\xc3\x28", 4, NULL), REJECT);
    assert_int_equal(unpack_text(*state, list,
                                 "\x0a\x05\x0a\x03"
                                 "a\0c",
                                 7, NULL),
                     REJECT);
    assert_int_equal(unpack_text(*state, list, "\x0a\x04\x0a\x02\xc3\x28", 6, NULL), REJECT);
    assert_int_equal(unpack_text(*state, lead, "\x42\x04\x0a\x02\xc3\x28", 6, NULL), REJECT);
}

static void bytes_that_are_no_message_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
    } wrong[] = {
        { "\x0a", 1 },                                          /* a tag without its length */
        { "\x0a\x05", 2 },                                      /* more announced than there is */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, /* 2^64 - 1 bytes announced */
        { "\x48", 1 },                                          /* a number without its digits */
        { "\x48\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 12 },
        { "\x0b", 1 },     /* a group */
        { "\x0f", 1 },     /* no wire type */
        { "\x08\x01", 2 }, /* a number where a text belongs */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error error = { 0 };
        assert_int_equal(unpack_text(*state, &pb__lead__descriptor, wrong[i].bytes, wrong[i].count, &error), REJECT);
        assert_string_equal(error.code, "malformed_message");
    }
}

static void fields_of_a_newer_process_are_kept(void **state)
{
    void *back;
    const char *newer = "\xa2\x06\x02hi";
    assert_int_equal(pb_unpack(*state, &pb__lead__descriptor, newer, 5, &back, NULL), OK);
    ProtobufCBinaryData bytes;
    pb_pack(*state, back, &bytes);
    assert_int_equal(bytes.len, 5);
    assert_memory_equal(bytes.data, newer, 5);
}

static void few_bytes_cannot_ask_for_much_memory(void **state)
{
    struct arena *arena = *state;
    size_t count = BUS_PAYLOAD_BYTES_MAX;
    char *bytes = calloc(1, count + 2);
    for (size_t i = 0; i < count; i += 2)
        bytes[i] = '\x0a'; /* an empty lead, two million times */
    assert_int_equal(unpack_text(arena, &pb__lead_list__descriptor, bytes, count, NULL), REJECT);
    assert_true(arena_used(arena) < (size_t)10 * BUS_PAYLOAD_BYTES_MAX);
    assert_int_equal(unpack_text(arena, &pb__lead_list__descriptor, bytes, 2000, NULL), OK);
    assert_int_equal(unpack_text(arena, &pb__lead_list__descriptor, bytes, count + 2, NULL), REJECT);
    free(bytes);
}

/* A type that holds itself, which none of ours does. */
static void nesting_is_refused_past_sixteen(void **state)
{
    ProtobufCMessageDescriptor type = pb__lead_list__descriptor;
    ProtobufCFieldDescriptor fields[2] = { type.fields[0], type.fields[1] };
    fields[0].descriptor = &type;
    type.fields = fields;
    type.message_init = NULL;
    char bytes[64];
    size_t count = 0;
    for (int depth = 2; depth <= 17; depth++, count += 2) {
        assert_int_equal(unpack_text(*state, &type, bytes, count, NULL), OK);
        memmove(bytes + 2, bytes, count);
        bytes[0] = '\x0a';
        bytes[1] = (char)count;
    }
    assert_int_equal(unpack_text(*state, &type, bytes, count, NULL), REJECT);
}

static void any_truncated_or_flipped_payload_is_no_crash(void **state)
{
    struct arena *arena = *state;
    ProtobufCBinaryData bytes;
    pb_pack(arena, commit_request(arena), &bytes);
    char *copy = malloc(bytes.len);
    for (size_t i = 0; i < bytes.len; i++) {
        memcpy(copy, bytes.data, bytes.len);
        unpack_text(arena, &pb__turn_commit_request__descriptor, copy, i, NULL);
        for (int bit = 0; bit < 8; bit++) {
            copy[i] = (char)(bytes.data[i] ^ (1 << bit));
            unpack_text(arena, &pb__turn_commit_request__descriptor, copy, bytes.len, NULL);
        }
    }
    for (int round = 0; round < 20000; round++) {
        arena_reset(arena);
        char noise[48];
        size_t count = random_below(sizeof noise);
        for (size_t i = 0; i < count; i++)
            noise[i] = (char)random_below(random_below(3) ? 24 : 256);
        unpack_text(arena, &pb__turn_context__descriptor, noise, count, NULL);
        unpack_text(arena, &pb__answer_batch__descriptor, noise, count, NULL);
    }
    free(copy);
}

static void json_that_is_not_there_is_an_empty_object(void **state)
{
    assert_null(pb_json(*state, NULL));
    assert_string_equal(pb_json_text(NULL), "{}");
    assert_string_equal(pb_json_text(pb_json(*state, "")), "{}");
    assert_string_equal(pb_json_text(pb_json(*state, "[1]")), "[1]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_packed_is_unpacked),
        TEST(no_bytes_are_an_empty_message),
        TEST(text_with_nul_or_bad_utf8_is_refused_at_every_depth),
        TEST(bytes_that_are_no_message_are_refused),
        TEST(fields_of_a_newer_process_are_kept),
        TEST(few_bytes_cannot_ask_for_much_memory),
        TEST(nesting_is_refused_past_sixteen),
        TEST(any_truncated_or_flipped_payload_is_no_crash),
        TEST(json_that_is_not_there_is_an_empty_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
