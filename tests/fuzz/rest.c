/*
 * fuzz rest - REST bodies -> messages -> JSON -> messages: whatever is accepted must survive the way back. The first
 * byte picks the type.
 */
#include <stdint.h>
#include <string.h>

#include "wire/pb.h"
#include "wire/pbjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const ProtobufCMessageDescriptor *const TYPES[] = {
    &pb__inbound_post__descriptor,
    &pb__job_create_request__descriptor,
    &pb__lead_patch_request__descriptor,
    &pb__handover_request__descriptor,
    &pb__operator_message_request__descriptor,
    &pb__channel_account_request__descriptor,
    &pb__lead__descriptor,
    &pb__job__descriptor,
    &pb__company_create_request__descriptor,
    &pb__api_key_create_request__descriptor,
    &pb__job_replay_request__descriptor,
    &pb__quarantine_replay_request__descriptor,
    &pb__engage_params__descriptor,
    &pb__send_params__descriptor,
    &pb__message__descriptor,
    &pb__raw_inbound__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    struct arena *arena = arena_new(0);
    const ProtobufCMessageDescriptor *type = TYPES[data[0] % (sizeof TYPES / sizeof TYPES[0])];
    char *text = arena_text_n(arena, (const char *)data + 1, bytes - 1);
    ProtobufCMessage *message = NULL, *again = NULL;
    struct error error = { 0 };
    if (pbjson_read(arena, type, text, bytes - 1, &message, &error) == OK) {
        struct buffer out = { .arena = arena };
        pbjson_write(&out, message);
        if (pbjson_read(arena, type, buffer_text(&out), out.bytes, &again, &error) != OK)
            __builtin_trap();
        struct buffer twice = { .arena = arena };
        pbjson_write(&twice, again);
        if (strcmp(buffer_text(&out), buffer_text(&twice)) != 0)
            __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
