/*
 * loop - how often the AI may answer one person within a while, or be answered faster than a person writes: past it two
 * machines may be talking. Pure.
 *
 * The window begins with the first answer in it; the counters are on the conversation's row, so nothing is ever
 * counted.
 */
#pragma once
#include "core/hold.h"

/* One more answer would be one too many. The conversation has its reach. */
bool loop_reached(const struct held_conversation *conversation, moment now);
/* An answer is given. */
void loop_answered(struct held_conversation *conversation, moment now);
