#include "base/test.h"

#include <string.h>

#include "base/json.h"
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

/* A piece around a message that has the members of its type besides. */
static const char *piece(struct arena *arena, const char *members)
{
    return text_format(
        arena,
        "{\"entry_id\":\"880\",\"field\":\"messages\",\"metadata\":{\"display_phone_number\":\"15005550100\","
        "\"phone_number_id\":\"770011223344551\"},\"contact\":{\"profile\":{\"name\":\" Ines Duarte \"},\"wa_id\":\"15005550177\","
        "\"user_id\":\"US.70010020030040050\"},\"message\":{\"from\":\"15005550177\",\"id\":\"wamid.A\",\"timestamp\":\"1763632800\",%s}}",
        members);
}

static enum status try_read(struct arena *arena, const char *body, Pb__InboundMessage **out, struct error *error)
{
    *out = PB_NEW(arena, inbound_message);
    return whatsapp_cloud_read_message(arena, body, strlen(body), *out, error);
}

static Pb__InboundMessage *read_piece(struct arena *arena, const char *body)
{
    struct error error = { 0 };
    Pb__InboundMessage *message;
    if (try_read(arena, body, &message, &error) != OK)
        fail_msg("refused: %s: %s", error.text, body);
    if (message->extra_metadata)
        assert_int_equal(json_check(message->extra_metadata->text, strlen(message->extra_metadata->text), NULL), OK);
    if (message->media_info)
        assert_int_equal(json_check(message->media_info->text, strlen(message->media_info->text), NULL), OK);
    return message;
}

static Pb__InboundMessage *read_type(struct arena *arena, const char *members)
{
    return read_piece(arena, piece(arena, members));
}

/* -- who, when, to whom */

