/*
 * fuzz inbound - bytes from INBOUND as ingest reads them: as message and as receipt. What it makes of them must be
 * something that lead-store can read.
 *
 * links services/ingest/normalise.c services/ingest/opt.c
 */
#include <stdint.h>

#include "../../services/ingest/normalise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_travels(struct arena *arena, const ProtobufCMessage *message)
{
    ProtobufCBinaryData packed;
    struct error error = { 0 };
    void *again = NULL;
    pb_pack(arena, message, &packed);
    if (pb_unpack(arena, message->descriptor, packed.data, packed.len, &again, &error) != OK)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena *arena = arena_new(0);
    void *raw = NULL;
    struct error error = { 0 };
    const char *field = NULL;
    if (pb_unpack(arena, &pb__raw_inbound__descriptor, data, bytes, &raw, &error) == OK) {
        Pb__InboundMessage *message = NULL;
        Pb__Receipt *receipt = NULL;
        if (normalise_message(arena, raw, 1, &message, &field, &error) == OK && message)
            check_travels(arena, &message->base);
        if (normalise_receipt(arena, raw, &receipt, &field, &error) == OK && receipt)
            check_travels(arena, &receipt->base);
    }
    arena_free(arena);
    return 0;
}
