/*
 * admin - what only the endpoints of administrators know: companies, API keys, channel accounts.
 */
#pragma once
#include "exchange.h"

/* Makes the key: only its hash travels; the text is shown once, in this answer. */
enum status api_key_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status api_key_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error);
/* Tells every gateway that keys or accounts changed. */
enum status keys_changed(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error);
