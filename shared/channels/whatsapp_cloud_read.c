/* Ingest's half of the way in: who wrote, when, to whom; and receipts. What was written is whatsapp_cloud_content.c's.
 */
#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_inside.h"

static const int64_t YEAR_9999_S = 253402300799;

const char *whatsapp_cloud_text(const cJSON *object, const char *name)
{
    const cJSON *member = object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
    return member && cJSON_IsString(member) ? member->valuestring : "";
}

char *whatsapp_cloud_phone(struct arena *arena, const char *digits)
{
    char *phone = NULL;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || digits[count])
        return NULL;
    return text_phone(arena, text_format(arena, "+%s", digits), &phone, NULL) == OK ? phone : NULL;
}

char *whatsapp_cloud_sentence(struct arena *arena, const char *text)
{
    enum { DIGITS_MAX = 6, SENTENCE_BYTES_MAX = 200 };
    struct buffer sentence = { .arena = arena };
    while (*text) {
        size_t digits = strspn(text, "0123456789");
        size_t others = strcspn(text + digits, "0123456789");
        if (digits > DIGITS_MAX)
            buffer_add(&sentence, "...");
        else
            buffer_add_n(&sentence, text, digits);
        buffer_add_n(&sentence, text + digits, others);
        text += digits + others;
    }
    return text_cut(arena, buffer_text(&sentence), SENTENCE_BYTES_MAX);
}

/* -- the piece */

static enum status piece_parse(struct arena *arena, const char *body, size_t bytes, cJSON **piece, struct error *error)
{
    TRY(json_parse(arena, body, bytes, piece, error));
    return cJSON_IsObject(*piece)
               ? OK
               : error_code(error, REJECT, "invalid_piece", "an item of a webhook is one JSON object");
}

enum status whatsapp_cloud_piece_kind(struct arena *arena, const char *body, size_t bytes,
                                      enum whatsapp_cloud_kind *kind, const char **field, struct error *error)
{
    cJSON *piece;
    TRY(piece_parse(arena, body, bytes, &piece, error));
    *field = whatsapp_cloud_text(piece, "field");
    *kind = cJSON_HasObjectItem(piece, "status")  ? WHATSAPP_CLOUD_STATUS
            : cJSON_HasObjectItem(piece, "value") ? WHATSAPP_CLOUD_OTHER
                                                  : WHATSAPP_CLOUD_MESSAGE;
    return OK;
}

static enum status read_account(struct arena *arena, const cJSON *piece, char **account, struct error *error)
{
    const char *text = whatsapp_cloud_text(cJSON_GetObjectItemCaseSensitive(piece, "metadata"), "phone_number_id");
    if (!*text || strlen(text) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "no_account", "the item does not name the number that received it");
    *account = arena_text(arena, text);
    return OK;
}

/* Seconds since 1970, as text or number. Absent: the caller's own time has to do. */
static enum status read_timestamp(const cJSON *object, protobuf_c_boolean *has, int64_t *at, struct error *error)
{
    int64_t seconds = 0;
    TRY(json_want_int64(object, "timestamp", &seconds, error));
    if (seconds < 0 || seconds > YEAR_9999_S)
        return error_code(error, REJECT, "invalid_member", "'timestamp' is no time of this era");
    *has = seconds > 0;
    *at = seconds * SECOND_MS;
    return OK;
}

static enum status read_id(struct arena *arena, const cJSON *object, char **id, struct error *error)
{
    const char *text;
    TRY(json_need_text(object, "id", &text, error));
    if (!*text || strlen(text) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "invalid_member", "'id' must be 1 to %d bytes", KEY_BYTES_MAX);
    *id = arena_text(arena, text);
    return OK;
}

/* -- who */

enum { IDENTITIES_MAX = 4 };

