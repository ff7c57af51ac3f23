/*
 * pb - protobuf-c messages in arenas, and every message of proto/parley/v1.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/error.h"
#include "parley/v1/common.pb-c.h"
#include "parley/v1/company.pb-c.h"
#include "parley/v1/consent.pb-c.h"
#include "parley/v1/event.pb-c.h"
#include "parley/v1/inbound.pb-c.h"
#include "parley/v1/inbox.pb-c.h"
#include "parley/v1/job.pb-c.h"
#include "parley/v1/knowledge.pb-c.h"
#include "parley/v1/lead.pb-c.h"
#include "parley/v1/media.pb-c.h"
#include "parley/v1/model.pb-c.h"
#include "parley/v1/people.pb-c.h"
#include "parley/v1/safety.pb-c.h"
#include "parley/v1/send.pb-c.h"
#include "parley/v1/stage.pb-c.h"
#include "parley/v1/stream.pb-c.h"
#include "parley/v1/summary.pb-c.h"
#include "parley/v1/turn.pb-c.h"

/* A new empty message: PB_NEW(arena, lead) makes a Pb__Lead with its defaults. */
void *pb_new(struct arena *arena, const ProtobufCMessageDescriptor *type);
#define PB_NEW(arena, lower) (pb_new((arena), &pb__##lower##__descriptor))

/* Decodes into the arena, nothing to free. REJECT for bytes that are no such message, nest too deep, or hold text that
 * is not UTF-8 without NUL. */
enum status pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type, const void *bytes, size_t count,
                      void **out, struct error *error);
/* Encodes into the arena. */
void pb_pack(struct arena *arena, const void *message, ProtobufCBinaryData *out);

/* Free-form JSON in and out of a Json wrapper: NULL-safe. */
Pb__Json *pb_json(struct arena *arena, const char *text); /* NULL text: NULL */
const char *pb_json_text(const Pb__Json *json);           /* "{}" when absent or empty */

/* Sets an optional scalar together with its presence: PB_SET(lead, priority, 3). */
#define PB_SET(message, field, value) ((message)->has_##field = 1, (message)->field = (value))
