/*
 * templates - asks for the provider's list anew.
 */
#pragma once
#include "exchange.h"

void templates_sync(struct exchange *exchange);
