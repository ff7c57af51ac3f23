/*
 * bumpup - the way of a followup.bumpup job: open, ask the model, look whether its words will do, commit.
 *
 * What won't do is written again, a few times; then nothing is sent, and the job says why.
 */
#pragma once
#include "service/service.h"

void bumpup_start(struct batch *batch);
void bumpup_told(struct batch *batch);
