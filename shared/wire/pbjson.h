/*
 * pbjson - messages <-> JSON, by descriptor.
 *
 * Conventions (proto/parley/v1/common.proto): field names are the members, literally; int64 "..._at" and "..._ts" are
 * RFC 3339; enums are lower-case words without their prefix; Json is verbatim; bytes are base64. Absent optional fields
 * are left out. Reading refuses what it doesn't know, by name.
 */
#pragma once
#include <cjson/cJSON.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/*
 * REJECT with codes malformed_json, unknown_field, wrong_type, bad_value, too_long, naming the member ("attributes.x").
 * null means absent. text is one JSON object.
 */
enum status pbjson_read(struct arena *arena, const ProtobufCMessageDescriptor *type, const char *text, size_t bytes,
                        ProtobufCMessage **out, struct error *error);
void pbjson_write(struct buffer *out, const ProtobufCMessage *message);
/* As pbjson_write, but for the fields that shown says no to, in messages inside it too. */
typedef bool pbjson_shown(const ProtobufCMessageDescriptor *type, const char *field);
void pbjson_write_shown(struct buffer *out, const ProtobufCMessage *message, pbjson_shown *shown);

/* Writes an RFC 3339 / enum word / ... from one text value into one field; for path and query parameters. REJECT as
 * above. */
enum status pbjson_set(struct arena *arena, ProtobufCMessage *message, const char *field, const char *value,
                       struct error *error);

/* "WHATSAPP_CLOUD" of enum Channel <-> "whatsapp_cloud". word is static or in the arena; NULL / 0-value when unknown.
 */
const char *pbjson_enum_word(const ProtobufCEnumDescriptor *type, int value);
bool pbjson_enum_value(const ProtobufCEnumDescriptor *type, const char *word, int *out);
