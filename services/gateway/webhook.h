/*
 * webhook - Meta's GET and POST /webhook: authentic or refused, split into pieces, all of them in the stream before the
 * 200.
 *
 * The signature covers the raw bytes. Any piece that could not be stored makes the answer a 503: Meta delivers again,
 * and the ids are the same then.
 */
#pragma once
#include "exchange.h"

void webhook_verify(struct exchange *exchange);
void webhook_receive(struct exchange *exchange);

/* Any of a comma list has signed the bytes. */
bool webhook_signed_by_any(struct arena *arena, const char *secrets, const char *signature, const void *body,
                           size_t bytes);
