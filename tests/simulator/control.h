/*
 * control - what tests ask and tell the simulator, under /_sim: README.md shows each call.
 *
 * A body with a member that is not known is refused with 400 and its name; nothing of it then happens.
 */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "simulator.h"

#include <stdbool.h>

bool control_matches(const struct http_request *request);
void control_handle(struct simulator *simulator, struct exchange *exchange);

#endif
