#include "base/test.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"

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

struct split {
    struct whatsapp_cloud_piece *pieces;
    size_t count;
};

static struct split split(struct arena *arena, const char *body)
{
    struct split out;
    struct error error = { 0 };
    if (whatsapp_cloud_split(arena, body, strlen(body), &out.pieces, &out.count, &error) != OK)
        fail_msg("refused: %s", error.text);
    for (size_t i = 0; i < out.count; i++) {
        assert_int_equal(out.pieces[i].bytes, strlen(out.pieces[i].body));
        assert_int_equal(json_check(out.pieces[i].body, out.pieces[i].bytes, &error), OK);
        assert_non_null(out.pieces[i].account);
        assert_non_null(out.pieces[i].external_id);
        assert_true(strlen(out.pieces[i].dedupe) > 0);
    }
    return out;
}

#define HEAD          "{\"object\":\"whatsapp_business_account\",\"entry\":["
#define METADATA      "\"metadata\":{\"display_phone_number\":\"15005550100\",\"phone_number_id\":\"770011223344551\"}"
#define CHANGE(value) "{\"id\":\"880\",\"changes\":[{\"field\":\"messages\",\"value\":{" METADATA "," value "}}]}"
#define TEXT(id, from, body)                                                                                           \
    "{\"from\":\"" from "\",\"id\":\"" id                                                                              \
    "\",\"timestamp\":\"1763632800\",\"type\":\"text\",\"text\":{\"body\":\"" body "\"}}"

static const char CONTRACT[] = HEAD
    "{\"id\":\"880011223344550\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\"," METADATA
    ",\"contacts\":[{\"profile\":{\"name\":\"Ines Duarte\"},\"wa_id\":\"15005550177\",\"user_id\":\"US.70010020030040050\"}],"
    "\"messages\":[{\"from\":\"15005550177\",\"from_user_id\":\"US.70010020030040050\",\"id\":\"wamid.QUNNRS1JTi0wMDAx\","
    "\"timestamp\":\"1763632800\",\"type\":\"text\",\"text\":{\"body\":\"Is the blue one back?\"}}]}}]}]}";

static void the_contracts_example_is_one_message(void **state)
{
    struct split got = split(*state, CONTRACT);
    assert_int_equal(got.count, 1);
    assert_int_equal(got.pieces[0].kind, WHATSAPP_CLOUD_MESSAGE);
    assert_string_equal(got.pieces[0].account, "770011223344551");
    assert_string_equal(got.pieces[0].external_id, "wamid.QUNNRS1JTi0wMDAx");
    assert_non_null(strstr(got.pieces[0].body, "\"entry_id\":\"880011223344550\""));
    assert_non_null(strstr(got.pieces[0].body, "Ines Duarte"));
}

static void entries_changes_messages_and_statuses_all_become_pieces(void **state)
{
    struct split got = split(
        *state,
        HEAD CHANGE("\"messages\":[" TEXT("w1", "15005550177", "a") "," TEXT("w2", "15005550178", "b") "]") "," CHANGE(
            "\"messages\":[" TEXT("w3", "15005550179",
                                  "c") "],\"statuses\":[{\"id\":\"w9\",\"status\":\"sent\"},{\"id\":\"w9\",\"status\":"
                                       "\"read\"}],\"errors\":[{\"code\":1}]") "]}");
    assert_int_equal(got.count, 6);
    static const enum whatsapp_cloud_kind KINDS[] = { WHATSAPP_CLOUD_MESSAGE, WHATSAPP_CLOUD_MESSAGE,
                                                      WHATSAPP_CLOUD_MESSAGE, WHATSAPP_CLOUD_STATUS,
                                                      WHATSAPP_CLOUD_STATUS,  WHATSAPP_CLOUD_OTHER };
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.pieces[i].kind, KINDS[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(got.pieces[i].dedupe, got.pieces[k].dedupe);
    }
}

