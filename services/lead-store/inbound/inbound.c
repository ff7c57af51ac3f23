#include "inbound.h"

#include <stdlib.h>
#include <string.h>

#include "arrival.h"
#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "core/transaction.h"
#include "wire/pbjson.h"

enum { IDENTITIES_MAX = 8, KIND_BYTES_MAX = 64 };

const char *channel_word(Pb__Channel channel)
{
    return pbjson_enum_word(&pb__channel__descriptor, (int)channel);
}

static bool kind_known(const char *kind)
{
    static const char *const kinds[] = { "phone", "bsuid", "email", "device", "user" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_same(kind, kinds[i]))
            return true;
    return false;
}

static bool text_fits(const char *text, size_t bytes_max)
{
    return !text || strlen(text) <= bytes_max;
}

static bool json_fits(const Pb__Json *json)
{
    struct error error;
    return !json || text_empty(json->text) || json_check(json->text, strlen(json->text), &error) == OK;
}

static const char *identities_wrong(const Pb__InboundMessage *message)
{
    if (!message->n_identities || message->n_identities > IDENTITIES_MAX)
        return "a message needs 1 to 8 sender identities";
    for (size_t i = 0; i < message->n_identities; i++) {
        const Pb__Identity *identity = message->identities[i];
        if (!kind_known(identity->kind))
            return "a sender identity is of an unknown kind";
        if (text_empty(identity->value) || !text_fits(identity->value, NAME_BYTES_MAX) ||
            !text_fits(identity->address, NAME_BYTES_MAX))
            return "a sender identity is empty or too long";
    }
    return NULL;
}

/* What SQL would refuse, or what would make no sense stored; in one sentence. */
static const char *message_wrong(const Pb__InboundMessage *message)
{
    const char *wrong = identities_wrong(message);
    if (wrong)
        return wrong;
    if (!ident_valid(text_or(message->id, "")) || (!text_empty(message->job_id) && !ident_valid(message->job_id)))
        return "message and job id must be UUIDs";
    if (!text_empty(message->company_id) && !ident_valid(message->company_id))
        return "the company's id must be a UUID";
    if (message->channel == PB__CHANNEL__CHANNEL_UNSPECIFIED || !channel_word(message->channel))
        return "the channel is unknown";
    if (message->received_at <= 0 || message->provider_at < 0 || message->received_at > MOMENT_MAX ||
        message->provider_at > MOMENT_MAX)
        return "a time is missing or out of range";
    if (!text_fits(message->message_text, MESSAGE_TEXT_BYTES_MAX) ||
        !text_fits(message->contact_name, NAME_BYTES_MAX) || !text_fits(message->external_id, KEY_BYTES_MAX) ||
        !text_fits(message->reply_to, NAME_BYTES_MAX) || !text_fits(message->kind, KIND_BYTES_MAX) ||
        !text_fits(message->account, NAME_BYTES_MAX))
        return "a text is too long";
    return json_fits(message->media_info) && json_fits(message->extra_metadata)
               ? NULL
               : "media_info or extra_metadata is not JSON";
}

/* The caller's company, or the message's; they can't differ. Neither, and no account either: the default company. */
static const char *company_of(struct arena *arena, struct item *item)
{
    const Pb__InboundMessage *message = item->message;
    const char *own = text_or(message->company_id, ""), *callers = text_or(item->caller.company_id, "");
    if (*own && *callers && !text_same(text_lower(arena, own), text_lower(arena, callers)))
        item_fail(item, REJECT, "company_mismatch", "the message is of another company than its caller");
    if (!*own && !*callers && text_empty(message->account))
        return ident_default_company(arena);
    return text_lower(arena, *own ? own : callers);
}

static int by_sequence(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;
    if (x->message->sequence != y->message->sequence)
        return x->message->sequence < y->message->sequence ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void arrivals_collect(struct recording *recording, struct item **items, size_t count)
{
    struct arena *arena = recording->batch->arena;
    recording->arrivals = ARENA_ARRAY(arena, struct arrival, count);
    for (size_t i = 0; i < count; i++) {
        const Pb__InboundMessage *message = items[i]->message;
        items[i]->state = NULL;
        recording->arrivals[i] =
            (struct arrival){ .item = items[i],
                              .message = message,
                              .order = i,
                              .company_id = company_of(arena, items[i]),
                              .correlation_id = text_or(message->correlation_id, items[i]->caller.correlation_id) };
    }
    recording->count = count;
    qsort(recording->arrivals, count, sizeof *recording->arrivals, by_sequence);
}

static enum status record(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct recording recording = { .batch = batch, .events = { .batch = batch } };
    arrivals_collect(&recording, items, count);
    TRY(arrivals_place(&recording, error));
    arrivals_ask_known(&recording);
    arrivals_ask_contacts(&recording);
    TRY(db_flush(batch->db, error));
    TRY(arrivals_placed(&recording, error));
    arrivals_know(&recording);
    TRY(arrivals_identify(&recording, error));
    TRY(arrivals_join(&recording, error));
    arrivals_take_effect(&recording);
    TRY(arrivals_write(&recording, error));
    arrivals_answer(&recording);
    return OK;
}

void inbound_record(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const char *wrong = message_wrong(batch->items[i]->message);
        if (wrong)
            item_fail(batch->items[i], REJECT, "bad_message", "%s", wrong);
    }
    transaction_run(batch, record);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->status == OK && batch->items[i]->state)
            nudge(batch->arena, &NUDGE_CONVERSATION, batch->items[i]->state);
}
