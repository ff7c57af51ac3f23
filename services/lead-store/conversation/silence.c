#include "silence.h"

#include "base/limits.h"
#include "base/text.h"
#include "core/follow.h"

static_assert((int)MEMORY_DUE < (int)TURN_HISTORY_ITEMS_MAX, "what is not remembered yet is still in the history");

/* When to look first; 0: nothing is wanted. */
static moment first_look(const struct held_conversation *conversation, moment now)
{
    const struct reach_sender *sender = conversation->reach->sender;
    if (sender->summary_after_minutes && conversation->last_position >= SUMMARY_MESSAGES_MIN)
        return now + sender->summary_after_minutes * MINUTE_MS;
    return sender->bumps_up ? now + DAY_MS : 0;
}

void silence_arm(struct held_conversation *conversation, moment now)
{
    if (!conversation->silence_at)
        conversation->silence_at = first_look(conversation, now);
}

static struct follow_silence silence_of(const struct held_conversation *conversation, const struct caller *caller,
                                        int64_t position)
{
    return (struct follow_silence){ .company_id = conversation->company_id,
                                    .lead_id = conversation->lead_id,
                                    .conversation_id = conversation->id,
                                    .correlation_id = caller->correlation_id,
                                    .traceparent = caller->traceparent,
                                    .position = position };
}

Pb__JobSpec *silence_handback_job(struct arena *arena, const struct held_conversation *conversation,
                                  const struct caller *caller)
{
    const struct reach *reach = conversation->reach;
    if (!conversation->epoch || !reach || !reach->sender->summary_after_minutes ||
        conversation->last_position < SUMMARY_MESSAGES_MIN)
        return NULL;
    struct follow_silence silence = silence_of(conversation, caller, conversation->last_position);
    return follow_summary_job(arena, &silence);
}

/* A key for so many messages: if that job was in vain, the next ones bring another. */
Pb__JobSpec *silence_memory_job(struct arena *arena, const struct held_conversation *conversation,
                                const struct caller *caller)
{
    if (conversation->last_position - conversation->remembered_position < MEMORY_DUE)
        return NULL;
    int64_t step = MEMORY_DUE - MEMORY_LEFT;
    struct follow_silence silence = silence_of(conversation, caller, conversation->last_position / step * step);
    return follow_memory_job(arena, &silence);
}
