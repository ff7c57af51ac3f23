#include "normalise.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/moment.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "opt.h"
#include "wire/pbjson.h"

enum { CLOCK_SKEW_MS = MINUTE_MS };

/* -- POST /inbound-message */

/* The channel's word or one of its aliases; 0 when it is none. */
static Pb__Channel channel_of(const char *word)
{
    static const struct {
        const char *alias;
        Pb__Channel channel;
    } ALIASES[] = {
        { "wa_cloud", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD },
        { "whatsapp", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD },
        { "wa_web", PB__CHANNEL__CHANNEL_WHATSAPP_WEB },
        { "app_push", PB__CHANNEL__CHANNEL_PUSH },
    };
    int value = 0;
    if (text_empty(word))
        return PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD;
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++)
        if (strcmp(ALIASES[i].alias, word) == 0)
            return ALIASES[i].channel;
    return pbjson_enum_value(&pb__channel__descriptor, word, &value) ? (Pb__Channel)value
                                                                     : PB__CHANNEL__CHANNEL_UNSPECIFIED;
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at > text && at[1] && !strchr(at + 1, '@') && !strpbrk(text, " \t\r\n<>,;");
}

/* For e-mail the field named phone_number holds the address. */
static enum status post_identity(struct arena *arena, Pb__Channel channel, const char *address, Pb__Identity *out,
                                 struct error *error)
{
    out->address = text_trim(arena, text_or(address, ""));
    if (channel == PB__CHANNEL__CHANNEL_EMAIL) {
        out->kind = arena_text(arena, "email");
        out->value = text_lower(arena, out->address);
        if (strlen(out->value) > KEY_BYTES_MAX || !is_email(out->value))
            return error_code(error, REJECT, "invalid_address", "'phone_number' is no e-mail address");
        return OK;
    }
    out->kind = arena_text(arena, "phone");
    if (strlen(out->address) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "invalid_phone", "'phone_number' is no phone number");
    return text_phone(arena, out->address, &out->value, error);
}

static enum status read_post(struct arena *arena, const Pb__RawInbound *raw, Pb__InboundMessage *out,
                             struct error *error)
{
    const Pb__InboundPost *post = raw->post;
    Pb__Channel channel = raw->channel ? raw->channel : channel_of(post->channel);
    const char *text = text_or(post->message_text, "");
    const char *name = text_trim(arena, text_or(post->contact_name, ""));
    if (!pbjson_enum_word(&pb__channel__descriptor, (int)channel)) /* an enum on the wire is any number */
        return error_code(error, REJECT, "unknown_channel", "'channel' is none that there is");
    if (!*text || strlen(text) > MESSAGE_TEXT_BYTES_MAX)
        return error_code(error, REJECT, "invalid_text", "'message_text' must have 1 to %d bytes",
                          MESSAGE_TEXT_BYTES_MAX);
    if (strlen(name) > NAME_BYTES_MAX || strlen(text_or(post->external_id, "")) > KEY_BYTES_MAX)
        return error_code(error, REJECT, "too_long", "'contact_name' or 'external_id' is too long");
    out->identities = ARENA_ARRAY(arena, Pb__Identity *, 1);
    out->identities[out->n_identities++] = PB_NEW(arena, identity);
    TRY(post_identity(arena, channel, post->phone_number, out->identities[0], error));
    PB_SET(out, channel, channel);
    PB_SET(out, wants_answer, true);
    out->kind = arena_text(arena, "text");
    out->message_text = arena_text(arena, text);
    out->contact_name = arena_text(arena, *name ? name : NULL);
    out->external_id = arena_text(arena, text_or(post->external_id, NULL));
    return OK;
}

/* -- what every message gets */

/* Only what a person said or tapped can be an opt-out; a caption or a file name is none. */
static void read_opt(struct arena *arena, Pb__InboundMessage *message)
{
    bool said = text_same(message->kind, "text") || text_same(message->kind, "button") ||
                text_same(message->kind, "interactive");
    if (!said || message->echo || (message->has_opt_out && message->opt_out))
        return;
    enum opt opt = opt_read(arena, message->message_text);
    PB_SET(message, opt_out, opt == OPT_OUT);
    PB_SET(message, opt_in, opt == OPT_IN);
}

