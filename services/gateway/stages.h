/*
 * stages - POST /stages and /pipelines: an Idempotency-Key fixes the new one's id, and its second use with another body
 * is refused.
 */
#pragma once
#include "exchange.h"

enum status stage_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error);

enum status pipeline_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
