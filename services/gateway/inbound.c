#include "inbound.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "service/topology.h"
#include "transcode.h"
#include "wire/pbjson.h"

static const struct {
    const char *alias;
    Pb__Channel channel;
} ALIASES[] = {
    { "whatsapp", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD },
    { "wa_cloud", PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD },
    { "wa_web", PB__CHANNEL__CHANNEL_WHATSAPP_WEB },
    { "app_push", PB__CHANNEL__CHANNEL_PUSH },
};

enum status inbound_channel(const char *word, Pb__Channel *out, struct error *error)
{
    int value = 0;
    *out = PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD;
    if (text_empty(word))
        return OK;
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++)
        if (strcmp(ALIASES[i].alias, word) == 0) {
            *out = ALIASES[i].channel;
            return OK;
        }
    if (!pbjson_enum_value(&pb__channel__descriptor, word, &value))
        return error_code(error, REJECT, "bad_value",
                          "'channel' must be whatsapp_cloud, whatsapp_web, email, sms, push or in_app.");
    *out = (Pb__Channel)value;
    return OK;
}

/* Something on both sides of one "@", nothing that could end a mail header. Whether it can be reached only a mail
 * shows. */
static bool mail_address(const char *text)
{
    const char *at = strchr(text, '@');
    if (at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || *c == '<' || *c == '>' || *c == ',' || *c == ';')
            return false;
    return true;
}

enum status inbound_address(struct arena *arena, Pb__Channel channel, const char *address, struct error *error)
{
    char *phone = NULL;
    if (channel == PB__CHANNEL__CHANNEL_EMAIL) {
        if (!mail_address(address))
            return error_code(error, REJECT, "bad_value",
                              "'phone_number' must be an e-mail address for channel email.");
        return OK;
    }
    if (text_phone(arena, address, &phone, NULL) != OK)
        return error_code(error, REJECT, "bad_value", "'phone_number' must have 7 to 15 digits.");
    return OK;
}

/* With a key the ids are the same for ever: a repeat can't become a second row. */
static void name_ids(struct arena *arena, const char *company_id, Pb__Channel channel, const char *key,
                     Pb__RawInbound *raw)
{
    const char *word = pbjson_enum_word(&pb__channel__descriptor, (int)channel);
    if (text_empty(key)) {
        raw->id = ident_fresh(arena);
        raw->job_id = ident_fresh(arena);
        return;
    }
    raw->id = ident_named(arena, "inbound", company_id, word, key, NULL);
    raw->job_id = ident_named(arena, "inbound", company_id, word, key, "job", NULL);
}

static Pb__RawInbound *raw_of(const struct exchange *exchange, Pb__InboundPost *post, Pb__Channel channel,
                              const char *key)
{
    struct arena *arena = exchange->arena;
    Pb__RawInbound *raw = PB_NEW(arena, raw_inbound);
    name_ids(arena, exchange->caller.company_id, channel, text_or(post->external_id, key), raw);
    PB_SET(raw, channel, channel);
    PB_SET(raw, received_at, moment_now());
    raw->account = arena_text(arena, "");
    raw->company_id = arena_text(arena, exchange->caller.company_id);
    raw->correlation_id = arena_text(arena, exchange->caller.correlation_id);
    raw->traceparent = arena_text(arena, exchange->caller.traceparent);
    post->channel = arena_text(arena, pbjson_enum_word(&pb__channel__descriptor, (int)channel));
    raw->post = post;
    return raw;
}

static enum status read_post(struct exchange *exchange, Pb__InboundPost **out, Pb__Channel *channel, const char **key,
                             struct error *error)
{
    ProtobufCMessage *message = NULL;
    TRY(transcode_request(exchange, &pb__inbound_post__descriptor, &message, error));
    *out = (Pb__InboundPost *)message;
    TRY(inbound_channel((*out)->channel, channel, error));
    TRY(inbound_address(exchange->arena, *channel, (*out)->phone_number, error));
    return transcode_idempotency_key(exchange, key, error);
}

void inbound_post(struct exchange *exchange)
{
    struct error error = { 0 };
    struct arena *arena = exchange->arena;
    Pb__InboundPost *post = NULL;
    Pb__Channel channel;
    const char *key = NULL;
    bool duplicate = false;
    EXCHANGE_TRY(exchange, read_post(exchange, &post, &channel, &key, &error));
    Pb__RawInbound *raw = raw_of(exchange, post, channel, key);
    const char *subject = topology_inbound_subject(arena, &INBOUND_MESSAGE, channel);
    EXCHANGE_TRY(exchange, publish_one(arena, subject, raw->id, &exchange->caller, raw, &duplicate, &error));
    Pb__InboundPosted *posted = PB_NEW(arena, inbound_posted);
    posted->status = arena_text(arena, "ok");
    posted->message_id = raw->id;
    posted->job_id = raw->job_id;
    if (duplicate)
        PB_SET(posted, duplicate, true);
    exchange_json(exchange, 200, &posted->base);
}