static void a_text_has_sender_account_time_and_words(void **state)
{
    Pb__InboundMessage *message = read_type(*state, "\"type\":\"text\",\"text\":{\"body\":\"Is the blue one back?\"}");
    assert_string_equal(message->kind, "text");
    assert_string_equal(message->message_text, "Is the blue one back?");
    assert_string_equal(message->account, "770011223344551");
    assert_string_equal(message->external_id, "wamid.A");
    assert_string_equal(message->contact_name, "Ines Duarte");
    assert_int_equal(message->channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    assert_true(message->provider_at == 1763632800000);
    assert_true(message->wants_answer);
    assert_false(message->echo);
    assert_int_equal(message->n_identities, 2);
    assert_string_equal(message->identities[0]->kind, "bsuid");
    assert_string_equal(message->identities[0]->value, "US.70010020030040050");
    assert_string_equal(message->identities[1]->kind, "phone");
    assert_string_equal(message->identities[1]->value, "+15005550177");
    assert_string_equal(message->identities[1]->address, "15005550177");
    assert_null(message->extra_metadata);
}

static void a_sender_without_a_phone_is_known_by_the_user_id(void **state)
{
    Pb__InboundMessage *message = read_piece(
        *state, "{\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from_user_id\":\"PT.8812AbC\",\"id\":\"w\","
                "\"timestamp\":1763632800,\"type\":\"text\",\"text\":{\"body\":\"x\"}}}");
    assert_int_equal(message->n_identities, 1);
    assert_string_equal(message->identities[0]->kind, "bsuid");
    assert_string_equal(message->identities[0]->value, "PT.8812AbC");
    assert_true(message->provider_at == 1763632800000);
}

static void nobody_at_all_is_refused(void **state)
{
    Pb__InboundMessage *message;
    struct error error = { 0 };
    assert_int_equal(
        try_read(
            *state,
            "{\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"id\":\"w\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":{\"body\":"
            "\"x\"}}}",
            &message, &error),
        REJECT);
    assert_string_equal(error.code, "no_sender");
    assert_int_equal(
        try_read(*state,
                 "{\"message\":{\"from\":\"15005550177\",\"id\":\"w\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}}",
                 &message, &error),
        REJECT);
    assert_string_equal(error.code, "no_account");
}

static void a_missing_time_is_left_to_the_caller_and_a_wild_one_refused(void **state)
{
    static const char FORM[] =
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from\":\"15005550177\",\"id\":\"w\",%s\"type\":\"text\",\"text\":{\"body\":\"x\"}}}";
    Pb__InboundMessage *message = read_piece(*state, text_format(*state, FORM, ""));
    assert_false(message->has_provider_at);
    assert_true(read_piece(*state, text_format(*state, FORM, "\"timestamp\":253402300799,"))->has_provider_at);
    static const char *const WILD[] = { "\"timestamp\":\"-1\",", "\"timestamp\":253402300800,",
                                        "\"timestamp\":\"soon\",", "\"timestamp\":{},",
                                        "\"timestamp\":\"9223372036854775807\"," };
    for (size_t i = 0; i < sizeof WILD / sizeof *WILD; i++)
        assert_int_equal(try_read(*state, text_format(*state, FORM, WILD[i]), &message, NULL), REJECT);
}

static void an_id_has_1_to_255_bytes(void **state)
{
    Pb__InboundMessage *message;
    char id[260];
    memset(id, 'a', sizeof id);
    static const char FORM[] =
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from\":\"15005550177\",\"id\":\"%.*s\",\"type\":\"text\",\"text\":{\"body\":\"x\"}}}";
    assert_int_equal(try_read(*state, text_format(*state, FORM, 255, id), &message, NULL), OK);
    assert_int_equal(try_read(*state, text_format(*state, FORM, 256, id), &message, NULL), REJECT);
    assert_int_equal(try_read(*state, text_format(*state, FORM, 0, id), &message, NULL), REJECT);
}

/* -- every type of the contract */

static void bengali_and_emoji_come_through_unchanged(void **state)
{
    Pb__InboundMessage *message =
        read_type(*state, "\"type\":\"text\",\"text\":{\"body\":\"দাম কত? 👍🏽👨‍👩‍👧\"}");
    assert_string_equal(message->message_text, "দাম কত? 👍🏽👨‍👩‍👧");
}

static void media_keep_their_ids_and_their_caption_is_the_text(void **state)
{
    static const char *const KINDS[] = { "image", "video", "audio", "document", "sticker" };
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        Pb__InboundMessage *message = read_type(
            *state,
            text_format(
                *state,
                "\"type\":\"%s\",\"%s\":{\"id\":\"991\",\"mime_type\":\"x/y\",\"sha256\":\"abc=\",\"caption\":\"look\",\"voice\":true,"
                "\"url\":\"https://lookaside.example/1\"}",
                KINDS[i], KINDS[i]));
        assert_string_equal(message->kind, KINDS[i]);
        assert_string_equal(message->message_text, "look");
        assert_true(message->wants_answer);
        assert_string_equal(
            message->media_info->text,
            text_format(
                *state,
                "{\"type\":\"%s\",\"id\":\"991\",\"mime_type\":\"x/y\",\"sha256\":\"abc=\",\"caption\":\"look\",\"voice\":true,"
                "\"url\":\"https://lookaside.example/1\"}",
                KINDS[i]));
    }
    assert_null(read_type(*state, "\"type\":\"audio\",\"audio\":{\"id\":\"1\"}")->message_text);
}

static void a_file_name_can_lead_nowhere(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state, "\"type\":\"document\",\"document\":{\"id\":\"1\",\"filename\":\"../../etc/pass\\\\wd\\u000a.pdf\"}");
    assert_non_null(strstr(message->media_info->text, "\"filename\":\"_._.._etc_pass_wd_.pdf\""));
    assert_null(strchr(message->media_info->text, '/'));
    assert_null(strchr(message->media_info->text, '\\'));
}

static void a_place_is_told_in_words_and_kept(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state,
        "\"type\":\"location\",\"location\":{\"latitude\":38.7223,\"longitude\":-9.1393,\"name\":\"Shop\",\"address\":\"Rua A 1\"}");
    assert_string_equal(message->kind, "location");
    assert_string_equal(message->message_text, "Shop, Rua A 1 (38.7223, -9.1393)");
    assert_string_equal(
        message->extra_metadata->text,
        "{\"location\":{\"latitude\":38.7223,\"longitude\":-9.1393,\"name\":\"Shop\",\"address\":\"Rua A 1\"}}");
    assert_string_equal(
        read_type(*state, "\"type\":\"location\",\"location\":{\"latitude\":1,\"longitude\":2}")->message_text,
        "(1, 2)");
}

