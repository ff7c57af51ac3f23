/*
 * handover - takeover, handback and operator messages: a person and the AI share a conversation, never at the same
 * time.
 *
 * A takeover answers when nothing that had passed the gate before it can still leave.
 */
#pragma once
#include "exchange.h"

/* Who asks, where the request names nobody: the key. */
void handover_name_operator(const struct exchange *exchange, char **operator);
/* Parts of endpoint rows. */
enum status handover_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status operator_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
/* Waits until what was under way has left or can't any more. */
enum status takeover_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
/* Enqueues the reply's jobs before the answer; a crash in between is the sweep's. */
enum status handback_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
enum status operator_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error);
