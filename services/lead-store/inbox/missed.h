/*
 * missed - what was said in a conversation since the last message that somebody saw. Under the conversation's lock the
 * answer stays true until the commit.
 */
#pragma once
#include "core/hold.h"

struct missed {
    bool known; /* the message that was seen is one of this conversation */
    Pb__Message **messages;
    size_t count; /* at most 20, the oldest */
};

/* Since the message of that id, or (NULL) since that position. */
enum status missed_read(struct batch *batch, const struct held_conversation *conversation, const char *message_id,
                        int64_t position, struct missed *out, struct error *error);