static void contacts_are_named(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state,
        "\"type\":\"contacts\",\"contacts\":[{\"name\":{\"formatted_name\":\"Ann Lee\"},\"phones\":[{\"phone\":\"+1\"}]},"
        "{\"name\":{\"formatted_name\":\"Bo\"}},{}]");
    assert_string_equal(message->kind, "contacts");
    assert_string_equal(message->message_text, "Ann Lee, Bo");
    assert_non_null(strstr(message->extra_metadata->text, "\"phone\":\"+1\""));
}

static void every_interactive_answer_has_its_words(void **state)
{
    static const struct {
        const char *json, *text;
        bool wants_answer;
    } ANSWERS[] = {
        { "{\"type\":\"button_reply\",\"button_reply\":{\"id\":\"b1\",\"title\":\"Yes\"}}", "Yes", true },
        { "{\"type\":\"list_reply\",\"list_reply\":{\"id\":\"r1\",\"title\":\"Deep clean\",\"description\":\"3 rooms\"}}",
          "Deep clean\n3 rooms", true },
        { "{\"type\":\"nfm_reply\",\"nfm_reply\":{\"name\":\"flow\",\"body\":\"Sent\",\"response_json\":\"{\\\"day\\\":\\\"Mon\\\"}\"}}",
          "Sent\n{\"day\":\"Mon\"}", true },
        { "{\"type\":\"call_permission_reply\",\"call_permission_reply\":{\"response\":\"accept\",\"is_permanent\":false}}",
          NULL, false },
        { "{\"type\":\"new_reply\",\"new_reply\":{\"title\":\"T\"}}", "T", true },
    };
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        Pb__InboundMessage *message =
            read_type(*state, text_format(*state, "\"type\":\"interactive\",\"interactive\":%s", ANSWERS[i].json));
        assert_string_equal(message->kind, "interactive");
        assert_true(text_same(message->message_text, ANSWERS[i].text));
        assert_int_equal(message->wants_answer, ANSWERS[i].wants_answer);
        assert_string_equal(message->extra_metadata->text,
                            text_format(*state, "{\"interactive\":%s}", ANSWERS[i].json));
    }
}

static void a_template_button_quotes_its_template_and_its_stop_payload_opts_out(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state,
        "\"type\":\"button\",\"button\":{\"payload\":\"MORE\",\"text\":\"Tell me more\"},\"context\":{\"from\":\"15005550100\",\"id\":\"wamid.T\"}");
    assert_string_equal(message->kind, "button");
    assert_string_equal(message->message_text, "Tell me more");
    assert_string_equal(message->reply_to, "wamid.T");
    assert_false(message->has_opt_out && message->opt_out);
    assert_true(read_type(*state, "\"type\":\"button\",\"button\":{\"payload\":\"STOP_MKT\",\"text\":\"Nein danke\"}")
                    ->opt_out);
    assert_true(read_type(*state, "\"type\":\"button\",\"button\":{\"payload\":\"STOP\",\"text\":\"x\"}")->opt_out);
    assert_false(
        read_type(*state, "\"type\":\"button\",\"button\":{\"payload\":\"STOPOVER\",\"text\":\"x\"}")->opt_out);
}

static void a_reaction_points_at_its_message_and_wants_no_answer(void **state)
{
    Pb__InboundMessage *message =
        read_type(*state, "\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.B\",\"emoji\":\"👍\"}");
    assert_string_equal(message->kind, "reaction");
    assert_string_equal(message->message_text, "👍");
    assert_string_equal(message->reply_to, "wamid.B");
    assert_false(message->wants_answer);
    assert_null(read_type(*state, "\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.B\"}")->message_text);
}

