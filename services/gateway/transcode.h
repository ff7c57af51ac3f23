/*
 * transcode - REST in, messages out: body, path and query become a request by descriptor, the reply becomes JSON the
 * same way.
 *
 * Whose rows are asked for comes from the key; a company that is named must be its own, unless the key is the whole
 * installation's.
 */
#pragma once
#include "exchange.h"

void transcode(struct exchange *exchange);

/* The parts, for endpoints that go their own way. */

/* Body (checked, rules applied), query and path into one message; sets the caller's company. REJECT as the transcoder
 * would. */
enum status transcode_request(struct exchange *exchange, const ProtobufCMessageDescriptor *type, ProtobufCMessage **out,
                              struct error *error);
/* Whether a body under this Content-Type is read as JSON: application/json and ...+json, none at all, and the form type
 * that curl -d names by itself. */
bool transcode_is_json(const char *content_type);
/* Idempotency-Key, NULL when absent. REJECT: longer than a key may be, or not printable. */
enum status transcode_idempotency_key(const struct exchange *exchange, const char **out, struct error *error);
/* REJECT idempotency_mismatch: what the key made before is something else. */
enum status transcode_other_body(struct error *error);
/* Settles whose company is meant: named (NULL or a UUID) against the key's. */
enum status transcode_company(struct exchange *exchange, const char *named, struct error *error);
