#include "handover.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/text.h"
#include "rules.h"
#include "service/service.h"
#include "service/topology.h"
#include "settings.h"
#include "wire/pbjson.h"

enum {
    SETTLE_WAIT_MS_MAX = 30000,
    ASK_AGAIN_MS = 200,
    WAITING_SHARE = 2,
    SENT_WAIT_MS_MAX = 1000,
    SENT_LOOK_MS = 20,
};

/* Whoever waits holds a thread of the server: at most half of them may. */
static atomic_int waiting;

static void wait_end(void)
{
    atomic_fetch_sub(&waiting, 1);
}

static bool wait_begin(void)
{
    if (atomic_fetch_add(&waiting, 1) < settings.threads / WAITING_SHARE)
        return true;
    wait_end();
    return false;
}

static enum status need_one(const char *phone, const char *lead_id, const char *conversation_id, struct error *error)
{
    int given = !text_empty(phone) + !text_empty(lead_id) + !text_empty(conversation_id);
    if (given == 0)
        return error_code(error, REJECT, "missing_field", "'phone' is missing; 'lead_id' or 'conversation_id' do too.");
    if (given > 1)
        return error_code(error, REJECT, "bad_value", "'phone', 'lead_id' and 'conversation_id' exclude each other.");
    return OK;
}

void handover_name_operator(const struct exchange *exchange, char **operator)
{
    if (text_empty(*operator))
        *operator= arena_text(exchange->arena, text_empty(exchange->key.id) ? "operator" : exchange->key.id);
}

static enum status check_phone(struct arena *arena, const char *phone, struct error *error)
{
    char *digits = NULL;
    if (!text_empty(phone) && text_phone(arena, phone, &digits, NULL) != OK)
        return error_code(error, REJECT, "bad_value", "'phone' must have 7 to 15 digits.");
    return OK;
}

enum status handover_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__HandoverRequest *handover = (Pb__HandoverRequest *)request;
    TRY(need_one(handover->phone, handover->lead_id, handover->conversation_id, error));
    TRY(check_phone(exchange->arena, handover->phone, error));
    handover_name_operator(exchange, &handover->operator_);
    return OK;
}

static enum status check_media(const Pb__Media *media, struct error *error)
{
    static const char *const types[] = { "image", "audio", "video", "document", "sticker" };
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known = known || text_same(media->type, types[i]);
    if (!known)
        return error_code(error, REJECT, "bad_value", "'media.type' must be image, audio, video, document or sticker.");
    if (text_empty(media->link) == text_empty(media->id))
        return error_code(error, REJECT, "bad_value", "'media' must have either 'link' or 'id'.");
    if (!text_empty(media->link) && !text_starts(media->link, "https://") && !text_starts(media->link, "http://"))
        return error_code(error, REJECT, "bad_value", "'media.link' must be an http or https URL.");
    return OK;
}

enum status operator_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__OperatorMessageRequest *message = (Pb__OperatorMessageRequest *)request;
    TRY(need_one(message->phone, message->lead_id, message->conversation_id, error));
    TRY(check_phone(exchange->arena, message->phone, error));
    if (text_empty(message->message) && message->media == NULL && message->canned_reply_id == NULL &&
        message->template_ == NULL)
        return error_code(error, REJECT, "missing_field", "'message' is missing.");
    if (message->media != NULL)
        TRY(check_media(message->media, error));
    handover_name_operator(exchange, &message->operator_);
    return OK;
}

/* Asks again until nothing is under way, or the time of the last go is over. Asking again is harmless: a takeover is
 * idempotent. */
static enum status wait_settled(struct exchange *exchange, const ProtobufCMessage *request, moment settled_at,
                                struct error *error)
{
    moment until = moment_now() + SETTLE_WAIT_MS_MAX;
    while (settled_at > moment_now()) {
        void *reply = NULL;
        if (moment_now() >= until)
            return error_code(error, RETRY, "not_settled",
                              "The conversation is taken over, but a message is still leaving.");
        int64_t left_ms = settled_at - moment_now();
        usleep((useconds_t)(left_ms < ASK_AGAIN_MS ? left_ms + 1 : ASK_AGAIN_MS) * 1000);
        TRY(ask_one(exchange->arena, &STORE_CONVERSATION_TAKE, &exchange->caller, request, &reply, error));
        const Pb__HandoverReply *again = reply;
        settled_at = again->has_settled_at ? again->settled_at : 0;
    }
    return OK;
}