static void an_order_is_told_in_words(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state,
        "\"type\":\"order\",\"order\":{\"catalog_id\":\"1\",\"text\":\"\",\"product_items\":[{\"product_retailer_id\":\"SKU-1\","
        "\"quantity\":2,\"item_price\":9.90,\"currency\":\"EUR\"},{\"product_retailer_id\":\"SKU-2\",\"quantity\":\"1\"},7]}");
    assert_string_equal(message->kind, "order");
    assert_string_equal(message->message_text, "2 x SKU-1 (9.90 EUR)\n1 x SKU-2");
    assert_true(message->wants_answer);
}

static void a_changed_number_links_both(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state,
        "\"type\":\"system\",\"system\":{\"type\":\"user_changed_number\",\"body\":\"Ines changed\",\"wa_id\":\"15005550188\"}");
    assert_string_equal(message->kind, "system");
    assert_string_equal(message->number_changed_to, "+15005550188");
    assert_false(message->wants_answer);
    assert_null(
        read_type(*state, "\"type\":\"system\",\"system\":{\"type\":\"customer_identity_changed\",\"body\":\"x\"}")
            ->number_changed_to);
}

static void a_changed_user_id_is_the_same_person(void **state)
{
    Pb__InboundMessage *message = read_piece(
        *state,
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from\":\"15005550177\",\"id\":\"w\",\"timestamp\":\"1\",\"type\":"
        "\"system\",\"system\":{\"type\":\"user_changed_user_id\",\"user_id\":\"US.2\",\"previous_user_id\":\"US.1\"}}}");
    assert_int_equal(message->n_identities, 3);
    assert_string_equal(message->identities[0]->value, "US.2");
    assert_string_equal(message->identities[1]->value, "US.1");
    assert_string_equal(message->identities[2]->value, "+15005550177");
}

static void what_meta_does_not_hand_on_is_kept_with_its_reason(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state, "\"type\":\"unsupported\",\"errors\":[{\"code\":131051}],\"unsupported\":{\"type\":\"poll\"}");
    assert_string_equal(message->kind, "unsupported");
    assert_true(message->wants_answer);
    assert_non_null(strstr(message->extra_metadata->text, "131051"));
    assert_non_null(strstr(message->extra_metadata->text, "poll"));
    assert_false(read_type(*state, "\"type\":\"unsupported\",\"unsupported\":{\"type\":\"edit\"}")->wants_answer);
}

static void edits_and_deletions_point_at_what_they_change(void **state)
{
    Pb__InboundMessage *edit = read_type(
        *state, "\"type\":\"edit\",\"edit\":{\"original_message_id\":\"wamid.O\",\"message\":{\"type\":\"text\"}}");
    Pb__InboundMessage *revoke =
        read_type(*state, "\"type\":\"revoke\",\"revoke\":{\"original_message_id\":\"wamid.O\"}");
    assert_string_equal(edit->kind, "unknown");
    assert_string_equal(edit->reply_to, "wamid.O");
    assert_false(edit->wants_answer);
    assert_non_null(strstr(edit->extra_metadata->text, "\"edit\""));
    assert_string_equal(revoke->reply_to, "wamid.O");
    assert_false(revoke->wants_answer);
}

static void a_type_that_is_new_or_missing_is_kept_raw(void **state)
{
    Pb__InboundMessage *message =
        read_type(*state, "\"type\":\"hologram\",\"hologram\":{\"big\":12345678901234567890}");
    assert_string_equal(message->kind, "unknown");
    assert_non_null(strstr(message->extra_metadata->text, "\"raw\":{\"from\":"));
    assert_non_null(strstr(message->extra_metadata->text, "12345678901234567890"));
    assert_string_equal(read_type(*state, "\"x\":1")->kind, "unknown");
    assert_string_equal(read_type(*state, "\"type\":7")->kind, "unknown");
}

static void context_referral_and_group_are_kept(void **state)
{
    Pb__InboundMessage *message = read_type(
        *state, "\"type\":\"text\",\"text\":{\"body\":\"x\"},\"context\":{\"id\":\"wamid.Q\",\"forwarded\":true},"
                "\"referral\":{\"source_id\":\"ad1\"}");
    assert_string_equal(message->reply_to, "wamid.Q");
    assert_string_equal(message->extra_metadata->text,
                        "{\"context\":{\"id\":\"wamid.Q\",\"forwarded\":true},\"referral\":{\"source_id\":\"ad1\"}}");
    assert_true(message->wants_answer);
    assert_false(read_type(*state, "\"type\":\"text\",\"text\":{\"body\":\"x\"},\"group_id\":\"g1\"")->wants_answer);
}

