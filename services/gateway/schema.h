/*
 * schema - a message type as JSON Schema (OpenAPI 3.1's dialect).
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/text.h"

enum { SCHEMA_TYPES_MAX = 128 };

/* Types that are referred to, in the order of their first mention; each once. */
struct schema_set {
    const ProtobufCMessageDescriptor *types[SCHEMA_TYPES_MAX];
    size_t count;
};
void schema_mention(struct schema_set *set, const ProtobufCMessageDescriptor *type);

/* {"$ref":"#/components/schemas/Lead"} */
void schema_reference(struct buffer *out, const ProtobufCMessageDescriptor *type);
/* The schema of one field's value, without what it is required by. */
void schema_field(struct buffer *out, const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field);
/* What it holds, in a few words; NULL: nobody has said. */
const char *schema_comment(const ProtobufCMessageDescriptor *type, const char *field);
/* "Lead":{...}; mentions what it refers to. */
void schema_write(struct buffer *out, const ProtobufCMessageDescriptor *type, struct schema_set *set);
