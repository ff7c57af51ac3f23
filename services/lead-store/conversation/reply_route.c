#include "reply_route.h"

#include "base/limits.h"
#include "base/text.h"

bool reply_can_reach(const struct held_conversation *conversation, moment now)
{
    const struct reach *reach = conversation->reach;
    if (!text_same(conversation->state, "open") || !text_same(conversation->owner, "ai"))
        return false;
    if (!reach_has_account(reach) || text_empty(reach->address) || reach->unreachable_at)
        return false;
    return !text_same(conversation->channel, "whatsapp_cloud") ||
           now < conversation->window_ends_at - SERVICE_WINDOW_MARGIN_MS;
}

struct held_conversation *reply_route(const struct held *held, struct held_conversation *asked)
{
    const char *preferred = asked->reach->preferred_channel;
    if (text_empty(preferred) || text_same(preferred, asked->channel))
        return asked;
    for (size_t i = 0; i < held->conversation_count; i++) {
        struct held_conversation *other = &held->conversations[i];
        if (text_same(other->lead_id, asked->lead_id) && text_same(other->channel, preferred) &&
            reply_can_reach(other, held->batch->now))
            return other;
    }
    return asked;
}
