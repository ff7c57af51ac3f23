/*
 * settle_rules - what a send becomes when its channel says how it ended. Pure.
 *
 * Only the claim that was given the go may say so, also late, from `unknown`. A status only ever rises, but for
 * `not_sent`: the provider certainly took nothing, so the message waits again. A receipt may have been faster; then it
 * has the last word.
 */
#pragma once
#include <stdbool.h>

#include "wire/pb.h"

struct settle_facts {
    const char *status, *claim; /* of the message */
    const char *by_claim;       /* who settles */
    Pb__SendOutcome outcome;
    Pb__SendClass error_class;
};

struct settle_verdict {
    bool stale;         /* not the owner's word: nothing changes */
    const char *status; /* what the message becomes; NULL: it stays */
};

struct settle_verdict settle_judge(const struct settle_facts *facts);
