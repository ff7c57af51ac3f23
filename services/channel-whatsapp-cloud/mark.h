/*
 * mark - tells Meta that a customer's message was read, or that somebody is writing an answer (which ends by itself).
 *
 * A courtesy: what Meta refuses is an outcome and nothing to repair. It goes through no gate, for nothing of it is a
 * message.
 */
#pragma once
#include "service/service.h"

void mark_start(struct batch *batch);
void mark_told(struct batch *batch);
