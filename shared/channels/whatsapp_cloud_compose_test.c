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

#define ID   "0199f0a2-1234-7abc-8def-0123456789ab"
#define HEAD "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\","
#define TAIL ",\"biz_opaque_callback_data\":\"" ID "\"}"

static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static Pb__Outgoing *outgoing(struct arena *arena, const char *text)
{
    Pb__Outgoing *out = PB_NEW(arena, outgoing);
    out->message_id = unconst(ID);
    out->recipient = unconst("15005550177");
    out->recipient_kind = unconst("phone");
    out->text = unconst(text);
    return out;
}

static const char *composed(struct arena *arena, const Pb__Outgoing *out)
{
    struct error error = { 0 };
    const char *body;
    if (whatsapp_cloud_compose(arena, out, &body, &error) != OK)
        fail_msg("refused: %s", error.text);
    assert_int_equal(json_check(body, strlen(body), NULL), OK);
    return body;
}

static const char *refused(struct arena *arena, const Pb__Outgoing *out)
{
    struct error *error = ARENA_NEW(arena, struct error);
    const char *body;
    if (whatsapp_cloud_compose(arena, out, &body, error) != REJECT)
        fail_msg("taken: %s", body);
    return error->code;
}

static char *repeated(struct arena *arena, const char *character, size_t count)
{
    struct buffer text = { .arena = arena };
    for (size_t i = 0; i < count; i++)
        buffer_add(&text, character);
    return unconst(buffer_text(&text));
}

static void a_text_is_sent_without_a_preview_and_with_our_id(void **state)
{
    assert_string_equal(
        composed(*state, outgoing(*state, "Hi \"Ines\"\nনমস্কার 👍")), HEAD
        "\"to\":\"15005550177\",\"type\":\"text\",\"text\":{\"preview_url\":false,\"body\":\"Hi \\\"Ines\\\"\\nনমস্কার 👍\"}" TAIL);
}

static void a_quoted_message_goes_along(void **state)
{
    Pb__Outgoing *out = outgoing(*state, "x");
    out->quoted_external_id = unconst("wamid.Q");
    assert_non_null(strstr(composed(*state, out), ",\"context\":{\"message_id\":\"wamid.Q\"},"));
}

static void a_text_has_1_to_4096_characters_whatever_their_bytes(void **state)
{
    static const char *const CHARACTERS[] = { "a", "é", "দ", "👍" };
    for (size_t i = 0; i < sizeof CHARACTERS / sizeof *CHARACTERS; i++) {
        composed(*state, outgoing(*state, repeated(*state, CHARACTERS[i], 4096)));
        assert_string_equal(refused(*state, outgoing(*state, repeated(*state, CHARACTERS[i], 4097))), "text_too_long");
    }
    composed(*state, outgoing(*state, "a"));
    assert_string_equal(refused(*state, outgoing(*state, "")), "no_content");
    assert_string_equal(refused(*state, outgoing(*state, NULL)), "no_content");
}

static void a_phone_is_digits_and_a_user_id_is_itself(void **state)
{
    static const char *const PHONES[] = { "15005550177", "+15005550177", "+1 500 555-0177", "(1)500.5550177" };
    Pb__Outgoing *out = outgoing(*state, "x");
    for (size_t i = 0; i < sizeof PHONES / sizeof *PHONES; i++) {
        out->recipient = unconst(PHONES[i]);
        assert_non_null(strstr(composed(*state, out), "\"to\":\"15005550177\""));
    }
    out->recipient = unconst("PT.8812AbC");
    assert_string_equal(refused(*state, out), "no_recipient");
    out->recipient_kind = unconst("bsuid");
    assert_non_null(strstr(composed(*state, out), "\"recipient\":\"PT.8812AbC\""));
    assert_null(strstr(composed(*state, out), "\"to\""));
}

static void a_recipient_has_7_to_15_digits(void **state)
{
    static const struct {
        const char *phone;
        bool taken;
    } PHONES[] = { { "1234567", true },
                   { "123456", false },
                   { "123456789012345", true },
                   { "1234567890123456", false },
                   { "", false },
                   { NULL, false },
                   { "+", false } };
    Pb__Outgoing *out = outgoing(*state, "x");
    for (size_t i = 0; i < sizeof PHONES / sizeof *PHONES; i++) {
        out->recipient = unconst(PHONES[i].phone);
        if (PHONES[i].taken)
            composed(*state, out);
        else
            assert_string_equal(refused(*state, out), "no_recipient");
    }
}

static void a_template_has_its_language_and_parameters_in_order(void **state)
{
    Pb__Outgoing *out = outgoing(*state, "");
    out->template_name = unconst("cart_reminder_v2");
    assert_string_equal(refused(*state, out), "template_language");
    out->template_language = unconst("en_US");
    assert_string_equal(
        composed(*state, out), HEAD
        "\"to\":\"15005550177\",\"type\":\"template\",\"template\":{\"name\":\"cart_reminder_v2\",\"language\":{\"code\":\"en_"
        "US\"}}" TAIL);
    out->template_params = pb_json(*state, "[\"Ines\",\"8812\"]");
    assert_non_null(strstr(composed(*state, out),
                           "\"components\":[{\"type\":\"body\",\"parameters\":[{\"type\":\"text\",\"text\":\"Ines\"},"
                           "{\"type\":\"text\",\"text\":\"8812\"}]}]"));
    out->template_params = pb_json(*state, "[]");
    assert_null(strstr(composed(*state, out), "components"));
}

