/*
 * refusal - drafts of the AI's that nobody may read: their verdicts are kept with the turn, and told over REST. The
 * texts are nowhere.
 */
#pragma once
#include "commit.h"
#include "service/service.h"

/* store.safety.list */
void refusal_list(struct batch *batch);

/* store.safety.record: of drafts that are no turn's */
void refusal_record(struct batch *batch);

/* A verdict is JSON and says that it is one of a refused draft; what is sent says that it is safe. */
enum status refusals_check(struct arena *arena, const Pb__TurnCommitRequest *request, struct error *error);
/* Queues those of the turns that commit; most have none. */
void refusals_write(struct commit_batch *work);