static void a_type_without_its_object_is_refused(void **state)
{
    static const char *const TYPES[] = { "text",     "image",    "audio",    "video",       "document",
                                         "sticker",  "location", "contacts", "interactive", "button",
                                         "reaction", "order",    "system",   "edit" };
    Pb__InboundMessage *message;
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        assert_int_equal(
            try_read(*state, piece(*state, text_format(*state, "\"type\":\"%s\"", TYPES[i])), &message, NULL), REJECT);
        assert_int_equal(
            try_read(*state, piece(*state, text_format(*state, "\"type\":\"%s\",\"%s\":\"x\"", TYPES[i], TYPES[i])),
                     &message, NULL),
            REJECT);
    }
    assert_int_equal(try_read(*state, piece(*state, "\"type\":\"text\",\"text\":{}"), &message, NULL), REJECT);
}

static void what_the_business_wrote_on_its_own_phone_is_an_echo(void **state)
{
    Pb__InboundMessage *message = read_piece(
        *state,
        "{\"field\":\"smb_message_echoes\",\"metadata\":{\"phone_number_id\":\"77\"},\"message\":{\"from\":\"15005550100\","
        "\"to\":\"15005550177\",\"id\":\"w\",\"timestamp\":\"1\",\"type\":\"text\",\"text\":{\"body\":\"We are open\"}}}");
    assert_true(message->echo);
    assert_false(message->wants_answer);
    assert_int_equal(message->n_identities, 1);
    assert_string_equal(message->identities[0]->value, "+15005550177");
}

static void marketing_switched_off_in_whatsapp_is_an_opt_out_with_an_id_that_stays(void **state)
{
    static const char BODY[] =
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"user_preferences\",\"value\":{\"metadata\":{"
        "\"phone_number_id\":\"77\"},\"user_preferences\":[{\"wa_id\":\"15005550177\",\"detail\":\"d\",\"category\":\"marketing_messages\","
        "\"value\":\"%s\",\"timestamp\":1763632800}]}}]}]}";
    struct whatsapp_cloud_piece *pieces;
    size_t count;
    const char *body = text_format(*state, BODY, "stop");
    assert_int_equal(whatsapp_cloud_split(*state, body, strlen(body), &pieces, &count, NULL), OK);
    assert_int_equal(count, 1);
    Pb__InboundMessage *message = read_piece(*state, pieces[0].body);
    assert_true(message->opt_out);
    assert_false(message->opt_in);
    assert_false(message->wants_answer);
    assert_string_equal(message->kind, "system");
    assert_string_equal(message->external_id, pieces[0].external_id);
    assert_string_equal(message->identities[0]->value, "+15005550177");
    body = text_format(*state, BODY, "resume");
    assert_int_equal(whatsapp_cloud_split(*state, body, strlen(body), &pieces, &count, NULL), OK);
    assert_true(read_piece(*state, pieces[0].body)->opt_in);
    assert_string_not_equal(message->external_id, pieces[0].external_id);
}

/* -- receipts */

static const char CONTRACT_STATUS[] =
    "{\"entry_id\":\"1\",\"field\":\"messages\",\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"wamid.QUNNRS1PVVQtMDAwOQ==\",\"status\":\"failed\","
    "\"timestamp\":\"1763632915\",\"recipient_id\":\"15005550177\",\"recipient_user_id\":\"US.70010020030040050\",\"biz_opaque_callback_data\":\"job-5521\","
    "\"errors\":[{\"code\":131047,\"title\":\"Re-engagement message to 15005550177\",\"message\":\"Re-engagement message\",\"error_data\":{\"details\":\"closed\"},"
    "\"href\":\"https://developers.facebook.com/\"}],\"pricing\":{\"billable\":true}}}";

