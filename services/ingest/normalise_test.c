#include "base/test.h"

#include <string.h>

#include "base/moment.h"
#include "base/text.h"
#include "normalise.h"

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

enum { NOW_S = 1763632800 };
static const int64_t NOW = NOW_S * 1000LL;

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static Pb__RawInbound *raw_new(struct arena *arena)
{
    Pb__RawInbound *raw = PB_NEW(arena, raw_inbound);
    raw->id = unconst("0199f0a2-1234-7abc-8def-0123456789ab");
    raw->job_id = unconst("0199f0a2-1234-7abc-8def-0123456789ac");
    raw->company_id = unconst("0199f0a2-1234-7abc-8def-0123456789ad");
    PB_SET(raw, received_at, NOW);
    return raw;
}

static Pb__RawInbound *posted(struct arena *arena, const char *phone, const char *text)
{
    Pb__RawInbound *raw = raw_new(arena);
    raw->post = PB_NEW(arena, inbound_post);
    raw->post->phone_number = unconst(phone);
    raw->post->contact_name = unconst("Test User");
    raw->post->message_text = unconst(text);
    return raw;
}

static Pb__RawInbound *hooked(struct arena *arena, const char *body)
{
    Pb__RawInbound *raw = raw_new(arena);
    PB_SET(raw, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    raw->has_body = 1;
    raw->body = (ProtobufCBinaryData){ strlen(body), (uint8_t *)unconst(body) };
    return raw;
}

static enum status normalise(struct arena *arena, const Pb__RawInbound *raw, Pb__InboundMessage **out,
                             struct error *error)
{
    const char *field;
    return normalise_message(arena, raw, 7, out, &field, error);
}

static Pb__InboundMessage *message_of(struct arena *arena, const Pb__RawInbound *raw)
{
    struct error error = { 0 };
    Pb__InboundMessage *message;
    if (normalise(arena, raw, &message, &error) != OK)
        fail_msg("refused: %s", error.text);
    assert_non_null(message);
    return message;
}

static const char *refused(struct arena *arena, const Pb__RawInbound *raw)
{
    struct error *error = ARENA_NEW(arena, struct error);
    Pb__InboundMessage *message;
    assert_int_equal(normalise(arena, raw, &message, error), REJECT);
    assert_null(message);
    return error->code;
}

static void a_post_becomes_a_text_of_now(void **state)
{
    Pb__RawInbound *raw = posted(*state, "+12345678901", "Hello, what does it cost?");
    raw->post->external_id = unconst("crm-1");
    Pb__InboundMessage *message = message_of(*state, raw);
    assert_string_equal(message->id, raw->id);
    assert_string_equal(message->job_id, raw->job_id);
    assert_string_equal(message->company_id, raw->company_id);
    assert_string_equal(message->kind, "text");
    assert_string_equal(message->message_text, "Hello, what does it cost?");
    assert_string_equal(message->contact_name, "Test User");
    assert_string_equal(message->external_id, "crm-1");
    assert_int_equal(message->channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    assert_int_equal(message->n_identities, 1);
    assert_string_equal(message->identities[0]->kind, "phone");
    assert_string_equal(message->identities[0]->value, "+12345678901");
    assert_string_equal(message->identities[0]->address, "+12345678901");
    assert_true(message->provider_at == NOW && message->received_at == NOW);
    assert_int_equal(message->sequence, 7);
    assert_true(message->wants_answer);
    assert_false(message->opt_out);
}

static void both_spellings_of_a_phone_are_one_person(void **state)
{
    assert_string_equal(message_of(*state, posted(*state, "919876543210", "x"))->identities[0]->value, "+919876543210");
    assert_string_equal(message_of(*state, posted(*state, " +91 98765-43210 ", "x"))->identities[0]->value,
                        "+919876543210");
    assert_string_equal(message_of(*state, posted(*state, "919876543210", "x"))->identities[0]->address,
                        "919876543210");
}

static void an_email_has_its_address_in_phone_number(void **state)
{
    Pb__RawInbound *raw = posted(*state, "Ann@Example.com", "x");
    raw->post->channel = unconst("email");
    Pb__InboundMessage *message = message_of(*state, raw);
    assert_int_equal(message->channel, PB__CHANNEL__CHANNEL_EMAIL);
    assert_string_equal(message->identities[0]->kind, "email");
    assert_string_equal(message->identities[0]->value, "ann@example.com");
    assert_string_equal(message->identities[0]->address, "Ann@Example.com");
    static const char *const BAD[] = { "", "ann", "@b", "a@", "a@b@c", "a b@c" };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        raw->post->phone_number = unconst(BAD[i]);
        assert_string_equal(refused(*state, raw), "invalid_address");
    }
}

static void channels_have_aliases(void **state)
{
    static const struct {
        const char *word;
        Pb__Channel channel;
    } WORDS[] = {
        { "wa_cloud", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD }, { "whatsapp", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD },
        { "wa_web", PB__CHANNEL__CHANNEL_WHATSAPP_WEB },     { "sms", PB__CHANNEL__CHANNEL_SMS },
        { "app_push", PB__CHANNEL__CHANNEL_PUSH },           { "in_app", PB__CHANNEL__CHANNEL_IN_APP }
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        Pb__RawInbound *raw = posted(*state, "12345678901", "x");
        raw->post->channel = unconst(WORDS[i].word);
        assert_int_equal(message_of(*state, raw)->channel, WORDS[i].channel);
    }
    Pb__RawInbound *raw = posted(*state, "12345678901", "x");
    raw->post->channel = unconst("pigeon");
    assert_string_equal(refused(*state, raw), "unknown_channel");
}

static void a_post_is_refused_past_its_limits(void **state)
{
    char *text = arena_alloc(*state, 65538);
    memset(text, 'a', 65537);
    assert_string_equal(refused(*state, posted(*state, "12345678901", text)), "invalid_text");
    text[65536] = '\0';
    assert_int_equal(strlen(message_of(*state, posted(*state, "12345678901", text))->message_text), 65536);
    assert_string_equal(refused(*state, posted(*state, "12345678901", "")), "invalid_text");
    refused(*state, posted(*state, "123456", "x"));
    refused(*state, posted(*state, NULL, "x"));
    Pb__RawInbound *raw = posted(*state, "12345678901", "x");
    text[256] = '\0';
    raw->post->external_id = text;
    assert_string_equal(refused(*state, raw), "too_long");
    text[255] = '\0';
    message_of(*state, raw);
    raw->id = NULL;
    assert_string_equal(refused(*state, raw), "no_id");
}

static void a_stop_word_is_an_opt_out_and_start_an_opt_in(void **state)
{
    assert_true(message_of(*state, posted(*state, "12345678901", "STOP"))->opt_out);
    assert_true(message_of(*state, posted(*state, "12345678901", "start"))->opt_in);
    Pb__InboundMessage *message = message_of(*state, posted(*state, "12345678901", "We must STOP this bill"));
    assert_false(message->opt_out || message->opt_in);
}

#define PIECE(members)                                                                                                              \
    "{\"field\":\"messages\",\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from\":\"15005550177\",\"id\":\"w\"," members \
    "}}"

static void a_webhooks_message_takes_the_gateways_account_and_the_providers_time(void **state)
{
    Pb__InboundMessage *message = message_of(
        *state, hooked(*state, PIECE("\"timestamp\":\"1763632700\",\"type\":\"text\",\"text\":{\"body\":\"Stop.\"}")));
    assert_string_equal(message->account, "77");
    assert_true(message->provider_at == NOW - 100000);
    assert_true(message->received_at == NOW);
    assert_true(message->opt_out);
}

static void a_time_from_the_future_does_not_hold_the_window_open(void **state)
{
    assert_true(
        message_of(*state,
                   hooked(*state, PIECE("\"timestamp\":\"1763632860\",\"type\":\"text\",\"text\":{\"body\":\"x\"}")))
            ->provider_at == NOW + 60000);
    assert_true(
        message_of(*state,
                   hooked(*state, PIECE("\"timestamp\":\"1763632861\",\"type\":\"text\",\"text\":{\"body\":\"x\"}")))
            ->provider_at == NOW);
    assert_true(message_of(*state, hooked(*state, PIECE("\"type\":\"text\",\"text\":{\"body\":\"x\"}")))->provider_at ==
                NOW);
}

static void a_caption_is_no_opt_out_and_a_tapped_button_is(void **state)
{
    assert_false(
        message_of(*state, hooked(*state, PIECE("\"type\":\"image\",\"image\":{\"id\":\"1\",\"caption\":\"stop\"}")))
            ->opt_out);
    assert_true(
        message_of(
            *state,
            hooked(*state, PIECE("\"type\":\"button\",\"button\":{\"payload\":\"p\",\"text\":\"Stop promotions\"}")))
            ->opt_out);
    assert_true(
        message_of(*state,
                   hooked(*state, PIECE("\"type\":\"button\",\"button\":{\"payload\":\"STOP_MKT\",\"text\":\"Nee\"}")))
            ->opt_out);
}

static void other_changes_are_read_and_not_stored(void **state)
{
    Pb__InboundMessage *message;
    Pb__Receipt *receipt;
    const char *field;
    Pb__RawInbound *raw =
        hooked(*state, "{\"field\":\"message_template_status_update\",\"value\":{\"event\":\"PAUSED\"}}");
    assert_int_equal(normalise_message(*state, raw, 1, &message, &field, NULL), OK);
    assert_null(message);
    assert_string_equal(field, "message_template_status_update");
    assert_int_equal(normalise_receipt(*state, raw, &receipt, &field, NULL), OK);
    assert_null(receipt);
}

static void what_nobody_reads_is_refused(void **state)
{
    static const char *const BODIES[] = {
        "", "{}", "[]", "nonsense", PIECE("\"type\":\"text\""), "{\"field\":\"messages\",\"malformed\":5}"
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        refused(*state, hooked(*state, BODIES[i]));
    Pb__RawInbound *raw = hooked(*state, PIECE("\"type\":\"text\",\"text\":{\"body\":\"x\"}"));
    PB_SET(raw, channel, PB__CHANNEL__CHANNEL_SMS);
    assert_string_equal(refused(*state, raw), "unknown_channel");
    refused(*state, raw_new(*state));
}

static void a_receipt_of_a_known_word_is_applied_and_of_a_new_one_passed_over(void **state)
{
    Pb__Receipt *receipt;
    const char *field;
    struct error error = { 0 };
    static const char FORM[] =
        "{\"field\":\"messages\",\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"%s\"}}";
    assert_int_equal(
        normalise_receipt(*state, hooked(*state, text_format(*state, FORM, "read")), &receipt, &field, &error), OK);
    assert_int_equal(receipt->status, PB__RECEIPT_STATUS__RECEIPT_STATUS_READ);
    assert_true(receipt->provider_at == NOW);
    assert_int_equal(
        normalise_receipt(*state, hooked(*state, text_format(*state, FORM, "warning")), &receipt, &field, &error), OK);
    assert_null(receipt);
    assert_int_equal(normalise_receipt(*state, hooked(*state, "{}"), &receipt, &field, &error), REJECT);
}

static void an_item_without_body_time_or_known_channel_is_refused(void **state)
{
    Pb__Receipt *receipt;
    const char *field;
    static const char TEXT[] = PIECE("\"type\":\"text\",\"text\":{\"body\":\"x\"}");
    static const int64_t TIMES[] = { 0, -1, INT64_MIN, MOMENT_MAX + 1, INT64_MAX };
    Pb__RawInbound *raw = hooked(*state, "");
    raw->body = (ProtobufCBinaryData){ 0 };
    assert_string_equal(refused(*state, raw), "malformed_json");
    assert_int_equal(normalise_receipt(*state, raw, &receipt, &field, NULL), REJECT);
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        raw = hooked(*state, TEXT);
        raw->received_at = TIMES[i];
        assert_string_equal(refused(*state, raw), "no_time");
        raw = hooked(*state, "{\"field\":\"messages\",\"metadata\":{\"phone_number_id\":\"77\"},"
                             "\"status\":{\"id\":\"w\",\"status\":\"read\"}}");
        raw->received_at = TIMES[i];
        assert_int_equal(normalise_receipt(*state, raw, &receipt, &field, NULL), REJECT);
    }
    raw = posted(*state, "+12345678901", "hello");
    PB_SET(raw, channel, (Pb__Channel)99);
    assert_string_equal(refused(*state, raw), "unknown_channel");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_post_becomes_a_text_of_now),
        TEST(both_spellings_of_a_phone_are_one_person),
        TEST(an_email_has_its_address_in_phone_number),
        TEST(channels_have_aliases),
        TEST(a_post_is_refused_past_its_limits),
        TEST(a_stop_word_is_an_opt_out_and_start_an_opt_in),
        TEST(a_webhooks_message_takes_the_gateways_account_and_the_providers_time),
        TEST(a_time_from_the_future_does_not_hold_the_window_open),
        TEST(a_caption_is_no_opt_out_and_a_tapped_button_is),
        TEST(other_changes_are_read_and_not_stored),
        TEST(what_nobody_reads_is_refused),
        TEST(an_item_without_body_time_or_known_channel_is_refused),
        TEST(a_receipt_of_a_known_word_is_applied_and_of_a_new_one_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
