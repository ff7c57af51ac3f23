/*
 * summary - the way of an ai.summary job: open a step, ask the model, commit. Every request to the store is one for the
 * whole batch.
 */
#pragma once
#include "service/service.h"

void summary_start(struct batch *batch);
void summary_told(struct batch *batch);
