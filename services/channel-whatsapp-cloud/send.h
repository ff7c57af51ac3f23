/*
 * send - the way of one message: ask the gate, call Meta, settle. Requests to the store are one per batch.
 */
#pragma once
#include "service/service.h"

extern const struct setting send_settings[];

enum status send_open(struct batch *batch, struct error *error);
void send_close(void);
void send_start(struct batch *batch);
void send_told(struct batch *batch);