static void a_parameter_that_meta_refuses_is_refused_here(void **state)
{
    static const struct {
        const char *json;
        bool taken;
    } PARAMETERS[] = {
        { "[\"a    b\"]", true },     { "[\"a     b\"]", false }, { "[\"a\\nb\"]", false }, { "[\"a\\tb\"]", false },
        { "[\"\"]", false },          { "[1]", false },           { "{}", true },           { "7", false },
        { "{\"footer\":[]}", false }, { "[\"স্টপ\"]", true }
    };
    Pb__Outgoing *out = outgoing(*state, "");
    out->template_name = unconst("t");
    out->template_language = unconst("en");
    for (size_t i = 0; i < sizeof PARAMETERS / sizeof *PARAMETERS; i++) {
        out->template_params = pb_json(*state, PARAMETERS[i].json);
        if (PARAMETERS[i].taken)
            composed(*state, out);
        else
            assert_string_equal(refused(*state, out), "template_parameters");
    }
}

static void media_go_by_link_or_id_never_both(void **state)
{
    static const struct {
        const char *json, *text, *want;
    } MEDIA[] = {
        { "{\"type\":\"image\",\"link\":\"https://a.example/h.jpg\"}", "",
          "\"type\":\"image\",\"image\":{\"link\":\"https://a.example/h.jpg\"}" },
        { "{\"type\":\"image\",\"id\":\"991\",\"caption\":\"c\"}", "text",
          "\"image\":{\"id\":\"991\",\"caption\":\"c\"}" },
        { "{\"type\":\"video\",\"id\":\"991\"}", "text", "\"video\":{\"id\":\"991\",\"caption\":\"text\"}" },
        { "{\"type\":\"document\",\"id\":\"1\",\"filename\":\"a.pdf\"}", "",
          "\"document\":{\"id\":\"1\",\"filename\":\"a.pdf\"}" },
        { "{\"type\":\"audio\",\"id\":\"1\"}", "", "\"audio\":{\"id\":\"1\"}" },
        { "{\"type\":\"sticker\",\"link\":\"http://a.example/s\"}", "",
          "\"sticker\":{\"link\":\"http://a.example/s\"}" },
        { "{\"type\":\"image\"}", "", NULL },
        { "{\"type\":\"image\",\"id\":\"1\",\"link\":\"https://a.example\"}", "", NULL },
        { "{\"type\":\"image\",\"link\":\"file:///etc/passwd\"}", "", NULL },
        { "{\"type\":\"audio\",\"id\":\"1\",\"caption\":\"c\"}", "", NULL },
        { "{\"type\":\"sticker\",\"id\":\"1\"}", "words", NULL },
        { "{\"type\":\"hologram\",\"id\":\"1\"}", "", NULL },
        { "{\"id\":\"1\"}", "", NULL },
        { "[]", "", NULL },
    };
    for (size_t i = 0; i < sizeof MEDIA / sizeof *MEDIA; i++) {
        Pb__Outgoing *out = outgoing(*state, MEDIA[i].text);
        out->media = pb_json(*state, MEDIA[i].json);
        if (MEDIA[i].want)
            assert_non_null(strstr(composed(*state, out), MEDIA[i].want));
        else
            assert_string_equal(refused(*state, out), "invalid_media");
    }
}

static void a_caption_has_at_most_1024_characters(void **state)
{
    Pb__Outgoing *out = outgoing(*state, repeated(*state, "দ", 1024));
    out->media = pb_json(*state, "{\"type\":\"image\",\"id\":\"1\"}");
    composed(*state, out);
    out->text = repeated(*state, "দ", 1025);
    assert_string_equal(refused(*state, out), "caption_too_long");
}

/* -- judging */

static struct whatsapp_cloud_verdict judged(struct arena *arena, long status, const char *body)
{
    struct whatsapp_cloud_verdict verdict;
    whatsapp_cloud_judge(arena, status, body, body ? strlen(body) : 0, &verdict);
    assert_non_null(verdict.external_id);
    assert_non_null(verdict.error_code);
    assert_non_null(verdict.error);
    return verdict;
}

static const char ACCEPTED[] =
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"15005550177\",\"wa_id\":\"15005550177\"}],"
    "\"messages\":[{\"id\":\"wamid.QUNNRS1PVVQtMDAwOQ==\",\"message_status\":\"accepted\"}]}";
static const char PAIR[] =
    "{\"error\":{\"message\":\"(#131056) Pair rate limit\",\"type\":\"OAuthException\",\"code\":131056,"
    "\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":\"Too many messages to this recipient.\"},\"fbtrace_id\":\"AdemoTrace01\"}}";

