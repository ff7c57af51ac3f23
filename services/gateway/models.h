/*
 * models - what only POST /ai-models knows: an Idempotency-Key fixes the model that it makes.
 */
#pragma once
#include "exchange.h"

enum status ai_model_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status ai_model_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
