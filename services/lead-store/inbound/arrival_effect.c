#include "arrival.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/words.h"
#include "core/config.h"
#include "core/payload.h"
#include "safety/automatic.h"

enum { PRIORITY_NOTICE = 100, OPT_OUT_BYTES_MAX = 256 };

int64_t place_buffer_ms(const struct place *place)
{
    return place->buffer_ms >= 0 ? place->buffer_ms : config_buffer_ms;
}

int64_t place_buffer_max_ms(const struct place *place)
{
    return place->buffer_max_ms >= 0 ? place->buffer_max_ms : config_buffer_max_ms;
}

static void note(struct recording *recording, const struct arrival *arrival, const char *type, const char *actor,
                 const char *payload)
{
    event_note(&recording->events,
               (struct event_note){ .type = type,
                                    .company_id = arrival->place->company_id,
                                    .lead_id = arrival->lead_id,
                                    .payload = payload,
                                    .actor = actor,
                                    .correlation_id = arrival->correlation_id,
                                    .occurred_at = arrival->message->provider_at ? arrival->message->provider_at
                                                                                 : arrival->message->received_at });
}

static void note_created(struct recording *recording, const struct arrival *arrival)
{
    struct payload payload = payload_start(recording->batch->arena);
    payload_text(&payload, "lead_id", arrival->lead_id);
    payload_text(&payload, "channel", arrival->place->channel);
    payload_text(&payload, "contact_name", arrival->talk->person->name);
    payload_text(&payload, "phone_number", arrival->talk->person->phone);
    payload_text(&payload, "contact", arrival->identities[0]->kind);
    note(recording, arrival, "lead.created", "system", payload_end(&payload));
}

static void note_message(struct recording *recording, const struct arrival *arrival, const char *type,
                         const char *actor)
{
    struct payload payload = payload_start(recording->batch->arena);
    payload_text(&payload, "message_id", arrival->id);
    payload_text(&payload, "conversation_id", arrival->conversation_id);
    payload_text(&payload, "channel", arrival->place->channel);
    payload_text(&payload, "kind", text_or(arrival->message->kind, "text"));
    payload_text(&payload, "text", arrival->message->message_text);
    payload_text(&payload, "external_id", arrival->message->external_id);
    payload_int(&payload, "position", arrival->position);
    if (arrival->automatic)
        payload_bool(&payload, "automatic", true);
    if (arrival->quick)
        payload_bool(&payload, "quick", true);
    note(recording, arrival, type, actor, payload_end(&payload));
}

static struct message_row *row_add(struct recording *recording, const struct arrival *arrival, const char *id)
{
    struct talk *talk = arrival->talk;
    struct message_row *row = &recording->rows[recording->row_count++];
    talk->last_message_id = id;
    talk->said_at = 0;
    talk->changed = true;
    *row =
        (struct message_row){ .id = id,
                              .company_id = talk->company_id,
                              .conversation_id = talk->id,
                              .lead_id = talk->person->id,
                              .account_id = talk->account_id,
                              .channel = talk->channel,
                              .position = ++talk->last_position,
                              .kind = "text",
                              .epoch = -1,
                              .priority = -1,
                              .correlation_id = text_empty(arrival->correlation_id) ? NULL : arrival->correlation_id };
    return row;
}

static const char *given(const char *text)
{
    return text_empty(text) ? NULL : text;
}

static struct message_row *row_of(struct recording *recording, struct arrival *arrival)
{
    const Pb__InboundMessage *message = arrival->message;
    struct message_row *row = row_add(recording, arrival, arrival->id);
    row->kind = text_or(message->kind, "text");
    row->external_id = given(message->external_id);
    row->text = given(message->message_text);
    row->media_info = message->media_info ? given(message->media_info->text) : NULL;
    row->extra_metadata = message->extra_metadata ? given(message->extra_metadata->text) : NULL;
    row->reply_to = given(message->reply_to);
    row->job_id = given(message->job_id);
    row->provider_at = message->provider_at;
    arrival->position = row->position;
    arrival->job_id = row->job_id;
    return row;
}

/* An answer goes to the number if there is one, else to the strongest key. */
static void talk_reach(struct talk *talk, const struct arrival *arrival, const char **address)
{
    const struct identity *best = arrival->identities[0];
    for (size_t i = 0; i < arrival->identity_count; i++)
        if (text_same(arrival->identities[i]->kind, "phone"))
            best = arrival->identities[i];
    talk->contact_id = best->contact_id;
    if (text_same(best->kind, "phone"))
        talk->phone = best->value;
    talk->name = talk->person->name;
    *address = best->address;
}

static void talk_nudge(struct talk *talk, const struct arrival *arrival, const char *cause)
{
    if (!talk->nudge_cause || !text_same(cause, "inbound"))
        talk->nudge_cause = cause;
    talk->nudge_item = arrival->item;
}