static void a_redelivery_gives_the_same_dedupe_and_another_account_another(void **state)
{
    struct split first = split(*state, HEAD CHANGE("\"messages\":[" TEXT("w1", "15005550177", "a") "]") "]}");
    struct split second =
        split(*state,
              HEAD CHANGE("\"messages\":[" TEXT("w0", "15005550177", "x") "," TEXT("w1", "15005550177", "a") "]") "]}");
    assert_string_equal(first.pieces[0].dedupe, second.pieces[1].dedupe);
    struct split other = split(
        *state, HEAD
        "{\"id\":\"880\",\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{\"phone_number_id\":\"99\"},"
        "\"messages\":[" TEXT("w1", "15005550177", "a") "]}}]}]}");
    assert_string_not_equal(first.pieces[0].dedupe, other.pieces[0].dedupe);
}

static void statuses_differ_by_word_and_recipient(void **state)
{
    struct split got =
        split(*state,
              HEAD CHANGE("\"statuses\":[{\"id\":\"w\",\"status\":\"read\",\"recipient_id\":\"1\"},"
                          "{\"id\":\"w\",\"status\":\"read\",\"recipient_id\":\"2\"},"
                          "{\"id\":\"w\",\"status\":\"delivered\",\"recipient_id\":\"2\"},"
                          "{\"id\":\"w\",\"status\":\"delivered\",\"recipient_id\":\"2\",\"timestamp\":\"5\"}]") "]}");
    assert_int_equal(got.count, 4);
    assert_string_not_equal(got.pieces[0].dedupe, got.pieces[1].dedupe);
    assert_string_not_equal(got.pieces[1].dedupe, got.pieces[2].dedupe);
    assert_string_equal(got.pieces[2].dedupe, got.pieces[3].dedupe);
}

static void a_malformed_item_becomes_a_piece_and_its_neighbours_stay(void **state)
{
    static const char *const BAD[] = { "5", "null", "\"x\"", "[]", "{}", "{\"id\":7}", "{\"type\":\"text\"}" };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        const char *body = text_format(
            *state,
            HEAD CHANGE("\"messages\":[" TEXT("w1", "15005550177", "a") ",%s," TEXT("w2", "15005550177", "b") "]") "]}",
            BAD[i]);
        struct split got = split(*state, body);
        assert_int_equal(got.count, 3);
        Pb__InboundMessage *message = PB_NEW(*state, inbound_message);
        assert_int_equal(whatsapp_cloud_read_message(*state, got.pieces[1].body, got.pieces[1].bytes, message, NULL),
                         REJECT);
        assert_int_equal(whatsapp_cloud_read_message(*state, got.pieces[2].body, got.pieces[2].bytes, message, NULL),
                         OK);
    }
}

static void a_malformed_envelope_is_one_piece_that_no_reader_takes(void **state)
{
    static const char *const BODIES[] = {
        "{\"object\":\"whatsapp_business_account\",\"entry\":{}}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[5]}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\"}]}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[5]}]}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\",\"value\":7}]}]}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messages\":7}}]}]}",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++) {
        struct split got = split(*state, BODIES[i]);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.pieces[0].kind, WHATSAPP_CLOUD_MESSAGE);
        assert_int_equal(whatsapp_cloud_read_message(*state, got.pieces[0].body, got.pieces[0].bytes,
                                                     PB_NEW(*state, inbound_message), NULL),
                         REJECT);
    }
}

static void only_a_body_that_is_no_object_is_refused(void **state)
{
    static const char *const BODIES[] = { "", "[]", "5", "{", "{\"object\":", "null", "{}x" };
    struct split got;
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        assert_int_equal(whatsapp_cloud_split(*state, BODIES[i], strlen(BODIES[i]), &got.pieces, &got.count, NULL),
                         REJECT);
    assert_int_equal(split(*state, "{}").count, 0);
    assert_int_equal(split(*state, "{\"object\":\"page\",\"entry\":[{\"id\":\"1\"}]}").count, 0);
    assert_int_equal(split(*state, "{\"object\":\"whatsapp_business_account\",\"entry\":[]}").count, 0);
}

