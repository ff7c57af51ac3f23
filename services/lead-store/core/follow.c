#include "follow.h"

#include "base/ident.h"
#include "base/text.h"
#include "config.h"

enum {
    PRIORITY_ENGAGE = 100,
    NUMBER_INTERVAL_MS = 13,     /* WhatsApp: 80 messages/s per number */
    WEB_INTERVAL_MS = 60 * 1000, /* WhatsApp Web: never less between two sends of an account ... */
    WEB_JITTER_MS = 30 * 1000,   /* ... and up to this much more */
};

static char *suffixed(struct arena *arena, const char *key, const char *suffix)
{
    return text_empty(suffix) ? (char *)key : text_format(arena, "%s_%s", key, suffix);
}

const char *follow_engage_key(struct arena *arena, const char *lead_id, const char *message_id, const char *suffix)
{
    return suffixed(arena, text_format(arena, "ai_engage_%s_%s", lead_id, message_id), suffix);
}

/* Id and texts that are "" or NULL stay absent. */
static char *filled(struct arena *arena, const char *text)
{
    return text_empty(text) ? NULL : arena_text(arena, text);
}

static Pb__Json *engage_params(struct arena *arena, const struct follow_engage *engage)
{
    struct buffer params = { .arena = arena };
    buffer_format(&params, "{\"lead_id\":\"%s\",\"message_id\":\"%s\"", engage->lead_id, engage->message_id);
    if (engage->conversation_id)
        buffer_format(&params, ",\"conversation_id\":\"%s\"", engage->conversation_id);
    buffer_add_char(&params, '}');
    return pb_json(arena, buffer_text(&params));
}

Pb__JobSpec *follow_engage_job(struct arena *arena, const struct follow_engage *engage)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->id = filled(arena, engage->job_id);
    job->company_id = arena_text(arena, engage->company_id);
    job->task = arena_text(arena, WORK_AI_ENGAGE.task);
    job->idempotency_key = (char *)follow_engage_key(arena, engage->lead_id, engage->message_id, engage->suffix);
    job->params = engage_params(arena, engage);
    PB_SET(job, priority, PRIORITY_ENGAGE);
    if (engage->delay_ms > 0 && !engage->skipped)
        PB_SET(job, delay_ms, engage->delay_ms);
    job->correlation_id = filled(arena, engage->correlation_id);
    job->traceparent = filled(arena, engage->traceparent);
    job->skipped = filled(arena, engage->skipped);
    return job;
}

Pb__JobSpec *follow_fetch_job(struct arena *arena, const struct follow_fetch *fetch)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = arena_text(arena, fetch->company_id);
    job->task = arena_text(arena, WORK_MEDIA_FETCH.task);
    job->idempotency_key = text_format(arena, "media_fetch_%s", fetch->message_id);
    job->id = ident_named(arena, "job", fetch->company_id, job->idempotency_key, NULL);
    job->params = pb_json(arena, text_format(arena, "{\"message_id\":\"%s\"}", fetch->message_id));
    job->correlation_id = filled(arena, fetch->correlation_id);
    job->traceparent = filled(arena, fetch->traceparent);
    return job;
}

static Pb__Lane *lane_new(struct arena *arena, const char *name, int64_t interval_ms, int32_t jitter_ms,
                          int32_t in_flight_max)
{
    Pb__Lane *lane = PB_NEW(arena, lane);
    lane->name = (char *)name;
    PB_SET(lane, interval_ms, (int32_t)interval_ms);
    PB_SET(lane, jitter_ms, jitter_ms);
    PB_SET(lane, in_flight_max, in_flight_max);
    return lane;
}

/*
 * WhatsApp Cloud: to one person one after the other, the automated ones paced. A person's messages have a lane of their
 * own, without interval: the vendor lends a burst, and past it its own refusal (131056) makes them wait.
 */