enum status takeover_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error)
{
    const Pb__HandoverReply *taken = (const Pb__HandoverReply *)reply;
    if (!taken->has_settled_at || taken->settled_at <= moment_now())
        return OK;
    if (!wait_begin())
        return error_code(error, RETRY, "not_settled",
                          "The conversation is taken over, but a message is still leaving.");
    enum status status = wait_settled(exchange, request, taken->settled_at, error);
    wait_end();
    return status;
}

enum status handback_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error)
{
    const Pb__HandoverReply *handed = (const Pb__HandoverReply *)reply;
    (void)request;
    return handed->n_jobs == 0 ? OK : ask_enqueue(exchange->arena, handed->jobs, handed->n_jobs, NULL, error);
}

/* Whether more can come of it in a moment. */
static bool on_its_way(const Pb__Message *message)
{
    return text_empty(message->external_id) &&
           (text_same(message->status, "queued") || text_same(message->status, "sending"));
}

/* NULL when the provider has given none within a second: the message is queued, that is all that was promised. */
static const char *wait_external_id(struct exchange *exchange, const char *message_id)
{
    Pb__MessageGetRequest *request = PB_NEW(exchange->arena, message_get_request);
    moment until = moment_now() + SENT_WAIT_MS_MAX;
    request->id = arena_text(exchange->arena, message_id);
    for (int64_t pause_ms = SENT_LOOK_MS; moment_now() + pause_ms <= until && !service_draining();) {
        struct error error = { 0 };
        void *reply = NULL;
        usleep((useconds_t)pause_ms * 1000);
        pause_ms += pause_ms / 2;
        if (ask_one(exchange->arena, &STORE_MESSAGE_GET, &exchange->caller, request, &reply, &error) != OK)
            return NULL;
        const Pb__Message *message = reply;
        if (!on_its_way(message))
            return text_empty(message->external_id) ? NULL : message->external_id;
    }
    return NULL;
}

/* The problem shows what was said meanwhile. */
static enum status refuse_outdated(struct exchange *exchange, const Pb__OperatorMessageReply *posted,
                                   struct error *error)
{
    struct buffer missed = { .arena = exchange->arena };
    buffer_add(&missed, "\"missed\":[");
    for (size_t i = 0; i < posted->n_missed; i++) {
        buffer_add(&missed, i == 0 ? "" : ",");
        pbjson_write_shown(&missed, &posted->missed[i]->base, rules_shown);
    }
    buffer_add_char(&missed, ']');
    exchange->problem_member = buffer_text(&missed);
    return error_code(error, REJECT, "outdated_view", "More was said since the message that was seen.");
}

/*
 * The message is stored, and will leave: the store asks for its send again. So a scheduler that is away is told only to
 * a caller whose key makes asking again harmless; from another, that would be a second message.
 */
static enum status wake_send(const struct exchange *exchange, const Pb__OperatorMessageRequest *request,
                             const Pb__OperatorMessageReply *posted, struct error *error)
{
    enum status status =
        posted->n_jobs == 0 ? OK : ask_enqueue(exchange->arena, posted->jobs, posted->n_jobs, NULL, error);
    if (status == OK || !text_empty(request->idempotency_key))
        return status;
    log_line(LOG_WARN, "a person's message leaves later", "message", posted->message_id, "correlation",
             exchange->caller.correlation_id, "error", error->text, NULL);
    return OK;
}

enum status operator_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error)
{
    const Pb__OperatorMessageReply *posted = (const Pb__OperatorMessageReply *)reply;
    if (posted->n_missed > 0)
        return refuse_outdated(exchange, posted, error);
    TRY(wake_send(exchange, (const Pb__OperatorMessageRequest *)request, posted, error));
    if (wait_begin()) {
        exchange->external_id = wait_external_id(exchange, posted->message_id);
        wait_end();
    }
    return OK;
}