static void accepted_is_sent_under_metas_id(void **state)
{
    struct whatsapp_cloud_verdict verdict = judged(*state, 200, ACCEPTED);
    assert_int_equal(verdict.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_SENT);
    assert_string_equal(verdict.external_id, "wamid.QUNNRS1PVVQtMDAwOQ==");
}

static void metas_own_error_is_a_failure_whatever_the_http_status(void **state)
{
    static const long STATUSES[] = { 200, 400, 429, 500, 503 };
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        struct whatsapp_cloud_verdict verdict = judged(*state, STATUSES[i], PAIR);
        assert_int_equal(verdict.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_FAILED);
        assert_int_equal(verdict.error_class, PB__SEND_CLASS__SEND_CLASS_THROTTLE_PAIR);
        assert_string_equal(verdict.error_code, "131056");
        assert_string_equal(verdict.error, "(#131056) Pair rate limit");
    }
}

static void an_error_sentence_holds_no_number_of_a_person(void **state)
{
    struct whatsapp_cloud_verdict verdict = judged(
        *state, 400, "{\"error\":{\"message\":\"Recipient +15005550177 not in list (131030)\",\"code\":131030}}");
    assert_string_equal(verdict.error, "Recipient +... not in list (131030)");
}

static void anything_but_metas_own_words_is_unknown(void **state)
{
    static const struct {
        long status;
        const char *body;
    } ANSWERS[] = {
        { 502, "" },
        { 504, "<html>Gateway Timeout</html>" },
        { 500, NULL },
        { 500, "{}" },
        { 503, "{\"error\":\"down\"}" },
        { 500, "{\"error\":{\"message\":\"no code\"}}" },
        { 500, "{\"error\":{\"code\":\"x\"}}" },
        { 200, "" },
        { 200, "ok" },
        { 200, "{}" },
        { 200, "{\"messages\":[]}" },
        { 200, "{\"messages\":[{}]}" },
        { 200, "{\"messages\":[{\"id\":7}]}" },
        { 200, "{\"messages\":[{\"id\":\"\"}]}" },
        { 200, "[]" },
        { 301, "" },
        { 404, "not found" },
        { 0, NULL },
        { 500, "{\"messages\":[{\"id\":\"wamid.X\"}]}" },
    };
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++)
        assert_int_equal(judged(*state, ANSWERS[i].status, ANSWERS[i].body).outcome,
                         PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN);
}

static void an_unlisted_error_that_meta_calls_passing_is_tried_again(void **state)
{
    assert_int_equal(judged(*state, 500, "{\"error\":{\"code\":99999,\"is_transient\":true}}").error_class,
                     PB__SEND_CLASS__SEND_CLASS_RETRY);
    assert_int_equal(judged(*state, 500, "{\"error\":{\"code\":99999,\"is_transient\":false}}").error_class,
                     PB__SEND_CLASS__SEND_CLASS_PERMANENT);
    assert_int_equal(judged(*state, 401, "{\"error\":{\"code\":190,\"is_transient\":true}}").error_class,
                     PB__SEND_CLASS__SEND_CLASS_AUTH);
}

static void cut_short_or_bit_flipped_an_answer_is_never_taken_for_an_error_free_one(void **state)
{
    static const char *const BODIES[] = { ACCEPTED, PAIR };
    for (size_t b = 0; b < sizeof BODIES / sizeof *BODIES; b++) {
        size_t bytes = strlen(BODIES[b]);
        for (size_t i = 0; i < bytes * 8; i++) {
            struct arena *arena = arena_new(0);
            struct whatsapp_cloud_verdict verdict;
            char *body = arena_text(arena, BODIES[b]);
            body[i / 8] = (char)(body[i / 8] ^ 1 << i % 8);
            whatsapp_cloud_judge(arena, 200, body, bytes, &verdict);
            assert_true(verdict.outcome != PB__SEND_OUTCOME__SEND_OUTCOME_SENT || *verdict.external_id);
            if (i < bytes) {
                whatsapp_cloud_judge(arena, 200, arena_copy(arena, BODIES[b], i), i, &verdict);
                assert_int_equal(verdict.outcome, PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN);
            }
            arena_free(arena);
        }
    }
    (void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_sent_without_a_preview_and_with_our_id),
        TEST(a_quoted_message_goes_along),
        TEST(a_text_has_1_to_4096_characters_whatever_their_bytes),
        TEST(a_phone_is_digits_and_a_user_id_is_itself),
        TEST(a_recipient_has_7_to_15_digits),
        TEST(a_template_has_its_language_and_parameters_in_order),
        TEST(a_parameter_that_meta_refuses_is_refused_here),
        TEST(media_go_by_link_or_id_never_both),
        TEST(a_caption_has_at_most_1024_characters),
        TEST(accepted_is_sent_under_metas_id),
        TEST(metas_own_error_is_a_failure_whatever_the_http_status),
        TEST(an_error_sentence_holds_no_number_of_a_person),
        TEST(anything_but_metas_own_words_is_unknown),
        TEST(an_unlisted_error_that_meta_calls_passing_is_tried_again),
        TEST(cut_short_or_bit_flipped_an_answer_is_never_taken_for_an_error_free_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
