#include "loop.h"

#include "core/config.h"

static bool is_over(const struct held_conversation *conversation, moment now)
{
    return !conversation->ai_replies_since ||
           now >= conversation->ai_replies_since + conversation->reach->sender->window_ms;
}

static bool reached(int64_t count, int64_t max)
{
    return max > 0 && count >= max;
}

bool loop_reached(const struct held_conversation *conversation, moment now)
{
    const struct reach_sender *rules = conversation->reach->sender;
    bool often = !is_over(conversation, now) && reached(conversation->ai_replies, rules->replies_max);
    return config_loop_guard && (often || reached(conversation->quick_count, rules->quick_max));
}

void loop_answered(struct held_conversation *conversation, moment now)
{
    if (is_over(conversation, now)) {
        conversation->ai_replies = 0;
        conversation->ai_replies_since = now;
    }
    conversation->ai_replies++;
    conversation->changed = true;
}
