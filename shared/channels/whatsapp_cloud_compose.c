/* The way out: one message into the body of a call, and what the call's answer means. */
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_inside.h"
#include "channels/whatsapp_cloud_template.h"

enum { RECIPIENT_DIGITS_MIN = 7, RECIPIENT_DIGITS_MAX = 15 };

/* -- writing */

static void add_text_member(struct buffer *body, const char *name, const char *value)
{
    json_add_string(body, name);
    buffer_add_char(body, ':');
    json_add_string(body, value);
}

/* A phone is sent as digits whatever its spelling; a user id exactly as it came. */
static enum status add_recipient(struct buffer *body, const Pb__Outgoing *outgoing, struct error *error)
{
    const char *recipient = text_or(outgoing->recipient, "");
    if (text_same(outgoing->recipient_kind, "bsuid")) {
        if (!*recipient || strlen(recipient) > KEY_BYTES_MAX)
            return error_code(error, REJECT, "no_recipient", "the message has no recipient");
        add_text_member(body, "recipient", recipient);
        return OK;
    }
    struct buffer digits = { .arena = body->arena };
    for (const char *at = recipient; *at; at++) {
        if (*at >= '0' && *at <= '9')
            buffer_add_char(&digits, *at);
        else if (!strchr("+-() .", *at))
            return error_code(error, REJECT, "no_recipient", "the recipient's address is no phone number");
    }
    if (digits.bytes < RECIPIENT_DIGITS_MIN || digits.bytes > RECIPIENT_DIGITS_MAX)
        return error_code(error, REJECT, "no_recipient", "the recipient's address is no phone number");
    add_text_member(body, "to", buffer_text(&digits));
    return OK;
}

static enum status add_words(struct buffer *body, const Pb__Outgoing *outgoing, struct error *error)
{
    size_t characters = text_characters(outgoing->text);
    if (characters == 0)
        return error_code(error, REJECT, "no_content", "the message has neither text, template nor media");
    if (characters > WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX)
        return error_code(error, REJECT, "text_too_long", "the text has %zu characters, WhatsApp takes %d", characters,
                          WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX);
    buffer_add(body, ",\"type\":\"text\",\"text\":{\"preview_url\":false,");
    add_text_member(body, "body", outgoing->text);
    buffer_add_char(body, '}');
    return OK;
}

static enum status add_template(struct buffer *body, const Pb__Outgoing *outgoing, struct error *error)
{
    const char *parameters = outgoing->template_params ? outgoing->template_params->text : NULL;
    buffer_add(body, ",\"type\":\"template\",");
    return whatsapp_cloud_template_write(body, outgoing->template_name, outgoing->template_language, parameters, error);
}

static const struct media_type {
    const char *name;
    bool caption, filename;
} MEDIA_TYPES[] = {
    { "image", true, false },  { "video", true, false },    { "document", true, true },
    { "audio", false, false }, { "sticker", false, false },
};

static const struct media_type *media_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof MEDIA_TYPES / sizeof *MEDIA_TYPES; i++)
        if (strcmp(MEDIA_TYPES[i].name, name) == 0)
            return &MEDIA_TYPES[i];
    return NULL;
}

static enum status refuse_media(struct error *error, const char *sentence)
{
    return error_code(error, REJECT, "invalid_media", "%s", sentence);
}

/* A message's own text is its media's caption when that has none of its own. */
static enum status add_caption(struct buffer *body, const struct media_type *type, const char *caption,
                               const char *text, struct error *error)
{
    const char *words = *caption ? caption : text;
    if (!*words)
        return OK;
    if (!type->caption)
        return refuse_media(error, "audio and stickers carry no text");
    if (text_characters(words) > WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX)
        return error_code(error, REJECT, "caption_too_long", "the caption has more than %d characters",
                          WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX);
    buffer_add_char(body, ',');
    add_text_member(body, "caption", words);
    return OK;
}

static enum status add_media(struct buffer *body, const Pb__Outgoing *outgoing, struct error *error)
{
    cJSON *media;
    TRY(json_parse(body->arena, outgoing->media->text, strlen(outgoing->media->text), &media, error));
    const struct media_type *type = media_type_find(whatsapp_cloud_text(media, "type"));
    const char *link = whatsapp_cloud_text(media, "link");
    const char *id = whatsapp_cloud_text(media, "id");
    const char *filename = whatsapp_cloud_text(media, "filename");
    if (!type)
        return refuse_media(error, "media must be an image, video, audio, document or sticker");
    if (!*link == !*id)
        return refuse_media(error, "media needs either a link or an id");
    if (*link && !text_starts(link, "https://") && !text_starts(link, "http://"))
        return refuse_media(error, "a media link must be http or https");
    buffer_format(body, ",\"type\":\"%s\",\"%s\":{", type->name, type->name);
    add_text_member(body, *link ? "link" : "id", *link ? link : id);
    TRY(add_caption(body, type, whatsapp_cloud_text(media, "caption"), text_or(outgoing->text, ""), error));
    if (*filename && type->filename) {
        buffer_add_char(body, ',');
        add_text_member(body, "filename", filename);
    }
    buffer_add_char(body, '}');
    return OK;
}

