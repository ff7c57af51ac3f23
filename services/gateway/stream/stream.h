/*
 * stream - GET /events/stream: what happens in a company, as it happens (server-sent events).
 *
 * Resumable: Last-Event-ID (or ?after=) is the id of the last event that was seen, and everything after it comes, once.
 */
#pragma once
#include "exchange.h"

void stream_get(struct exchange *exchange);