/* A provider's time that is missing, or lies in the future and would hold the service window open, is ours. */
static void read_times(const Pb__RawInbound *raw, Pb__InboundMessage *message)
{
    PB_SET(message, received_at, raw->received_at);
    if (!message->has_provider_at || message->provider_at > raw->received_at + CLOCK_SKEW_MS)
        PB_SET(message, provider_at, raw->received_at);
}

static enum status check_received(const Pb__RawInbound *raw, struct error *error)
{
    if (!raw->has_received_at || raw->received_at <= 0 || raw->received_at > MOMENT_MAX)
        return error_code(error, REJECT, "no_time", "the item does not say when it was received");
    return OK;
}

static enum status finish(struct arena *arena, const Pb__RawInbound *raw, uint64_t sequence,
                          Pb__InboundMessage *message, struct error *error)
{
    if (!ident_valid(text_or(raw->id, "")) || !ident_valid(text_or(raw->job_id, "")))
        return error_code(error, REJECT, "no_id", "the item has no id or job_id");
    TRY(check_received(raw, error));
    message->id = raw->id;
    message->job_id = raw->job_id;
    message->company_id = raw->company_id;
    message->account = (char *)text_or(raw->account, message->account);
    message->correlation_id = raw->correlation_id;
    PB_SET(message, sequence, sequence);
    read_times(raw, message);
    read_opt(arena, message);
    return OK;
}

static enum status refuse_channel(struct error *error)
{
    return error_code(error, REJECT, "unknown_channel", "nobody here reads this channel's webhooks");
}

/* "" when the item has none. */
static const char *body_of(const Pb__RawInbound *raw)
{
    return raw->body.data ? (const char *)raw->body.data : "";
}

/* Other changes of a webhook (templates, account alerts) are none of ours to store; they are counted by the caller. */
enum status normalise_message(struct arena *arena, const Pb__RawInbound *raw, uint64_t sequence,
                              Pb__InboundMessage **out, const char **field, struct error *error)
{
    enum whatsapp_cloud_kind kind;
    const char *body = body_of(raw);
    Pb__InboundMessage *message = PB_NEW(arena, inbound_message);
    *out = NULL;
    *field = "";
    if (raw->post) {
        TRY(read_post(arena, raw, message, error));
    } else {
        if (raw->channel != PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD)
            return refuse_channel(error);
        TRY(whatsapp_cloud_piece_kind(arena, body, raw->body.len, &kind, field, error));
        if (kind == WHATSAPP_CLOUD_OTHER)
            return OK;
        TRY(whatsapp_cloud_read_message(arena, body, raw->body.len, message, error));
    }
    TRY(finish(arena, raw, sequence, message, error));
    *out = message;
    return OK;
}

/* A status word that we don't know changes nothing. */
enum status normalise_receipt(struct arena *arena, const Pb__RawInbound *raw, Pb__Receipt **out, const char **field,
                              struct error *error)
{
    enum whatsapp_cloud_kind kind;
    const char *body = body_of(raw);
    Pb__Receipt *receipt = PB_NEW(arena, receipt);
    *out = NULL;
    *field = "";
    if (raw->channel != PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD)
        return refuse_channel(error);
    TRY(whatsapp_cloud_piece_kind(arena, body, raw->body.len, &kind, field, error));
    if (kind == WHATSAPP_CLOUD_OTHER)
        return OK;
    TRY(check_received(raw, error));
    TRY(whatsapp_cloud_read_receipt(arena, body, raw->body.len, receipt, error));
    receipt->account = (char *)text_or(raw->account, receipt->account);
    receipt->correlation_id = raw->correlation_id;
    if (!receipt->has_provider_at)
        PB_SET(receipt, provider_at, raw->received_at);
    if (receipt->status != PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED)
        *out = receipt;
    return OK;
}
