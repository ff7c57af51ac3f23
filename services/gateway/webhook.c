#include "webhook.h"

#include <string.h>

#include "accounts.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "service/metrics.h"
#include "service/topology.h"
#include "settings.h"

enum { PUBLISH_WAIT_MS = 5000 };

static struct metric pieces_total = { .name = "parley_webhook_pieces_total",
                                      .help = "Pieces of provider webhooks by kind.",
                                      .kind = METRIC_COUNTER,
                                      .label = "kind" };

/* -- GET: Meta asks whether the address is ours */

static bool token_known(const char *token)
{
    bool ours = text_same_secret(settings.verify_token, token);
    return accounts_verify_token(token) || ours;
}

static bool challenge_safe(const char *challenge)
{
    size_t bytes = challenge == NULL ? 0 : strlen(challenge);
    return bytes >= 1 && bytes <= 256 &&
           strspn(challenge, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == bytes;
}

void webhook_verify(struct exchange *exchange)
{
    struct error error = { 0 };
    const char *mode = NULL, *token = NULL, *challenge = NULL;
    bool readable = web_query(exchange->request, "hub.mode", &mode, &error) == OK &&
                    web_query(exchange->request, "hub.verify_token", &token, &error) == OK &&
                    web_query(exchange->request, "hub.challenge", &challenge, &error) == OK;
    if (!readable || !text_same(mode, "subscribe") || token == NULL || !token_known(token) ||
        !challenge_safe(challenge)) {
        exchange_problem(exchange, error_code(&error, REJECT, "forbidden", "The verify token is not ours."), &error);
        return;
    }
    exchange_answer(exchange, 200, "text/plain", challenge, strlen(challenge));
}

/* -- POST: who says so */

bool webhook_signed_by_any(struct arena *arena, const char *secrets, const char *signature, const void *body,
                           size_t bytes)
{
    char **list = NULL;
    bool is_signed = false;
    size_t count = text_split(arena, text_or(secrets, ""), ',', &list);
    for (size_t i = 0; i < count; i++) {
        const char *secret = text_trim(arena, list[i]);
        is_signed = (!text_empty(secret) && whatsapp_cloud_signed(secret, signature, body, bytes)) || is_signed;
    }
    return is_signed;
}

/* Who vouches for a webhook's pieces: the installation's secret for all of them, an account's own for its account. */
struct voucher {
    bool all;
    struct signers signers;
};

static enum status find_voucher(const struct exchange *exchange, struct voucher *out, struct error *error)
{
    const struct web_request *request = exchange->request;
    const char *signature = web_header(request, "X-Hub-Signature-256");
    *out = (struct voucher){ .all = webhook_signed_by_any(exchange->arena, settings.app_secrets, signature,
                                                          request->body, request->body_bytes) };
    if (!out->all)
        out->signers = accounts_signers(exchange->arena, signature, request->body, request->body_bytes);
    if (out->all || out->signers.count > 0)
        return OK;
    if (!settings.auth && text_empty(settings.app_secrets) &&
        !accounts_any_secret()) { /* loopback, nothing to check against */
        out->all = true;
        return OK;
    }
    if (!accounts_loaded())
        return error_code(error, RETRY, "accounts_not_loaded", "The accounts' secrets are not loaded yet.");
    return error_code(error, REJECT, "bad_signature", "X-Hub-Signature-256 is missing or wrong.");
}

static bool vouched(const struct voucher *voucher, const struct whatsapp_cloud_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count && !voucher->all; i++)
        if (!signers_vouch(&voucher->signers, pieces[i].account))
            return false;
    return true;
}

/* -- POST: into the stream, piece by piece */

