#include "wire/pb.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

enum {
    DEPTH_MAX = 16,
    FIELDS_BYTES_MAX =
        8 * BUS_PAYLOAD_BYTES_MAX, /* of one decoded message: two bytes on the wire can ask for a hundred in memory */
};

/* Wire types of the encoding; 3 and 4 (groups) are gone from the language. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static enum status malformed(struct error *error, const ProtobufCMessageDescriptor *type)
{
    return error_code(error, REJECT, "malformed_message", "the bytes are no %s", type->short_name);
}

struct wire {
    const uint8_t *at, *end;
};

static bool take_varint(struct wire *wire, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 70 && wire->at < wire->end; shift += 7) {
        uint8_t byte = *wire->at++;
        if (shift < 64)
            *out |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool skip(struct wire *wire, uint64_t bytes)
{
    if (bytes > (uint64_t)(wire->end - wire->at))
        return false;
    wire->at += bytes;
    return true;
}

/* Takes one field: its tag, and of a length-delimited one its bytes. */
static bool take_field(struct wire *wire, uint64_t *tag, struct wire *inside)
{
    uint64_t value;
    *inside = (struct wire){ 0 };
    if (!take_varint(wire, tag) || *tag > UINT32_MAX)
        return false;
    switch (*tag & 7) {
    case WIRE_VARINT:
        return take_varint(wire, &value);
    case WIRE_FIXED64:
        return skip(wire, 8);
    case WIRE_FIXED32:
        return skip(wire, 4);
    case WIRE_BYTES:
        if (!take_varint(wire, &value))
            return false;
        inside->at = wire->at;
        inside->end = wire->at + (skip(wire, value) ? value : 0);
        return wire->at == inside->end;
    default:
        return false;
    }
}

/*
 * Asked before protobuf-c sees the bytes: afterwards a NUL inside a text can't be told from its end, and too deep is
 * too late.
 */
static enum status check(struct wire wire, const ProtobufCMessageDescriptor *type, int depth, struct error *error)
{
    if (depth > DEPTH_MAX)
        return error_code(error, REJECT, "malformed_message", "%s nests deeper than %d", type->short_name, DEPTH_MAX);
    while (wire.at < wire.end) {
        uint64_t tag;
        struct wire inside;
        if (!take_field(&wire, &tag, &inside))
            return malformed(error, type);
        if (!inside.at)
            continue;
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
            TRY(check(inside, field->descriptor, depth + 1, error));
        if (field && field->type == PROTOBUF_C_TYPE_STRING)
            TRY(text_check((const char *)inside.at, (size_t)(inside.end - inside.at), BUS_PAYLOAD_BYTES_MAX,
                           field->name, error));
    }
    return OK;
}

/* What protobuf-c may still take of the arena for this message. */
struct purse {
    struct arena *arena;
    size_t left;
};

static void *purse_alloc(void *data, size_t bytes)
{
    struct purse *purse = data;
    void *piece = arena_try(purse->arena, bytes, purse->left);
    if (piece)
        purse->left -= bytes;
    return piece;
}

static void purse_free(void *data, void *piece)
{
    (void)data;
    (void)piece;
}

void *pb_new(struct arena *arena, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_alloc(arena, type->sizeof_message);
    protobuf_c_message_init(type, message);
    return message;
}

enum status pb_unpack(struct arena *arena, const ProtobufCMessageDescriptor *type, const void *bytes, size_t count,
                      void **out, struct error *error)
{
    static const uint8_t nothing[1];
    const uint8_t *from = bytes ? bytes : nothing;
    assert(bytes || count == 0);
    if (count > BUS_PAYLOAD_BYTES_MAX)
        return error_code(error, REJECT, "malformed_message", "%s is longer than %d bytes", type->short_name,
                          BUS_PAYLOAD_BYTES_MAX);
    TRY(check((struct wire){ from, from + count }, type, 1, error));
    struct purse purse = { arena, FIELDS_BYTES_MAX };
    ProtobufCAllocator allocator = { purse_alloc, purse_free, &purse };
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, count, from);
    if (!message)
        return malformed(error, type);
    *out = message;
    return OK;
}

void pb_pack(struct arena *arena, const void *message, ProtobufCBinaryData *out)
{
    out->len = protobuf_c_message_get_packed_size(message);
    out->data = arena_alloc(arena, out->len);
    size_t written = protobuf_c_message_pack(message, out->data);
    assert(written == out->len);
    (void)written;
}

Pb__Json *pb_json(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    Pb__Json *json = PB_NEW(arena, json);
    json->text = arena_text(arena, text);
    return json;
}

const char *pb_json_text(const Pb__Json *json)
{
    return json ? text_or(json->text, "{}") : "{}";
}
