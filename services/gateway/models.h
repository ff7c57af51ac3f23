/*
 * models - what only POST /ai-models knows: whether a repeat under its Idempotency-Key says the same.
 */
#pragma once
#include "exchange.h"

enum status ai_model_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
