/*
 * summary - what is remembered of conversations: a lead's summary for people, a session's for prompts.
 *
 * Made in steps, each committed alone: while more is unremembered than a prompt should hold, the oldest of it goes into
 * the session's summary. Something newer is never overwritten. docs/summary.md tells the whole.
 */
#pragma once
#include "service/service.h"

void summary_ask(struct batch *batch);
void summary_open(struct batch *batch);
void summary_commit(struct batch *batch);
