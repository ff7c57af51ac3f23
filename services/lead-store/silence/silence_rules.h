/*
 * silence_rules - what a silence brings, and when to look again. A pure function of what the rows say.
 *
 * Time is counted from the person's newest message of either side, on any channel. What was asked for once in a silence
 * is not asked for again.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/moment.h"

struct silence_facts {
    moment now, last_at; /* the newest message */
    bool open;           /* the conversation */
    int64_t last_position, summarised_position, bumped_position;
    int64_t summary_after_ms; /* 0: no summary by itself */
    bool may_bump;            /* all that the gate would ask as well, and nothing is owed */
    int64_t bumpup_after_ms;
    int64_t stuck_after_ms; /* in its stage; 0: the stage asks for none */
    moment stage_since;
};

struct silence_verdict {
    bool summarise, bump; /* now */
    moment look_at;       /* 0: not before the AI has answered again */
};

struct silence_verdict silence_judge(const struct silence_facts *facts);
