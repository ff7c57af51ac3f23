/*
 * inbox - what only the gateway knows of a team's requests: who asks, and that their jobs are enqueued.
 */
#pragma once
#include "exchange.h"

/* Parts of endpoint rows. */
enum status inbox_patch_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status inbox_note_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
enum status inbox_typing_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error);
/* Best effort: the mark is stored, and its provider is told by a job. */
enum status inbox_seen_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                              struct error *error);
enum status inbox_typing_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                                struct error *error);
