/*
 * consent - POST /leads/{id}/consents: who records it, and whether a repeat under its Idempotency-Key says the same.
 */
#pragma once
#include "exchange.h"

enum status consent_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status consent_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error);