static void identity_add(struct arena *arena, Pb__InboundMessage *out, const char *kind, const char *value,
                         const char *address)
{
    if (text_empty(value) || strlen(value) > KEY_BYTES_MAX || out->n_identities == IDENTITIES_MAX)
        return;
    for (size_t i = 0; i < out->n_identities; i++)
        if (text_same(out->identities[i]->kind, kind) && text_same(out->identities[i]->value, value))
            return;
    if (!out->identities)
        out->identities = ARENA_ARRAY(arena, Pb__Identity *, IDENTITIES_MAX);
    Pb__Identity *identity = PB_NEW(arena, identity);
    identity->kind = arena_text(arena, kind);
    identity->value = arena_text(arena, value);
    identity->address = arena_text(arena, address);
    out->identities[out->n_identities++] = identity;
}

static void identity_add_bsuid(struct arena *arena, Pb__InboundMessage *out, const char *id)
{
    identity_add(arena, out, "bsuid", id, id);
}

/* The number in E.164 to find the person by, beside the spelling that answers are sent to. */
static void identity_add_phone(struct arena *arena, Pb__InboundMessage *out, const char *digits)
{
    identity_add(arena, out, "phone", whatsapp_cloud_phone(arena, digits), digits);
}

static const char *first_of(const char *a, const char *b)
{
    return *a ? a : b;
}

/*
 * The person's keys, strongest first. An echo is the business's own message: the person is whom it went to. A system
 * message of a changed user id names the old and the new one, so that both become one person.
 */
static void read_identities(struct arena *arena, const cJSON *message, const cJSON *contact, Pb__InboundMessage *out)
{
    const cJSON *system = cJSON_GetObjectItemCaseSensitive(message, "system");
    if (cJSON_IsObject(system)) {
        identity_add_bsuid(arena, out, whatsapp_cloud_text(system, "user_id"));
        identity_add_bsuid(arena, out, whatsapp_cloud_text(system, "previous_user_id"));
    }
    const char *bsuid = whatsapp_cloud_text(message, out->echo ? "to_user_id" : "from_user_id");
    const char *phone = whatsapp_cloud_text(message, out->echo ? "to" : "from");
    identity_add_bsuid(arena, out, first_of(bsuid, whatsapp_cloud_text(contact, "user_id")));
    identity_add_phone(arena, out, first_of(phone, whatsapp_cloud_text(contact, "wa_id")));
}

static void read_name(struct arena *arena, const cJSON *contact, Pb__InboundMessage *out)
{
    const cJSON *profile = contact ? cJSON_GetObjectItemCaseSensitive(contact, "profile") : NULL;
    const char *name = text_trim(arena, whatsapp_cloud_text(profile, "name"));
    name = first_of(name, whatsapp_cloud_text(profile, "username"));
    if (*name)
        out->contact_name = text_cut(arena, name, NAME_BYTES_MAX);
}

/* -- messages */

/* A person switched marketing messages off or on in WhatsApp itself: a message without words that nobody answers. */
static enum status read_preference(struct arena *arena, const cJSON *preference, Pb__InboundMessage *out,
                                   struct error *error)
{
    const char *value;
    TRY(json_need_text(preference, "value", &value, error));
    TRY(read_timestamp(preference, &out->has_provider_at, &out->provider_at, error));
    identity_add_bsuid(arena, out, whatsapp_cloud_text(preference, "user_id"));
    identity_add_phone(arena, out, whatsapp_cloud_text(preference, "wa_id"));
    /* As whatsapp_cloud_split names it: the same preference is the same message for ever. */
    const char *text = json_text(arena, preference);
    out->external_id =
        text_format(arena, "preference.%s", ident_named(arena, "whatsapp_cloud preference", out->account, text, NULL));
    out->kind = arena_text(arena, "system");
    out->extra_metadata =
        pb_json(arena, text_format(arena, "{\"field\":\"user_preferences\",\"preference\":%s}", text));
    PB_SET(out, wants_answer, false);
    PB_SET(out, opt_out, strcmp(value, "stop") == 0);
    PB_SET(out, opt_in, strcmp(value, "resume") == 0);
    return OK;
}

