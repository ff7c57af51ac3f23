/*
 * engage - the way of an ai.engage job: open the turn, ask the model, commit. Every request to the store is one for the
 * whole batch.
 */
#pragma once
#include "service/service.h"

void engage_start(struct batch *batch);
void engage_told(struct batch *batch);
void engage_hear(struct batch *batch, const void *message);
