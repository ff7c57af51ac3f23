/*
 * settle - how a send ended, told by the channel that was given the go.
 */
#pragma once
#include "service/service.h"

void send_settle(struct batch *batch);
