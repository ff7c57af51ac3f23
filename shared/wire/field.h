/*
 * field - the memory behind a field of a message, for the files of wire/ that walk descriptors.
 *
 * Presence lives in three places: the pointer of text and messages, the count of repeated fields, has_x of the rest.
 */
#pragma once
#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FIELD_AT(type, message, offset) ((type *)(void *)((char *)(message) + (offset)))

static inline bool field_is_repeated(const ProtobufCFieldDescriptor *field)
{
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline bool field_is_pointer(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static inline void *field_memory(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return FIELD_AT(void, message, field->offset);
}

static inline size_t *field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    assert(field_is_repeated(field));
    return FIELD_AT(size_t, message, field->quantifier_offset);
}

static inline bool field_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field_is_repeated(field))
        return *field_count(message, field) > 0;
    if (field_is_pointer(field))
        return *FIELD_AT(void *, message, field->offset) != NULL;
    return field->label == PROTOBUF_C_LABEL_REQUIRED ||
           *FIELD_AT(protobuf_c_boolean, message, field->quantifier_offset);
}

/* After a value was put into its memory. */
static inline void field_mark(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !field_is_pointer(field))
        *FIELD_AT(protobuf_c_boolean, message, field->quantifier_offset) = 1;
}

/* A point in time in ms: int64 "..._at" or "..._ts", and plain "at". */
static inline bool field_is_moment(const ProtobufCFieldDescriptor *field)
{
    size_t bytes = strlen(field->name);
    if (field->type != PROTOBUF_C_TYPE_INT64 || bytes < 2)
        return false;
    const char *end = bytes < 3 ? "" : field->name + bytes - 3;
    return strcmp(field->name, "at") == 0 || strcmp(end, "_at") == 0 || strcmp(end, "_ts") == 0;
}

/* The free-form wrapper of common.proto. */
static inline bool field_is_json(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE &&
           strcmp(((const ProtobufCMessageDescriptor *)field->descriptor)->short_name, "Json") == 0;
}

/* Bytes of one value in memory, as repeated fields hold them side by side. */
static inline size_t field_value_bytes(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(int64_t);
    default:
        return sizeof(int32_t);
    }
}

/* Any integer but uint64 above INT64_MAX. */
static inline int64_t field_integer(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return *(const int64_t *)value;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return *(const uint32_t *)value;
    default:
        return *(const int32_t *)value;
    }
}

static inline bool field_is_unsigned64(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_FIXED64;
}

/* False when the number doesn't fit; a uint64 takes what an int64 can hold. */
static inline bool field_set_integer(const ProtobufCFieldDescriptor *field, void *value, int64_t number)
{
    if (field_is_unsigned64(field) && number < 0)
        return false;
    if (field_value_bytes(field) == sizeof(int64_t)) {
        *(int64_t *)value = number;
        return true;
    }
    bool is_unsigned = field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_FIXED32;
    if (number < (is_unsigned ? 0 : INT32_MIN) || number > (is_unsigned ? (int64_t)UINT32_MAX : INT32_MAX))
        return false;
    *(uint32_t *)value = (uint32_t)number;
    return true;
}
