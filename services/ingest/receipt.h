/*
 * receipt - what providers say of messages we sent, applied a batch at a time. A status only ever rises, so a repeat
 * changes nothing.
 */
#pragma once
#include "service/service.h"

void apply_receipts(struct batch *batch);
