/*
 * fuzz webhook - a provider's webhook as it comes in: split, then every piece read as message and as receipt.
 */
#include <stdint.h>

#include "channels/whatsapp_cloud.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena *arena = arena_new(0);
    char *body = arena_text_n(arena, (const char *)data, bytes);
    struct whatsapp_cloud_piece *pieces = NULL;
    size_t count = 0;
    struct error error = { 0 };
    if (whatsapp_cloud_split(arena, body, bytes, &pieces, &count, &error) == OK) {
        for (size_t i = 0; i < count; i++) {
            Pb__InboundMessage message = PB__INBOUND_MESSAGE__INIT;
            Pb__Receipt receipt = PB__RECEIPT__INIT;
            whatsapp_cloud_read_message(arena, pieces[i].body, pieces[i].bytes, &message, &error);
            whatsapp_cloud_read_receipt(arena, pieces[i].body, pieces[i].bytes, &receipt, &error);
        }
    }
    arena_free(arena);
    return 0;
}
