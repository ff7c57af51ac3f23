#include "loop.h"

#include "core/config.h"

static bool is_over(const struct held_conversation *conversation, moment now)
{
    return !conversation->ai_replies_since ||
           now >= conversation->ai_replies_since + conversation->reach->sender->window_ms;
}

bool loop_reached(const struct held_conversation *conversation, moment now)
{
    int64_t replies_max = conversation->reach->sender->replies_max;
    return config_loop_guard && replies_max > 0 && !is_over(conversation, now) &&
           conversation->ai_replies >= replies_max;
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
