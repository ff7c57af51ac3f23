/*
 * reply_route - which channel a reply takes: the preferred one if it can reach the person now, else the one they wrote
 * on.
 */
#pragma once
#include "core/hold.h"

/* May free text of the AI's leave through this conversation now? */
bool reply_can_reach(const struct held_conversation *conversation, moment now);
/* asked is where the customer wrote; the answer is asked itself or another held conversation of the same person. */
struct held_conversation *reply_route(const struct held *held, struct held_conversation *asked);