static void escapes_that_no_database_holds_cost_no_neighbour_its_message(void **state)
{
    static const struct {
        const char *escaped, *read;
    } TEXTS[] = {
        { "a\\u0000b", "a\xEF\xBF\xBD"
                       "b" },
        { "\\ud83d", "\xEF\xBF\xBD" },
        { "\\ude00x", "\xEF\xBF\xBDx" },
        { "\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD😀" },
        { "\\uD83D\\uDE00", "😀" },
        { "\\\\u0000", "\\u0000" },
        { "\\\\\\u0000", "\\\xEF\xBF\xBD" },
        { "\\u09b8\\u09cd\\u099f\\u09aa", "স্টপ" },
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct split got =
            split(*state, text_format(*state, HEAD CHANGE("\"messages\":[" TEXT("w1", "15005550177", "%s") "]") "]}",
                                      TEXTS[i].escaped));
        Pb__InboundMessage *message = PB_NEW(*state, inbound_message);
        assert_int_equal(whatsapp_cloud_read_message(*state, got.pieces[0].body, got.pieces[0].bytes, message, NULL),
                         OK);
        assert_string_equal(message->message_text, TEXTS[i].read);
    }
}

static void other_fields_are_kept_raw(void **state)
{
    struct split got = split(
        *state, HEAD
        "{\"id\":\"880\",\"changes\":[{\"field\":\"message_template_status_update\",\"value\":{\"event\":\"PAUSED\","
        "\"message_template_id\":12345678901234567890}},{\"field\":\"brand_new\",\"value\":[1]},{\"field\":\"flows\"}]}]}");
    enum whatsapp_cloud_kind kind;
    const char *field;
    assert_int_equal(got.count, 3);
    for (size_t i = 0; i < got.count; i++) {
        assert_int_equal(got.pieces[i].kind, WHATSAPP_CLOUD_OTHER);
        assert_int_equal(
            whatsapp_cloud_piece_kind(*state, got.pieces[i].body, got.pieces[i].bytes, &kind, &field, NULL), OK);
        assert_int_equal(kind, WHATSAPP_CLOUD_OTHER);
    }
    assert_non_null(strstr(got.pieces[0].body, "12345678901234567890"));
    assert_string_equal(field, "flows");
}

static void each_message_gets_its_own_profile(void **state)
{
    struct split got = split(
        *state,
        HEAD CHANGE(
            "\"contacts\":[{\"profile\":{\"name\":\"A\"},\"wa_id\":\"15005550171\"},{\"profile\":{\"name\":\"B\"},\"user_id\":\"US.2\"}],"
            "\"messages\":[{\"from_user_id\":\"US.2\",\"id\":\"w2\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}," TEXT(
                "w1", "15005550171", "y") "," TEXT("w3", "15005550173", "z") "]") "]}");
    assert_non_null(strstr(got.pieces[0].body, "\"name\":\"B\""));
    assert_non_null(strstr(got.pieces[1].body, "\"name\":\"A\""));
    assert_null(strstr(got.pieces[2].body, "\"name\""));
}

static void a_thousand_updates_are_a_thousand_pieces(void **state)
{
    struct buffer body = { .arena = *state };
    buffer_add(&body,
               HEAD "{\"id\":\"880\",\"changes\":[{\"field\":\"messages\",\"value\":{" METADATA ",\"messages\":[");
    for (int i = 0; i < 1000; i++)
        buffer_format(&body, "%s" TEXT("w%d", "15005550177", "hello"), i ? "," : "", i);
    buffer_add(&body, "]}}]}]}");
    assert_int_equal(split(*state, buffer_text(&body)).count, 1000);
}

