/*
 * jobs - POST /jobs, and what only the queue's other endpoints know.
 */
#pragma once
#include "exchange.h"

void jobs_create(struct exchange *exchange);
/* A key for the whole installation that names no company counts all of them. */
enum status jobs_stats_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
