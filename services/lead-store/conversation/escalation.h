/*
 * escalation - a conversation goes to a person though none asked for it: the model's action, a rule of the company, the
 * watchdog.
 *
 * In the transaction of what caused it: from its commit on the conversation is a person's, nobody's in particular, and
 * waits (escalated_at) until one takes it or gives it back. What the AI has said already still leaves, and it says
 * nothing more. The customer is told so once in a while, where the AI's own words don't.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"
#include "outbound.h"

enum { ESCALATION_REASON_BYTES_MAX = 2000, ESCALATION_TOLD_AGAIN_MS = HOUR_MS };

struct escalation {
    struct held_conversation *conversation; /* held, open, the AI's; with its reach */
    const struct caller *caller;
    const char *reason;  /* a stable word of ours, or the model's own words */
    const char *urgency; /* low, normal, high; anything else: normal */
    const char *by;      /* ai, system */
    bool told;           /* the AI's own words tell the customer */

    struct outbound notice; /* set by escalation_take; id NULL: nothing is said */
};

/* In what is held: the owner, the epoch, and what the customer is told. */
void escalation_take(struct arena *arena, struct escalation *escalation, moment now);
/* Queues all of it, the conversations held included: call it instead of hold_save, and once. */
void escalations_save(struct held *held, struct escalation *list, size_t count, struct event_list *events);
/* The send of the notice; NULL: nothing is said. */
Pb__JobSpec *escalation_job(const struct escalation *escalation);
/* After the commit: model calls for it are in vain. */
void escalation_nudge(struct arena *arena, const struct escalation *escalation);
