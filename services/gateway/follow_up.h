/*
 * follow_up - what a person wants for a lead becomes its job.
 */
#pragma once
#include "exchange.h"

/* Enqueues the one job of the reply and tells its id; asked for again it is the same one. */
enum status follow_up_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error);
