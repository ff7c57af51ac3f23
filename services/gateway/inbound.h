/*
 * inbound - POST /inbound-message: checked, published to the stream, answered. No database and no other service on this
 * path.
 */
#pragma once
#include "exchange.h"

void inbound_post(struct exchange *exchange);

/* "wa_cloud" and the like; NULL or "" is whatsapp_cloud. REJECT for what is no channel. */
enum status inbound_channel(const char *word, Pb__Channel *out, struct error *error);
/* Phone by its digits, e-mail address for channel email. */
enum status inbound_address(struct arena *arena, Pb__Channel channel, const char *address, struct error *error);
