/*
 * progress - what a turn's actions do to its lead: notes (BANT and what the stage collects), and the move to another
 * stage.
 *
 * In the transaction of the turn's commit. An action counts only with a message of that lead's own that supports it; a
 * move only where the present stage leads to. docs/stages.md tells the whole.
 */
#pragma once
#include "commit.h"

/* Whether a turn has such actions: then its lead is held, before its conversation. */
bool progress_wanted(const Pb__TurnCommitRequest *request);
/* Of the turns that commit: reads, and queues the writing. */
enum status progress_write(struct commit_batch *work, struct error *error);
