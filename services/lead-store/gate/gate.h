/*
 * gate - every message to a customer asks here, in the transaction that marks it as leaving.
 *
 * A message leaves when its authorise commits; lead, conversation and message are locked, so whatever could forbid it
 * is before or after. docs/gate.md tells the whole.
 */
#pragma once
#include "service/service.h"

void send_authorize(struct batch *batch);