static Pb__Receipt *read_receipt(struct arena *arena, const char *body)
{
    struct error error = { 0 };
    Pb__Receipt *receipt = PB_NEW(arena, receipt);
    if (whatsapp_cloud_read_receipt(arena, body, strlen(body), receipt, &error) != OK)
        fail_msg("refused: %s", error.text);
    return receipt;
}

static void a_failed_receipt_names_its_class_and_no_number(void **state)
{
    Pb__Receipt *receipt = read_receipt(*state, CONTRACT_STATUS);
    assert_int_equal(receipt->status, PB__RECEIPT_STATUS__RECEIPT_STATUS_FAILED);
    assert_string_equal(receipt->external_id, "wamid.QUNNRS1PVVQtMDAwOQ==");
    assert_string_equal(receipt->account, "77");
    assert_string_equal(receipt->error_class, "window");
    assert_string_equal(receipt->error_code, "131047");
    assert_string_equal(receipt->error, "Re-engagement message to ...");
    assert_string_equal(receipt->recipient, "15005550177");
    assert_true(receipt->provider_at == 1763632915000);
    assert_null(receipt->message_id); /* "job-5521" is no id of ours */
    assert_non_null(strstr(receipt->raw->text, "\"billable\":true"));
}

static void every_status_word_has_its_meaning_and_a_new_one_none(void **state)
{
    static const struct {
        const char *word;
        Pb__ReceiptStatus status;
    } WORDS[] = {
        { "sent", PB__RECEIPT_STATUS__RECEIPT_STATUS_SENT },
        { "delivered", PB__RECEIPT_STATUS__RECEIPT_STATUS_DELIVERED },
        { "read", PB__RECEIPT_STATUS__RECEIPT_STATUS_READ },
        { "played", PB__RECEIPT_STATUS__RECEIPT_STATUS_READ },
        { "failed", PB__RECEIPT_STATUS__RECEIPT_STATUS_FAILED },
        { "teleported", PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED },
        { "", PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED },
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        Pb__Receipt *receipt = read_receipt(
            *state,
            text_format(
                *state,
                "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"%s\",\"timestamp\":1}}",
                WORDS[i].word));
        assert_int_equal(receipt->status, WORDS[i].status);
    }
}

static void our_own_id_comes_back(void **state)
{
    Pb__Receipt *receipt = read_receipt(
        *state,
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"sent\",\"timestamp\":\"1\","
        "\"biz_opaque_callback_data\":\"0199F0A2-1234-7ABC-8DEF-0123456789AB\"}}");
    assert_string_equal(receipt->message_id, "0199f0a2-1234-7abc-8def-0123456789ab");
}

static void a_failure_without_a_reason_is_permanent(void **state)
{
    Pb__Receipt *receipt = read_receipt(
        *state,
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"failed\",\"timestamp\":\"1\"}}");
    assert_string_equal(receipt->error_class, "permanent");
    assert_null(receipt->error_code);
}

static void a_malformed_receipt_is_refused(void **state)
{
    static const char *const BODIES[] = {
        "{\"status\":{\"id\":\"w\",\"status\":\"sent\"}}",
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"status\":\"sent\"}}",
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\"}}",
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":7}",
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"failed\",\"errors\":{}}}",
        "{\"metadata\":{\"phone_number_id\":\"77\"},\"status\":{\"id\":\"w\",\"status\":\"failed\",\"errors\":[{\"code\":\"x\"}]}}",
        "[]",
        "",
    };
    for (size_t i = 0; i < sizeof BODIES / sizeof *BODIES; i++)
        assert_int_equal(
            whatsapp_cloud_read_receipt(*state, BODIES[i], strlen(BODIES[i]), PB_NEW(*state, receipt), NULL), REJECT);
}

/* -- anything at all */

