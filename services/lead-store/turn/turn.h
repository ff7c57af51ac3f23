/*
 * turn - the AI's one answer to all that a customer wrote since the last one: opened, then committed.
 *
 * A turn belongs to the newest claim of its job. Commit is one transaction: reply, coverage of the inbound messages,
 * events. docs/turn.md tells the whole.
 */
#pragma once
#include "service/service.h"

void turn_open(struct batch *batch);
void turn_commit(struct batch *batch);
