/*
 * model_state - which providers are passed over just now, as the processes that ask them tell.
 *
 * In memory only, and best effort: what was said holds until its own moment, so that a process that dies leaves nothing
 * behind for longer than a breaker stays open; it is said again as long as models are asked, so that a gateway that has
 * just started knows it with the next call.
 */
#pragma once
#include "exchange.h"

enum status model_state_open(struct error *error);

/* GET /ai-models, GET /ai-models/{id}: the state beside each. */
enum status ai_models_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error);
enum status ai_model_shown(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error);
