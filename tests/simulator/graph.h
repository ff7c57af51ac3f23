/*
 * graph - Meta's Graph API as far as WhatsApp needs it: POST /{version}/{phone number id}/messages.
 *
 * In this order a send is refused: token, phone number id, body, fault plan, recipient, window, rate. What passes
 * is accepted at once, whenever its answer comes.
 */
#ifndef SIMULATOR_GRAPH_H
#define SIMULATOR_GRAPH_H

#include "simulator.h"

#include <stdbool.h>

bool graph_matches(const struct http_request *request);
void graph_handle(struct simulator *simulator, struct exchange *exchange);

#endif