static enum status add_content(struct buffer *body, const Pb__Outgoing *outgoing, struct error *error)
{
    if (!text_empty(outgoing->template_name))
        return add_template(body, outgoing, error);
    if (outgoing->media && !text_empty(outgoing->media->text) && strcmp(outgoing->media->text, "null") != 0)
        return add_media(body, outgoing, error);
    return add_words(body, outgoing, error);
}

enum status whatsapp_cloud_compose(struct arena *arena, const Pb__Outgoing *outgoing, const char **out,
                                   struct error *error)
{
    struct buffer body = { .arena = arena };
    buffer_add(&body, "{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\",");
    TRY(add_recipient(&body, outgoing, error));
    TRY(add_content(&body, outgoing, error));
    if (!text_empty(outgoing->quoted_external_id)) {
        buffer_add(&body, ",\"context\":{");
        add_text_member(&body, "message_id", outgoing->quoted_external_id);
        buffer_add_char(&body, '}');
    }
    buffer_add_char(&body, ',');
    add_text_member(&body, "biz_opaque_callback_data", outgoing->message_id);
    buffer_add_char(&body, '}');
    *out = buffer_text(&body);
    return OK;
}

const char *whatsapp_cloud_mark(struct arena *arena, const char *external_id, bool typing)
{
    struct buffer body = { .arena = arena };
    buffer_add(&body, "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",\"message_id\":");
    json_add_string(&body, external_id);
    buffer_add(&body, typing ? ",\"typing_indicator\":{\"type\":\"text\"}}" : "}");
    return buffer_text(&body);
}

/* -- judging */

static void judge_unknown(struct arena *arena, long http_status, struct whatsapp_cloud_verdict *out)
{
    out->outcome = PB__SEND_OUTCOME__SEND_OUTCOME_UNKNOWN;
    out->error = text_format(arena, "HTTP %ld without an answer of Meta's own", http_status);
}

/* Meta's own word for an unlisted code: it will pass by itself. */
static Pb__SendClass class_of(const cJSON *error, int64_t code)
{
    Pb__SendClass error_class = whatsapp_cloud_class(code);
    bool transient = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(error, "is_transient"));
    return transient && error_class == PB__SEND_CLASS__SEND_CLASS_PERMANENT ? PB__SEND_CLASS__SEND_CLASS_RETRY
                                                                            : error_class;
}

/* False: that is no error of Meta's. */
static bool judge_error(struct arena *arena, const cJSON *root, struct whatsapp_cloud_verdict *out)
{
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
    int64_t code = -1;
    if (!cJSON_IsObject(error) || json_want_int64(error, "code", &code, NULL) != OK || code < 0)
        return false;
    out->outcome = PB__SEND_OUTCOME__SEND_OUTCOME_FAILED;
    out->error_class = class_of(error, code);
    out->error_code = text_format(arena, "%lld", (long long)code);
    out->error = whatsapp_cloud_sentence(arena, text_or(whatsapp_cloud_text(error, "message"), "refused by Meta"));
    return true;
}

/* 200 means accepted, not delivered; without a message id it means nothing. */
static bool judge_sent(struct arena *arena, const cJSON *root, struct whatsapp_cloud_verdict *out)
{
    const cJSON *messages = cJSON_GetObjectItemCaseSensitive(root, "messages");
    const char *id = cJSON_IsArray(messages) ? whatsapp_cloud_text(messages->child, "id") : "";
    if (!*id || strlen(id) > KEY_BYTES_MAX)
        return false;
    out->outcome = PB__SEND_OUTCOME__SEND_OUTCOME_SENT;
    out->external_id = arena_text(arena, id);
    return true;
}

void whatsapp_cloud_judge(struct arena *arena, long http_status, const char *body, size_t bytes,
                          struct whatsapp_cloud_verdict *out)
{
    cJSON *root = NULL;
    bool good = http_status >= 200 && http_status < 300;
    *out = (struct whatsapp_cloud_verdict){ .external_id = "", .error_code = "", .error = "" };
    if (json_parse(arena, body ? body : "", body ? bytes : 0, &root, NULL) != OK || !cJSON_IsObject(root))
        root = NULL;
    if (root && (good ? judge_sent(arena, root, out) || judge_error(arena, root, out) : judge_error(arena, root, out)))
        return;
    judge_unknown(arena, http_status, out);
}