static enum status read_message(struct arena *arena, const cJSON *piece, Pb__InboundMessage *out, struct error *error)
{
    const cJSON *message, *contact;
    TRY(json_need_object(piece, "message", &message, error));
    TRY(json_want_object(piece, "contact", &contact, error));
    TRY(read_id(arena, message, &out->external_id, error));
    TRY(read_timestamp(message, &out->has_provider_at, &out->provider_at, error));
    PB_SET(out, echo, strcmp(whatsapp_cloud_text(piece, "field"), "smb_message_echoes") == 0);
    read_identities(arena, message, contact, out);
    read_name(arena, contact, out);
    TRY(whatsapp_cloud_read_content(arena, message, out, error));
    if (out->echo)
        out->wants_answer = false;
    return OK;
}

enum status whatsapp_cloud_read_message(struct arena *arena, const char *body, size_t bytes, Pb__InboundMessage *out,
                                        struct error *error)
{
    cJSON *piece;
    TRY(piece_parse(arena, body, bytes, &piece, error));
    PB_SET(out, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    TRY(read_account(arena, piece, &out->account, error));
    const cJSON *preference = cJSON_GetObjectItemCaseSensitive(piece, "preference");
    if (cJSON_IsObject(preference))
        TRY(read_preference(arena, preference, out, error));
    else
        TRY(read_message(arena, piece, out, error));
    if (out->n_identities == 0)
        return error_code(error, REJECT, "no_sender", "the message names neither a phone nor a user id");
    return OK;
}

/* -- receipts */

static Pb__ReceiptStatus receipt_status(const char *word)
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
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strcmp(WORDS[i].word, word) == 0)
            return WORDS[i].status;
    return PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED;
}

static enum status read_errors(struct arena *arena, const cJSON *status, Pb__Receipt *out, struct error *error)
{
    const cJSON *errors;
    TRY(json_want_array(status, "errors", &errors, error));
    const cJSON *first = errors ? errors->child : NULL;
    int64_t code = -1; /* in no row of the table */
    if (cJSON_IsObject(first))
        TRY(json_want_int64(first, "code", &code, error));
    out->error_class = arena_text(arena, whatsapp_cloud_class_word(whatsapp_cloud_class(code)));
    out->error_code = code < 0 ? NULL : text_format(arena, "%lld", (long long)code);
    out->error =
        whatsapp_cloud_sentence(arena, text_or(whatsapp_cloud_text(first, "title"), "failed, without a reason told"));
    return OK;
}

/* What is worth keeping as it came: prices, the conversation, the errors. */
static Pb__Json *receipt_raw(struct arena *arena, const cJSON *status)
{
    static const char *const NAMES[] = { "pricing", "conversation", "errors", "status" };
    struct buffer raw = { .arena = arena };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const cJSON *member = cJSON_GetObjectItemCaseSensitive(status, NAMES[i]);
        if (member)
            buffer_format(&raw, "%s\"%s\":%s", raw.bytes ? "," : "{", NAMES[i], json_text(arena, member));
    }
    buffer_add_char(&raw, '}');
    return raw.bytes > 1 ? pb_json(arena, buffer_text(&raw)) : NULL;
}

enum status whatsapp_cloud_read_receipt(struct arena *arena, const char *body, size_t bytes, Pb__Receipt *out,
                                        struct error *error)
{
    cJSON *piece;
    const cJSON *status;
    const char *word, *callback;
    TRY(piece_parse(arena, body, bytes, &piece, error));
    PB_SET(out, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    TRY(read_account(arena, piece, &out->account, error));
    TRY(json_need_object(piece, "status", &status, error));
    TRY(read_id(arena, status, &out->external_id, error));
    TRY(json_need_text(status, "status", &word, error));
    TRY(read_timestamp(status, &out->has_provider_at, &out->provider_at, error));
    PB_SET(out, status, receipt_status(word));
    out->recipient = arena_text(
        arena, first_of(whatsapp_cloud_text(status, "recipient_id"), whatsapp_cloud_text(status, "recipient_user_id")));
    callback = whatsapp_cloud_text(status, "biz_opaque_callback_data");
    if (ident_valid(callback))
        out->message_id = text_lower(arena, callback);
    out->raw = receipt_raw(arena, status);
    return out->status == PB__RECEIPT_STATUS__RECEIPT_STATUS_FAILED ? read_errors(arena, status, out, error) : OK;
}
