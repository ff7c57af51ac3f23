/*
 * bumpup - a nudge to somebody who has been silent: asked for, opened, committed.
 *
 * It is written only while nothing has been written since the job was asked for, looked at again under the lock of the
 * commit and once more at the gate. docs/follow-up.md tells the whole.
 */
#pragma once
#include "service/service.h"

void bumpup_ask(struct batch *batch);
void bumpup_open(struct batch *batch);
void bumpup_commit(struct batch *batch);
