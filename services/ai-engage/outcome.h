/*
 * outcome - how an ai.engage job ends, and its result.
 */
#pragma once
#include "service/service.h"

void outcome_end(struct item *item, const char *outcome,
                 const char *reason); /* nothing is answered; reason may be "" */
/* commit: what was committed just now; NULL: by an earlier handling. No message where the turn handed over without a
 * word. */
void outcome_committed(struct item *item, const char *turn_id, const char *message_id,
                       const Pb__TurnCommitRequest *commit);
/* The newer message's job answers for both. */
void outcome_superseded(struct item *item, const char *by, int64_t delay_ms);
/* While the house itself is away nobody has failed: the job waits without losing an attempt. */
void outcome_store_failed(struct item *item, const struct call *call);
