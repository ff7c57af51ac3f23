/*
 * turn_rules - whether a turn may open and commit, as pure functions of what the locked rows say.
 *
 * "Owed" is a comparison of positions: an inbound past covered_position that wants an answer. Until the maximum wait
 * (counted from the oldest owed one) is over, a newer owed inbound takes an older turn back; after it a turn commits
 * what it saw.
 */
#pragma once
#include "base/moment.h"
#include "wire/pb.h"

struct turn_facts {
    bool closed, human;
    int64_t epoch, covered_position, owed_position;
    moment owed_since; /* 0: nothing is owed */
    int64_t buffer_max_ms;
    moment opted_out_at; /* 0: never */
    moment now;
};

/* The inbound whose job opens. */
struct turn_asked {
    int64_t position;
    bool wants_answer;
    moment received_at;
};

/* A turn that wants to commit. */
struct turn_offer {
    bool newest_claim;
    bool taken_back; /* superseded since it was opened, or its conversation went up in another */
    int64_t epoch, after_position;
    int64_t opened_position;  /* newest owed inbound when it was opened */
    int64_t covered_position; /* newest that the prompt held: less, where they were too many */
    moment opened_at;
};

struct turn_verdict {
    Pb__TurnState state;
    const char *reason; /* NULL where the state says it all */
};

/* The least that a superseded job waits before it asks again, should the newer job be gone. */
enum { SUPERSEDED_WAIT_MS_MIN = 200 };
int32_t turn_superseded_wait_ms(int64_t buffer_ms);

moment turn_answer_by(const struct turn_facts *facts); /* end of the maximum wait; 0: nothing is owed */
bool turn_is_owed(const struct turn_facts *facts);
struct turn_verdict turn_may_open(const struct turn_facts *facts, const struct turn_asked *asked);
struct turn_verdict turn_may_commit(const struct turn_facts *facts, const struct turn_offer *offer);
