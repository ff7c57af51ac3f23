/*
 * knowledge - what the gateway adds to the endpoints of a company's material: what PUT means, and the job that a change
 * starts.
 */
#pragma once
#include "exchange.h"

enum status knowledge_replace_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status knowledge_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error);
