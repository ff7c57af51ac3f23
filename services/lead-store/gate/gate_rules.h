/*
 * gate_rules - may this message leave, now, by this claim? A pure function of what the locked rows say.
 *
 * The message's status is asked first (it may be leaving or have left already), then the rules in their order; the
 * first that speaks decides. What is not certain is not allowed: no window, no template, no account, no consent means
 * no.
 */
#pragma once
#include "base/moment.h"
#include "wire/pb.h"

struct gate_message {
    const char *status, *claim, *sender_type, *cause;
    const char *reason; /* kept with a held, withdrawn or cancelled one; class of a failed one */
    moment go_until, status_at;
    bool accepted; /* the provider gave it an id */
    int64_t epoch; /* of its conversation when it was written */
    moment written_at;
};

/* The reply's turn; for messages of other kinds all zero. */
struct gate_turn {
    bool known;
    bool elsewhere;   /* it was asked in another conversation than the one it goes out by */
    bool asked_human; /* a person owns that one, or it changed hands since */
    bool newest;      /* nothing has been covered after it */
    bool newer_owed;  /* an owed inbound came after what it covers */
    moment answer_by; /* end of the maximum wait */
    bool handed_over; /* it gave the conversation to a person: its reply is the AI's last word there */
};

struct gate_conversation {
    bool human;
    int64_t epoch;
    bool windowed;         /* the channel has a customer service window */
    moment window_ends_at; /* 0: nobody ever wrote */
    bool newer_inbound;    /* the customer has written since the message was written */
    moment ai_go_until;    /* end of the go of what the AI has under way there; 0: nothing */
};

struct gate_reach {
    bool account;     /* a real one, with credentials */
    bool recipient;   /* an address to send to */
    bool unreachable; /* the provider said so */
};

struct gate_person {
    moment opted_out_at; /* 0: never */
    bool marketing_consent;
    moment proactive_at; /* last message that the business started; 0: none, or this very one */
    moment quiet_until;  /* 0: it is not quiet now */
};

enum gate_template { TEMPLATE_NONE, TEMPLATE_APPROVED, TEMPLATE_REFUSED };

struct gate_facts {
    struct gate_message message;
    struct gate_turn turn;
    struct gate_conversation conversation;
    struct gate_reach reach;
    struct gate_person person;
    enum gate_template template;
    const char *claim; /* who asks */
    bool replayed;     /* the job is out of the DLQ again */
    moment now;
    int64_t unknown_hold_ms;
    int64_t jitter_ms; /* added to a deferral, so that what was held does not leave in one burst */
};

struct gate_verdict {
    Pb__Verdict verdict;
    const char *reason;
    moment until;       /* of defer and busy; of go its end */
    const char *status; /* what the message becomes; NULL: it stays */
};

enum { PROACTIVE_EVERY_MS = DAY_MS, BUSY_AGAIN_MS = 1000, AI_LEAVING_AGAIN_MS = 200 };

struct gate_verdict gate_judge(const struct gate_facts *facts);