static void talk_cover(struct talk *talk)
{
    talk->covered_position = talk->last_position;
    talk->owed_since = 0;
    talk->buffer_until = 0;
}

static moment earlier(moment a, moment b)
{
    return a < b ? a : b;
}

static void talk_owe(struct recording *recording, struct arrival *arrival)
{
    struct talk *talk = arrival->talk;
    moment now = recording->batch->now, arrived = earlier(arrival->message->received_at, now);
    if (!talk->owed_since)
        talk->owed_since = arrived;
    talk->owed_position = arrival->position;
    talk->buffer_until =
        earlier(now + place_buffer_ms(arrival->place), talk->owed_since + place_buffer_max_ms(arrival->place));
}

/* The provider tells something of the person (a new number, a stop set in the app): nobody wrote. */
static bool told_by_provider(const Pb__InboundMessage *message)
{
    return text_same(message->kind, "system");
}

/* Where the vendor confirms by itself (SMS, a stop set in the app) we don't. */
static bool wants_confirmation(const Pb__InboundMessage *message)
{
    return !text_empty(config_opt_out_text) && message->channel != PB__CHANNEL__CHANNEL_SMS &&
           !told_by_provider(message);
}

static void confirm(struct recording *recording, struct arrival *arrival, const char *address)
{
    if (!wants_confirmation(arrival->message))
        return;
    struct arena *arena = recording->batch->arena;
    struct message_row *row = row_add(recording, arrival, arrival_confirmation_id(arena, arrival->message->id));
    row->direction = "outbound";
    row->sender_type = "system";
    row->status = "queued";
    row->cause = "notice";
    row->text = config_opt_out_text;
    row->epoch = arrival->talk->epoch;
    row->priority = PRIORITY_NOTICE;
    arrival->confirmation_id = row->id;
    arrival->confirmation_recipient = address;
    struct payload payload = payload_start(arena);
    payload_text(&payload, "message_id", row->id);
    payload_text(&payload, "conversation_id", row->conversation_id);
    payload_text(&payload, "channel", row->channel);
    payload_text(&payload, "sender_type", row->sender_type);
    payload_text(&payload, "cause", row->cause);
    note(recording, arrival, "message.queued", "system", payload_end(&payload));
}

/* Repeated, it ends the answer to what they asked meanwhile, and is told and confirmed no second time. */
static void opt_out(struct recording *recording, struct arrival *arrival, const char *address)
{
    struct person *person = arrival->talk->person;
    bool repeated = person->opted_out_at != 0;
    talk_cover(arrival->talk);
    talk_nudge(arrival->talk, arrival, "opt_out");
    arrival->opted_out = true;
    person->opted_out_at = recording->batch->now;
    person->changed = person->stopped = true;
    person->correlation_id = arrival->correlation_id;
    if (repeated)
        return;
    note(recording, arrival, "lead.opted_out", "customer",
         text_format(recording->batch->arena, "{\"scope\":\"marketing\",\"message_id\":\"%s\",\"channel\":\"%s\"}",
                     arrival->id, arrival->place->channel));
    confirm(recording, arrival, address);
}

static void opt_in(struct recording *recording, struct arrival *arrival)
{
    struct person *person = arrival->talk->person;
    if (!person->opted_out_at)
        return;
    person->opted_out_at = 0;
    person->changed = true;
    note(recording, arrival, "lead.opted_in", "customer",
         text_format(recording->batch->arena, "{\"scope\":\"marketing\",\"message_id\":\"%s\"}", arrival->id));
}

static void window_open(struct talk *talk, const Pb__InboundMessage *message)
{
    moment ends_at = (message->provider_at ? message->provider_at : message->received_at) + SERVICE_WINDOW_MS;
    if (!told_by_provider(message) && ends_at > talk->window_ends_at)
        talk->window_ends_at = ends_at;
}

/* One of the built-in words, which ingest knows, or of the company's own. */
static bool opts_out(struct arena *arena, const struct arrival *arrival)
{
    const Pb__InboundMessage *message = arrival->message;
    const struct place *place = arrival->place;
    if (message->opt_out || !message->wants_answer || !place->opt_out_word_count || message->media_info)
        return message->opt_out;
    const char *said = words_of(arena, text_or(message->message_text, ""), OPT_OUT_BYTES_MAX);
    for (size_t i = 0; *said && i < place->opt_out_word_count; i++)
        if (text_same(said, words_of(arena, place->opt_out_words[i], OPT_OUT_BYTES_MAX)))
            return true;
    return false;
}

