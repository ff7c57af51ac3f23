/*
 * operator - a person's own message: it takes the conversation over if need be, and goes through queue and gate like
 * every other.
 */
#pragma once
#include "service/service.h"

void operator_post(struct batch *batch);
