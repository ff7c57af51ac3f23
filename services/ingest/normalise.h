/*
 * normalise - one raw item of INBOUND into its canonical message or receipt, whatever the channel. Pure.
 *
 * REJECT: it can't be read and is set aside, alone. OK with *out NULL: read, and nothing to store (`field` says what it
 * was).
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "wire/pb.h"

enum status normalise_message(struct arena *arena, const Pb__RawInbound *raw, uint64_t sequence,
                              Pb__InboundMessage **out, const char **field, struct error *error);
enum status normalise_receipt(struct arena *arena, const Pb__RawInbound *raw, Pb__Receipt **out, const char **field,
                              struct error *error);