static const char *const MEMBERS[] = {
    "\"type\":\"text\",\"text\":{\"body\":\"দাম 👍\"},\"context\":{\"id\":\"q\"},\"referral\":{\"a\":1}",
    "\"type\":\"document\",\"document\":{\"id\":\"1\",\"filename\":\"../a\",\"caption\":\"c\"}",
    "\"type\":\"location\",\"location\":{\"latitude\":1.5,\"longitude\":2,\"name\":\"n\"}",
    "\"type\":\"contacts\",\"contacts\":[{\"name\":{\"formatted_name\":\"A\"}}]",
    "\"type\":\"interactive\",\"interactive\":{\"type\":\"nfm_reply\",\"nfm_reply\":{\"body\":\"b\",\"response_json\":\"{}\"}}",
    "\"type\":\"order\",\"order\":{\"product_items\":[{\"product_retailer_id\":\"s\",\"quantity\":2,\"item_price\":1.5,\"currency\":\"EUR\"}]}",
    "\"type\":\"system\",\"system\":{\"type\":\"user_changed_number\",\"wa_id\":\"15005550188\"}",
    "\"type\":\"unsupported\",\"errors\":[{\"code\":1}],\"unsupported\":{\"type\":\"poll\"}",
    "\"type\":\"edit\",\"edit\":{\"original_message_id\":\"o\"},\"group_id\":\"g\"",
};

static void read_both(const char *body, size_t bytes)
{
    struct arena *arena = arena_new(0);
    enum whatsapp_cloud_kind kind;
    const char *field;
    char *copy = arena_copy(arena, body, bytes);
    whatsapp_cloud_read_message(arena, copy, bytes, PB_NEW(arena, inbound_message), NULL);
    whatsapp_cloud_read_receipt(arena, copy, bytes, PB_NEW(arena, receipt), NULL);
    whatsapp_cloud_piece_kind(arena, copy, bytes, &kind, &field, NULL);
    arena_free(arena);
}

static void cut_short_or_bit_flipped_a_piece_is_taken_or_refused(void **state)
{
    for (size_t m = 0; m <= sizeof MEMBERS / sizeof *MEMBERS; m++) {
        bool status = m == sizeof MEMBERS / sizeof *MEMBERS;
        char *body = arena_text(*state, status ? CONTRACT_STATUS : piece(*state, MEMBERS[m]));
        size_t bytes = strlen(body);
        for (size_t i = 0; i < bytes; i++)
            read_both(body, i);
        for (size_t i = 0; i < bytes * 8; i++) {
            body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
            read_both(body, bytes);
            body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_has_sender_account_time_and_words),
        TEST(a_sender_without_a_phone_is_known_by_the_user_id),
        TEST(nobody_at_all_is_refused),
        TEST(a_missing_time_is_left_to_the_caller_and_a_wild_one_refused),
        TEST(an_id_has_1_to_255_bytes),
        TEST(bengali_and_emoji_come_through_unchanged),
        TEST(media_keep_their_ids_and_their_caption_is_the_text),
        TEST(a_file_name_can_lead_nowhere),
        TEST(a_place_is_told_in_words_and_kept),
        TEST(contacts_are_named),
        TEST(every_interactive_answer_has_its_words),
        TEST(a_template_button_quotes_its_template_and_its_stop_payload_opts_out),
        TEST(a_reaction_points_at_its_message_and_wants_no_answer),
        TEST(an_order_is_told_in_words),
        TEST(a_changed_number_links_both),
        TEST(a_changed_user_id_is_the_same_person),
        TEST(what_meta_does_not_hand_on_is_kept_with_its_reason),
        TEST(edits_and_deletions_point_at_what_they_change),
        TEST(a_type_that_is_new_or_missing_is_kept_raw),
        TEST(context_referral_and_group_are_kept),
        TEST(a_type_without_its_object_is_refused),
        TEST(what_the_business_wrote_on_its_own_phone_is_an_echo),
        TEST(marketing_switched_off_in_whatsapp_is_an_opt_out_with_an_id_that_stays),
        TEST(a_failed_receipt_names_its_class_and_no_number),
        TEST(every_status_word_has_its_meaning_and_a_new_one_none),
        TEST(our_own_id_comes_back),
        TEST(a_failure_without_a_reason_is_permanent),
        TEST(a_malformed_receipt_is_refused),
        TEST(cut_short_or_bit_flipped_a_piece_is_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
