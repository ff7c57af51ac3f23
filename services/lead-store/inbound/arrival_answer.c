#include <string.h>

#include "arrival.h"
#include "base/json.h"
#include "base/text.h"
#include "core/follow.h"
#include "media/media_kind.h"

enum { PRIORITY_NOTICE = 100 };

static const char *skip_reason(const struct arrival *arrival)
{
    if (arrival->opted_out)
        return "opt_out";
    if (arrival->automatic)
        return "automatic";
    if (!arrival->wants_answer)
        return "no_answer_wanted";
    if (arrival->owner_human)
        return "human_owner";
    return arrival->uncovered ? NULL : "already_answered";
}

/* The rest of the burst: the quiet window, but no longer than the oldest owed message may wait. */
static int32_t engage_delay_ms(const struct recording *recording, const struct arrival *arrival)
{
    int64_t delay_ms = place_buffer_ms(arrival->place);
    if (arrival->talk && arrival->talk->owed_since) {
        int64_t left_ms = arrival->talk->owed_since + place_buffer_max_ms(arrival->place) - recording->batch->now;
        if (left_ms < delay_ms)
            delay_ms = left_ms > 0 ? left_ms : 0;
    }
    return (int32_t)delay_ms;
}

static Pb__JobSpec *engage_job(const struct recording *recording, const struct arrival *arrival, const char *skipped)
{
    return follow_engage_job(recording->batch->arena,
                             &(struct follow_engage){ .company_id = arrival->place->company_id,
                                                      .lead_id = arrival->lead_id,
                                                      .message_id = arrival->id,
                                                      .conversation_id = arrival->conversation_id,
                                                      .job_id = arrival->job_id,
                                                      .correlation_id = arrival->correlation_id,
                                                      .traceparent = arrival->item->caller.traceparent,
                                                      .skipped = skipped,
                                                      .delay_ms = engage_delay_ms(recording, arrival) });
}

static Pb__JobSpec *confirmation_job(const struct recording *recording, const struct arrival *arrival)
{
    return follow_send_job(recording->batch->arena,
                           &(struct follow_send){ .company_id = arrival->place->company_id,
                                                  .message_id = arrival->confirmation_id,
                                                  .channel = arrival->place->channel,
                                                  .account = arrival->place->account,
                                                  .recipient = arrival->confirmation_recipient,
                                                  .correlation_id = arrival->correlation_id,
                                                  .traceparent = arrival->item->caller.traceparent,
                                                  .automated = true,
                                                  .priority = PRIORITY_NOTICE });
}

/* A file that the provider keeps for a while. */
static bool has_file(struct arena *arena, const Pb__InboundMessage *message)
{
    cJSON *info = NULL;
    const char *id = NULL;
    if (!media_kind_known(message->kind) || message->channel != PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD)
        return false;
    const char *text = pb_json_text(message->media_info);
    return json_parse(arena, text, strlen(text), &info, NULL) == OK && json_want_text(info, "id", &id, NULL) == OK &&
           !text_empty(id);
}

static Pb__JobSpec *fetch_job(const struct recording *recording, const struct arrival *arrival)
{
    return follow_fetch_job(recording->batch->arena,
                            &(struct follow_fetch){ .company_id = arrival->place->company_id,
                                                    .message_id = arrival->id,
                                                    .correlation_id = arrival->correlation_id,
                                                    .traceparent = arrival->item->caller.traceparent });
}

static void arrival_jobs(const struct recording *recording, const struct arrival *arrival, Pb__InboundRecorded *reply)
{
    const char *skipped = skip_reason(arrival);
    reply->jobs = ARENA_ARRAY(recording->batch->arena, Pb__JobSpec *, 3);
    PB_SET(reply, owed, skipped == NULL);
    if (!arrival->message->echo)
        reply->jobs[reply->n_jobs++] = engage_job(recording, arrival, skipped);
    if (arrival->confirmation_id)
        reply->jobs[reply->n_jobs++] = confirmation_job(recording, arrival);
    if (has_file(recording->batch->arena, arrival->message))
        reply->jobs[reply->n_jobs++] = fetch_job(recording, arrival);
}

static void arrival_answer(const struct recording *recording, const struct arrival *arrival)
{
    const struct arrival *stored = arrival->repeats ? arrival->repeats : arrival;
    Pb__InboundRecorded *reply = PB_NEW(recording->batch->arena, inbound_recorded);
    reply->message_id = (char *)stored->id;
    reply->lead_id = (char *)stored->lead_id;
    reply->conversation_id = (char *)stored->conversation_id;
    reply->company_id = (char *)stored->place->company_id;
    PB_SET(reply, position, stored->position);
    PB_SET(reply, created, arrival->fresh);
    arrival_jobs(recording, stored, reply);
    arrival->item->reply = &reply->base;
}

static void talk_tell(const struct recording *recording, const struct talk *talk)
{
    Pb__ConversationNudge *nudge = PB_NEW(recording->batch->arena, conversation_nudge);
    nudge->conversation_id = (char *)talk->id;
    nudge->lead_id = (char *)talk->person->id;
    nudge->company_id = (char *)talk->company_id;
    nudge->cause = (char *)talk->nudge_cause;
    PB_SET(nudge, position, talk->owed_position);
    talk->nudge_item->state = nudge;
}

void arrivals_answer(struct recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        if (recording->arrivals[i].item->status == OK)
            arrival_answer(recording, &recording->arrivals[i]);
    for (size_t i = 0; i < recording->talk_count; i++)
        if (recording->talks[i]->nudge_cause)
            talk_tell(recording, recording->talks[i]);
}