/* It says so itself, or says the same again. The first may be somebody who is away; a machine goes on. */
static bool wrote_automatically(struct recording *recording, const struct arrival *arrival)
{
    struct talk *talk = arrival->talk;
    struct arena *arena = recording->batch->arena;
    const char *text = text_or(arrival->message->message_text, "");
    if (!config_loop_guard || !config_loop_automatic_max || told_by_provider(arrival->message))
        return false;
    int64_t mark = automatic_mark(arena, text), before = talk->inbound_mark;
    talk->inbound_mark = mark;
    bool automatic = (mark && mark == before) || automatic_says(arena, text);
    talk->automatic_count = automatic ? talk->automatic_count + 1 : 0;
    return automatic && talk->automatic_count >= config_loop_automatic_max;
}

/*
 * An answer to what the AI said last, and there sooner than anybody reads and types. What was written before that left
 * (the provider tells whole seconds) is no answer to it and says nothing, nor is a second message to the same answer.
 */
static bool answered_quickly(const struct recording *recording, const struct arrival *arrival)
{
    struct talk *talk = arrival->talk;
    const Pb__InboundMessage *message = arrival->message;
    moment arrived = earlier(message->received_at, recording->batch->now);
    bool crossed = message->provider_at && message->provider_at + SECOND_MS <= talk->said_at;
    if (!talk->said_at || told_by_provider(message) || arrived < talk->said_at || crossed)
        return false;
    bool quick = arrived - talk->said_at < arrival->place->quick_ms;
    talk->quick_count = quick ? talk->quick_count + 1 : 0;
    return quick;
}

static void customer_wrote(struct recording *recording, struct arrival *arrival)
{
    const Pb__InboundMessage *message = arrival->message;
    bool out = opts_out(recording->batch->arena, arrival);
    struct talk *talk = arrival->talk;
    const char *address;
    arrival->quick = answered_quickly(recording, arrival);
    struct message_row *row = row_of(recording, arrival);
    row->direction = "inbound";
    row->sender_type = "customer";
    row->status = "received";
    arrival->automatic = wrote_automatically(recording, arrival);
    row->wants_answer = arrival->wants_answer = message->wants_answer && !out && !arrival->automatic;
    talk_reach(talk, arrival, &address);
    window_open(talk, message);
    note_message(recording, arrival, "message.received", "customer");
    if (talk->owed_since) /* else nothing was owed, and no model is at work on it */
        talk_nudge(talk, arrival, "inbound");
    if (out)
        opt_out(recording, arrival, address);
    else if (message->opt_in)
        opt_in(recording, arrival);
    if (arrival->wants_answer)
        talk_owe(recording, arrival);
}

/* The business answered on its own phone: as an operator's message, it takes the conversation over. */
static void business_wrote(struct recording *recording, struct arrival *arrival)
{
    struct talk *talk = arrival->talk;
    const char *address;
    struct message_row *row = row_of(recording, arrival);
    row->direction = "outbound";
    row->sender_type = "operator";
    row->sender_id = OPERATOR_PHONE;
    row->status = "sent";
    row->cause = "operator";
    if (!talk->contact_id)
        talk_reach(talk, arrival, &address);
    talk_cover(talk);
    note_message(recording, arrival, "message.sent", "operator:" OPERATOR_PHONE);
    if (text_same(talk->owner, "human") && !talk->waits)
        return;
    talk->owner = "human";
    talk->waits = false;
    talk->taken = true;
    row->epoch = ++talk->epoch;
    talk_nudge(talk, arrival, "takeover");
    note(recording, arrival, "conversation.taken_over", "operator:" OPERATOR_PHONE,
         text_format(recording->batch->arena,
                     "{\"conversation_id\":\"%s\",\"epoch\":%lld,\"by\":\"operator:" OPERATOR_PHONE "\"}", talk->id,
                     (long long)talk->epoch));
}

static void arrival_take_effect(struct recording *recording, struct arrival *arrival)
{
    struct person *person = arrival->talk->person;
    arrival->id = arrival->message->id;
    arrival->lead_id = person->id;
    arrival->conversation_id = arrival->talk->id;
    arrival->fresh = true;
    if (person->created && arrival->sender->first == arrival)
        note_created(recording, arrival);
    if (arrival->message->echo)
        business_wrote(recording, arrival);
    else
        customer_wrote(recording, arrival);
}

void arrivals_take_effect(struct recording *recording)
{
    recording->rows = ARENA_ARRAY(recording->batch->arena, struct message_row, 2 * recording->count);
    for (size_t i = 0; i < recording->count; i++)
        if (arrival_new(&recording->arrivals[i]))
            arrival_take_effect(recording, &recording->arrivals[i]);
    for (size_t i = 0; i < recording->count; i++) {
        struct arrival *arrival = &recording->arrivals[i];
        if (!arrival->fresh)
            continue;
        arrival->owner_human = text_same(arrival->talk->owner, "human");
        arrival->uncovered = arrival->position > arrival->talk->covered_position;
    }
}
