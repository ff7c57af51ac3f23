/*
 * fuzz bus - bytes from the bus as every message type that travels there. The first byte picks the type.
 */
#include <stdint.h>

#include "wire/pb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const ProtobufCMessageDescriptor *const TYPES[] = {
    &pb__call_batch__descriptor,
    &pb__answer_batch__descriptor,
    &pb__raw_inbound__descriptor,
    &pb__inbound_message__descriptor,
    &pb__receipt__descriptor,
    &pb__job_dispatch__descriptor,
    &pb__job_finish__descriptor,
    &pb__turn_opened__descriptor,
    &pb__turn_commit_request__descriptor,
    &pb__send_authorized__descriptor,
    &pb__send_settle_request__descriptor,
    &pb__event__descriptor,
    &pb__job_capacity__descriptor,
    &pb__inbound_recorded__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    struct arena *arena = arena_new(0);
    void *message = NULL;
    struct error error = { 0 };
    if (pb_unpack(arena, TYPES[data[0] % (sizeof TYPES / sizeof TYPES[0])], data + 1, bytes - 1, &message, &error) ==
        OK) {
        ProtobufCBinaryData packed;
        pb_pack(arena, message, &packed);
    }
    arena_free(arena);
    return 0;
}