static enum status split_updates(struct arena *arena, size_t updates, size_t metadata_bytes, size_t *count)
{
    struct whatsapp_cloud_piece *pieces;
    struct error error = { 0 };
    struct buffer body = { .arena = arena };
    char *name = memset(arena_alloc(arena, metadata_bytes + 1), 'x', metadata_bytes);
    buffer_add(&body, HEAD "{\"id\":\"880\",\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{\"name\":");
    json_add_string(&body, name);
    buffer_add(&body, "},\"messages\":[");
    for (size_t i = 0; i < updates; i++)
        buffer_add(&body, i ? ",{}" : "{}");
    buffer_add(&body, "]}}]}]}");
    enum status status = whatsapp_cloud_split(arena, buffer_text(&body), body.bytes, &pieces, count, &error);
    if (status == REJECT)
        assert_string_equal(error.code, "body_too_large");
    return status;
}

static void a_webhook_that_grows_in_pieces_is_refused_as_a_whole(void **state)
{
    enum { METADATA_BYTES = 1024 * 1024 };
    const size_t most = WEBHOOK_PIECES_BYTES_MAX / METADATA_BYTES;
    size_t count = 0;
    assert_int_equal(split_updates(*state, WEBHOOK_PIECES_MAX, 10, &count), OK);
    assert_int_equal(count, WEBHOOK_PIECES_MAX);
    assert_int_equal(split_updates(*state, WEBHOOK_PIECES_MAX + 1, 10, &count), REJECT);
    assert_int_equal(count, 0);
    assert_int_equal(split_updates(*state, most, METADATA_BYTES, &count), OK);
    assert_int_equal(count, most);
    size_t before = arena_used(*state);
    assert_int_equal(split_updates(*state, 50000, METADATA_BYTES, &count), REJECT);
    assert_true(arena_used(*state) - before < 64 * 1024 * 1024); /* not 50 GB */
}

static void an_account_that_is_too_long_to_be_one_is_none(void **state)
{
    struct buffer body = { .arena = *state };
    buffer_add(&body, HEAD
               "{\"id\":\"880\",\"changes\":[{\"field\":\"messages\",\"value\":{\"metadata\":{\"phone_number_id\":");
    json_add_string(&body, memset(arena_alloc(*state, KEY_BYTES_MAX + 2), '7', KEY_BYTES_MAX + 1));
    buffer_add(&body, "},\"messages\":[{}]}}]}]}");
    struct split got = split(*state, buffer_text(&body));
    assert_int_equal(got.count, 1);
    assert_string_equal(got.pieces[0].account, "");
}

static void cut_short_or_bit_flipped_it_is_taken_or_refused(void **state)
{
    size_t bytes = strlen(CONTRACT);
    for (size_t i = 0; i < bytes * 8; i++) {
        struct arena *arena = arena_new(0);
        char *body = arena_text(arena, CONTRACT);
        struct split got;
        body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
        if (whatsapp_cloud_split(arena, body, bytes, &got.pieces, &got.count, NULL) == OK)
            for (size_t p = 0; p < got.count; p++)
                whatsapp_cloud_read_message(arena, got.pieces[p].body, got.pieces[p].bytes,
                                            PB_NEW(arena, inbound_message), NULL);
        if (i < bytes)
            assert_int_equal(
                whatsapp_cloud_split(arena, arena_copy(arena, CONTRACT, i), i, &got.pieces, &got.count, NULL), REJECT);
        arena_free(arena);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_contracts_example_is_one_message, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(entries_changes_messages_and_statuses_all_become_pieces, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(a_redelivery_gives_the_same_dedupe_and_another_account_another, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(statuses_differ_by_word_and_recipient, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(a_malformed_item_becomes_a_piece_and_its_neighbours_stay, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(a_malformed_envelope_is_one_piece_that_no_reader_takes, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(only_a_body_that_is_no_object_is_refused, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(escapes_that_no_database_holds_cost_no_neighbour_its_message, make_arena,
                                        free_arena),
        cmocka_unit_test_setup_teardown(other_fields_are_kept_raw, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(each_message_gets_its_own_profile, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(a_thousand_updates_are_a_thousand_pieces, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(a_webhook_that_grows_in_pieces_is_refused_as_a_whole, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(an_account_that_is_too_long_to_be_one_is_none, make_arena, free_arena),
        cmocka_unit_test(cut_short_or_bit_flipped_it_is_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
