/*
 * whatsapp_cloud - all that Parley knows of Meta's Cloud API, both directions, without network or state.
 *
 * The gateway splits and verifies, ingest normalises, the channel composes and judges: one room, so a fact about the
 * provider stands once. Unknown fields, types and statuses are kept raw, never an error.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "wire/pb.h"

enum {
    WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX = 4096,
    WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX = 1024,
    WHATSAPP_CLOUD_RATE_PER_SECOND = 80, /* of one number, both directions */
};

/* -- the way in */

/* X-Hub-Signature-256 over the raw bytes; constant-time. header NULL or malformed: false. */
bool whatsapp_cloud_signed(const char *secret, const char *header, const void *body, size_t bytes);

enum whatsapp_cloud_kind { WHATSAPP_CLOUD_MESSAGE, WHATSAPP_CLOUD_STATUS, WHATSAPP_CLOUD_OTHER };

/* One message, status or other change of a webhook, with what it needs of its envelope as JSON of its own. */
struct whatsapp_cloud_piece {
    enum whatsapp_cloud_kind kind;
    const char *account;     /* phone_number_id; "" when the change names none */
    const char *external_id; /* wamid; "" when absent */
    const char
        *dedupe;      /* Nats-Msg-Id: (account, wamid) or (account, wamid, status, recipient) or a hash of the piece */
    const char *body; /* {"entry_id","field","metadata":{...},"contact":{...}|absent,"message"|"status"|"value":...} */
    size_t bytes;
};
/* REJECT only when the whole body is no JSON object (malformed_json) or comes apart into more than limits.h allows
 * (body_too_large); a malformed message inside becomes a piece of its own and is refused by read_*. */
enum status whatsapp_cloud_split(struct arena *arena, const char *body, size_t bytes,
                                 struct whatsapp_cloud_piece **pieces, size_t *count, struct error *error);

/* What a piece is, once it comes back from the bus, and its webhook field ("messages",
 * "message_template_status_update", ...). REJECT: no piece of ours. */
enum status whatsapp_cloud_piece_kind(struct arena *arena, const char *body, size_t bytes,
                                      enum whatsapp_cloud_kind *kind, const char **field, struct error *error);
/* A message piece -> canonical message (identities, kind, text, media, metadata, wants_answer, provider_at, ...; ids
 * and company are the caller's). */
enum status whatsapp_cloud_read_message(struct arena *arena, const char *body, size_t bytes, Pb__InboundMessage *out,
                                        struct error *error);
/* A status piece -> receipt. An unknown status word is OK with status UNSPECIFIED. */
enum status whatsapp_cloud_read_receipt(struct arena *arena, const char *body, size_t bytes, Pb__Receipt *out,
                                        struct error *error);

/* -- the way out */

/* JSON body of POST /{version}/{account}/messages. REJECT what Meta would refuse: lengths, media without link or id, no
 * recipient. */
enum status whatsapp_cloud_compose(struct arena *arena, const Pb__Outgoing *outgoing, const char **body,
                                   struct error *error);

/* Body of the same call that marks a message of the customer's as read; typing: and shows that an answer is being
 * written, for up to 25 s. */
const char *whatsapp_cloud_mark(struct arena *arena, const char *external_id, bool typing);

/* What an answer of that call means. */
struct whatsapp_cloud_verdict {
    Pb__SendOutcome outcome;   /* SENT, FAILED, UNKNOWN (bare 5xx without Meta's own error body, unreadable 200) */
    const char *external_id;   /* of SENT */
    Pb__SendClass error_class; /* of FAILED */
    const char *error_code;    /* decimal, of FAILED */
    const char *error;         /* one sentence without personal data */
};
void whatsapp_cloud_judge(struct arena *arena, long http_status, const char *body, size_t bytes,
                          struct whatsapp_cloud_verdict *out);

/* The one table from vendor code to class. */
Pb__SendClass whatsapp_cloud_class(int64_t code);
const char *whatsapp_cloud_class_word(
    Pb__SendClass error_class); /* "auth", "unreachable", ... as stored in error_class */

/* Lanes of a send: recipient (interval_ms between automated messages; a person's message obeys only the pair limit) and
 * number. interval_ms 0: none at all. */
size_t whatsapp_cloud_lanes(struct arena *arena, const char *account, const char *recipient, bool automated,
                            int64_t interval_ms, Pb__Lane ***lanes);
