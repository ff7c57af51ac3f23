/*
 * follow - the jobs that follow from what was stored: their keys, delays and lanes, in one place.
 *
 * Keys are natural, so that asking again for the same work changes nothing.
 */
#pragma once
#include "service/service.h"

/* ai_engage_{lead}_{message}[_suffix]; job_id NULL: the scheduler makes one. */
const char *follow_engage_key(struct arena *arena, const char *lead_id, const char *message_id, const char *suffix);
struct follow_engage {
    const char *company_id, *lead_id, *message_id, *job_id, *suffix, *correlation_id, *traceparent;
    const char *conversation_id; /* what spares the opening a look; NULL: unknown */
    const char *skipped;         /* reason; NULL: it is owed */
    int32_t delay_ms;
};
Pb__JobSpec *follow_engage_job(struct arena *arena, const struct follow_engage *engage);

/* media_fetch_{message_id}: the file of an inbound message. */
struct follow_fetch {
    const char *company_id, *message_id, *correlation_id, *traceparent;
};
Pb__JobSpec *follow_fetch_job(struct arena *arena, const struct follow_fetch *fetch);

/* send_{message_id}[_suffix]; its job id follows from the key (messages.job_id); lanes by the channel's rules and
 * WHATSAPP_CLOUD_PACING. */
struct follow_send {
    const char *company_id, *message_id, *channel, *account, *recipient, *correlation_id, *traceparent, *suffix;
    const char *lead_id, *conversation_id, *turn_id; /* what spares the gate a look; NULL: unknown, or no turn */
    bool automated;                                  /* false: a person's */
    int32_t priority;
    int32_t delay_ms;
};
Pb__JobSpec *follow_send_job(struct arena *arena, const struct follow_send *send);

/* ai_summary_{conversation}_{position}, ai_memory_..., bumpup_...: one job for all that was written up to there. */
struct follow_silence {
    const char *company_id, *lead_id, *conversation_id, *correlation_id, *traceparent;
    const char *key; /* instead of the position; NULL: none */
    int64_t position;
};
Pb__JobSpec *follow_summary_job(struct arena *arena, const struct follow_silence *silence);
Pb__JobSpec *follow_memory_job(struct arena *arena, const struct follow_silence *silence);
Pb__JobSpec *follow_bumpup_job(struct arena *arena, const struct follow_silence *silence);
