/*
 * inbound - POST /_sim/receive: a customer writes, and the webhook carries it to the gateway. POST /_sim/echo: the
 * business writes on its own phone, and the webhook tells that.
 *
 * The window of the customer opens at once, for a gateway may answer before it has acknowledged.
 */
#ifndef SIMULATOR_INBOUND_H
#define SIMULATOR_INBOUND_H

#include "simulator.h"

#include <cjson/cJSON.h>

/* False, with a sentence, when the body is none; else the exchange is answered once it is delivered. */
bool inbound_receive(struct simulator *simulator, struct exchange *exchange, const cJSON *body,
                     char problem[FIELD_PROBLEM_ROOM]);

/* Likewise; its receipts follow. An echo opens no window. */
bool inbound_echo(struct simulator *simulator, struct exchange *exchange, const cJSON *body,
                  char problem[FIELD_PROBLEM_ROOM]);

/* The number that inbounds reach when the caller names none. */
void inbound_default_phone_id(const struct simulator *simulator, char *phone_id, size_t room);

#endif