static Pb__RawInbound *raw_of(const struct exchange *exchange, const struct whatsapp_cloud_piece *piece, moment now)
{
    struct arena *arena = exchange->arena;
    Pb__RawInbound *raw = PB_NEW(arena, raw_inbound);
    const char *name = text_empty(piece->external_id) ? piece->dedupe : piece->external_id;
    raw->id = ident_named(arena, "whatsapp_cloud", piece->account, name, NULL);
    raw->job_id = ident_named(arena, "whatsapp_cloud", piece->account, name, "job", NULL);
    PB_SET(raw, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    PB_SET(raw, received_at, now);
    raw->account = arena_text(arena, piece->account);
    raw->correlation_id = arena_text(arena, exchange->caller.correlation_id);
    raw->traceparent = arena_text(arena, exchange->caller.traceparent);
    raw->has_body = true;
    raw->body = (ProtobufCBinaryData){ .len = piece->bytes, .data = arena_copy(arena, piece->body, piece->bytes) };
    return raw;
}

static const char *kind_word(enum whatsapp_cloud_kind kind)
{
    if (kind == WHATSAPP_CLOUD_STATUS)
        return "status";
    return kind == WHATSAPP_CLOUD_MESSAGE ? "message" : "other";
}

static struct bus_publish *publishes_of(const struct exchange *exchange, const struct whatsapp_cloud_piece *pieces,
                                        size_t count)
{
    struct arena *arena = exchange->arena;
    struct bus_publish *publishes = ARENA_ARRAY(arena, struct bus_publish, count);
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, 2);
    const char *messages = topology_inbound_subject(arena, &INBOUND_MESSAGE, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    const char *receipts = topology_inbound_subject(arena, &INBOUND_RECEIPT, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    moment now = moment_now();
    headers[0] = (struct bus_header){ "Parley-Correlation", exchange->caller.correlation_id };
    headers[1] = (struct bus_header){ "traceparent",
                                      text_empty(exchange->caller.traceparent) ? NULL : exchange->caller.traceparent };
    for (size_t i = 0; i < count; i++) {
        ProtobufCBinaryData packed;
        pb_pack(arena, raw_of(exchange, &pieces[i], now), &packed);
        publishes[i] = (struct bus_publish){ .subject = pieces[i].kind == WHATSAPP_CLOUD_STATUS ? receipts : messages,
                                             .data = packed.data,
                                             .bytes = packed.len,
                                             .id = pieces[i].dedupe,
                                             .headers = headers,
                                             .header_count = 2 };
        metric_add(&pieces_total, kind_word(pieces[i].kind), 1);
    }
    return publishes;
}

static enum status publish(const struct exchange *exchange, const struct whatsapp_cloud_piece *pieces, size_t count,
                           struct error *error)
{
    struct bus_publish *publishes = publishes_of(exchange, pieces, count);
    if (count > 0)
        bus_publish_all(service_bus(), publishes, count, PUBLISH_WAIT_MS);
    for (size_t i = 0; i < count; i++)
        if (publishes[i].status != OK) /* also what the bus refuses: never a 200 for what is not stored */
            return error_code(error, RETRY, "not_stored", "Not everything could be stored: %s",
                              publishes[i].error.text);
    return OK;
}

void webhook_receive(struct exchange *exchange)
{
    static const char received[] = "{\"status\":\"received\"}";
    struct error error = { 0 };
    struct voucher voucher;
    struct whatsapp_cloud_piece *pieces = NULL;
    size_t count = 0;
    EXCHANGE_TRY(exchange, find_voucher(exchange, &voucher, &error));
    enum status status = whatsapp_cloud_split(exchange->arena, exchange->request->body, exchange->request->body_bytes,
                                              &pieces, &count, &error);
    if (status == REJECT && error.code[0] == '\0')
        error_code(&error, REJECT, "malformed_json", "The body is no JSON object.");
    EXCHANGE_TRY(exchange, status);
    if (!vouched(&voucher, pieces, count))
        EXCHANGE_TRY(exchange,
                     error_code(&error, REJECT, "bad_signature", "That account's secret has not signed this."));
    EXCHANGE_TRY(exchange, publish(exchange, pieces, count, &error));
    exchange_answer(exchange, 200, NULL, received, sizeof received - 1);
}
