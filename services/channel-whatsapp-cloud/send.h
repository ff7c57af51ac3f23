/*
 * send - the way of one message: ask the gate, call Meta, settle. Requests to the store are one per batch.
 */
#pragma once
#include "service/service.h"

extern const struct setting send_settings[];

enum status send_open(struct batch *batch, struct error *error);
void send_close(void);
/* Where an account's messages are posted, and with what token. REJECT no_account, no_token. */
enum status send_reach(struct arena *arena, const char *account, const Pb__Json *credentials, const char **url,
                       const char **bearer, struct error *error);
/* Of any other edge of an account's, or of a business account's. */
enum status send_address(struct arena *arena, const char *account, const Pb__Json *credentials, const char *edge,
                         const char **url, const char **bearer, struct error *error);
void send_start(struct batch *batch);
void send_told(struct batch *batch);
