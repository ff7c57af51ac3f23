/*
 * admin - what only the endpoints of administrators know: companies, API keys, channel accounts.
 */
#pragma once
#include "exchange.h"

/* With an Idempotency-Key the company's id is made of it, so that a repeat finds the same company. */
enum status company_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
/* Whose settings: the path's company, or the caller's own. */
enum status company_address(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
/* REJECT: the id belongs to a company that was made of another body. */
enum status company_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error);
/* Makes the key: only its hash travels; the text is shown once, in this answer. */
enum status api_key_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status api_key_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error);
/* Tells every gateway that keys or accounts changed. */
enum status keys_changed(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error);
