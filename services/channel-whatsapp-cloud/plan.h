/*
 * plan - what follows from how a call to Meta ended: what the message is settled as, and what becomes of its job. Pure.
 *
 * A message whose call left without an answer of Meta's own is unknown, whatever the reason. What Meta refused for a
 * while goes back to queued and its job up the ladder.
 */
#pragma once
#include "channels/whatsapp_cloud.h"
#include "net/http.h"

enum plan_end {
    PLAN_SENT,
    PLAN_UNKNOWN, /* an outcome of the job; the store finds out */
    PLAN_OUTCOME, /* refused for a reason of the recipient's: nothing to repair */
    PLAN_RETRY,   /* certainly not taken: the ladder */
    PLAN_DEFER,   /* certainly not taken, and nobody's fault: at once again */
    PLAN_DEAD,    /* refused for a reason of ours: a person must look */
};

struct plan {
    enum plan_end end;
    Pb__SendOutcome outcome;
    Pb__SendClass error_class; /* of what Meta refused */
    const char *word;        /* class, or what happened: "unreachable_provider", "no_answer"; of everything but SENT */
    const char *code;        /* Meta's, decimal; "" */
    const char *error;       /* one sentence; "" */
    const char *external_id; /* of SENT */
    int64_t retry_after_ms;
};

/* attempt of attempts_max is the one that is over: after the last one nothing goes back to queued. */
struct plan plan_make(struct arena *arena, const struct http_response *response, int32_t attempt, int32_t attempts_max);
/* For what the gate's answer is not known of: if it was a go it is given back. away: nobody's fault. */
struct plan plan_unanswered(struct arena *arena, const struct error *error, bool away);
/* For what never got as far as a call: the request can't be made. */
struct plan plan_refuse(const struct error *error, Pb__SendClass error_class);
