/*
 * fuzz bus - bytes from the bus as every message type that travels there, and as the JSON that REST makes of it. The
 * first byte picks the type. Without free-form members, whose text is written as it is, the JSON must be JSON.
 */
#include <stdint.h>

#include "base/json.h"
#include "base/limits.h"
#include "wire/field.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

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
    &pb__lead_list__descriptor,
    &pb__message_list__descriptor,
    &pb__message_why__descriptor,
    &pb__job_list__descriptor,
    &pb__api_key_list__descriptor,
    &pb__channel_account_list__descriptor,
    &pb__access_request__descriptor,
    &pb__access__descriptor,
    &pb__handover_reply__descriptor,
    &pb__job_stats__descriptor,
    &pb__page__descriptor,
    &pb__job_finished__descriptor,
    &pb__job_attempt__descriptor,
};

/* Whether a message of this type can hold free-form JSON. */
static int free_form(const ProtobufCMessageDescriptor *type, int depth)
{
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            (field_is_json(&type->fields[i]) || depth == 0 || free_form(type->fields[i].descriptor, depth - 1)))
            return 1;
    return 0;
}

static void check_json(struct arena *arena, const ProtobufCMessage *message)
{
    struct buffer out = { .arena = arena };
    struct error error = { 0 };
    pbjson_write(&out, message);
    if (!free_form(message->descriptor, 8) && out.bytes < JSON_BYTES_MAX &&
        json_check(buffer_text(&out), out.bytes, &error) != OK)
        __builtin_trap();
}

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
        check_json(arena, message);
    }
    arena_free(arena);
    return 0;
}
