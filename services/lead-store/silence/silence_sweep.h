/*
 * silence_sweep - a pass of the sweep: conversations whose time to look has come, and what their silence brings.
 */
#pragma once
#include "service/service.h"

enum status silence_sweep(struct batch *batch, struct error *error);
