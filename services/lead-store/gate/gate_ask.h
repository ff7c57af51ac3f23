/*
 * gate_ask - one question at the gate, from the request to its answer; shared by the gate's own files.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"
#include "gate_rules.h"
#include "quiet.h"

struct gate_template_row {
    const char *id, *name, *language, *state;
};

struct gate_ask {
    struct item *item;
    const Pb__SendAuthorizeRequest *request;
    struct held_message *message; /* NULL: refused already */
    struct held_conversation *conversation;
    struct held_lead *lead;
    struct held_turn *turn; /* of a reply; NULL: none */
    const struct gate_template_row *template;
    struct quiet_task quiet; /* of a proactive one */
    bool marketing_consent;
    moment ai_go_until; /* of what the AI has past the gate there; 0: nothing. Not read for its own */
    struct gate_facts facts;
    struct gate_verdict verdict;
    Pb__SendAuthorized *reply;
};

struct gate_batch {
    struct batch *batch;
    struct held held;
    struct gate_ask *list;
    size_t count;
    struct ids withdrawn; /* turns taken back */
    bool told;            /* what is held is what the callers said of their messages */
};

/*
 * Locks and reads what the asks are about. Where a message stands is what its caller says, the first time that the
 * batch is run: one round trip instead of two. It is compared under the locks, and a batch that is run again looks for
 * itself.
 */
enum status gate_hold(struct gate_batch *gate, struct error *error);
/* Is what is held all that the message of this ask belongs to? */
bool gate_holds(const struct gate_batch *gate, const struct gate_ask *ask);

/* Read for the asks that are not the AI's; then for one ask, with what the batch itself has let go. */
enum status gate_leaving_read(struct gate_batch *gate, struct error *error);
moment gate_ai_go_until(const struct gate_batch *gate, const struct gate_ask *ask);
/* What the channel needs for its call. */
Pb__Outgoing *gate_outgoing(struct arena *arena, const struct gate_ask *ask);
/* Statuses, coverage taken back, the frequency counter, verdicts with what they saw, events. */
enum status gate_write(struct gate_batch *gate, struct error *error);