static size_t lanes_whatsapp_cloud(struct arena *arena, const struct follow_send *send, Pb__Lane **lanes)
{
    const char *whose = send->automated ? "" : ":operator";
    const char *name = text_format(arena, "%s:%s:%s%s", send->channel, send->account, send->recipient, whose);
    size_t count = 0;
    lanes[count++] = lane_new(arena, name, send->automated ? config_pacing_ms : 0, 0, 1);
    if (config_pacing_ms > 0)
        lanes[count++] =
            lane_new(arena, text_format(arena, "%s:%s", send->channel, send->account), NUMBER_INTERVAL_MS, 0, 0);
    return count;
}

static size_t lanes_of(struct arena *arena, const struct follow_send *send, Pb__Lane **lanes)
{
    if (text_same(send->channel, "whatsapp_cloud"))
        return lanes_whatsapp_cloud(arena, send, lanes);
    if (text_same(send->channel, "whatsapp_web") && config_pacing_ms > 0) {
        lanes[0] = lane_new(arena, text_format(arena, "%s:%s", send->channel, send->account), WEB_INTERVAL_MS,
                            WEB_JITTER_MS, 1);
        return 1;
    }
    return 0;
}

static Pb__Json *send_params(struct arena *arena, const struct follow_send *send)
{
    struct buffer params = { .arena = arena };
    buffer_format(&params, "{\"message_id\":\"%s\"", send->message_id);
    if (send->lead_id && send->conversation_id)
        buffer_format(&params, ",\"lead_id\":\"%s\",\"conversation_id\":\"%s\"", send->lead_id, send->conversation_id);
    if (send->turn_id)
        buffer_format(&params, ",\"turn_id\":\"%s\"", send->turn_id);
    buffer_add_char(&params, '}');
    return pb_json(arena, buffer_text(&params));
}

Pb__JobSpec *follow_send_job(struct arena *arena, const struct follow_send *send)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = arena_text(arena, send->company_id);
    job->task = text_format(arena, "channel.send.%s", send->channel);
    job->idempotency_key = suffixed(arena, text_format(arena, "send_%s", send->message_id), send->suffix);
    job->id = ident_named(arena, "job", send->company_id, job->idempotency_key, NULL);
    job->params = send_params(arena, send);
    PB_SET(job, priority, send->priority);
    if (send->delay_ms > 0)
        PB_SET(job, delay_ms, send->delay_ms);
    job->lanes = ARENA_ARRAY(arena, Pb__Lane *, 2);
    job->n_lanes = lanes_of(arena, send, job->lanes);
    job->correlation_id = filled(arena, send->correlation_id);
    job->traceparent = filled(arena, send->traceparent);
    return job;
}

static Pb__JobSpec *silence_job(struct arena *arena, const struct follow_silence *silence, const char *task,
                                const char *prefix, const char *more)
{
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    const char *part = silence->key ? silence->key : text_format(arena, "%lld", (long long)silence->position);
    job->company_id = arena_text(arena, silence->company_id);
    job->task = arena_text(arena, task);
    job->idempotency_key = text_format(arena, "%s_%s_%s", prefix, silence->conversation_id, part);
    job->params =
        pb_json(arena, text_format(arena, "{\"lead_id\":\"%s\",\"conversation_id\":\"%s\",\"position\":%lld%s}",
                                   silence->lead_id, silence->conversation_id, (long long)silence->position, more));
    job->correlation_id = filled(arena, silence->correlation_id);
    job->traceparent = filled(arena, silence->traceparent);
    return job;
}

Pb__JobSpec *follow_summary_job(struct arena *arena, const struct follow_silence *silence)
{
    return silence_job(arena, silence, WORK_AI_SUMMARY.task, "ai_summary", "");
}

Pb__JobSpec *follow_memory_job(struct arena *arena, const struct follow_silence *silence)
{
    return silence_job(arena, silence, WORK_AI_SUMMARY.task, "ai_memory", ",\"memory_only\":true");
}

Pb__JobSpec *follow_bumpup_job(struct arena *arena, const struct follow_silence *silence)
{
    return silence_job(arena, silence, WORK_BUMPUP.task, "bumpup", "");
}
