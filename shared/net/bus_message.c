#include "net/bus_private.h"

#include <stdlib.h>
#include <string.h>

#define ID_HEADER "Nats-Msg-Id"
enum { SEPARATORS_BYTES = sizeof ": \r\n" };

const char *bus_header(const struct bus_message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (strcmp(message->headers[i].name, name) == 0)
            return message->headers[i].value;
    return NULL;
}

static void copy_headers(struct arena *arena, natsMsg *from, struct bus_message *out)
{
    const char **names = NULL;
    int count = 0;
    if (natsMsgHeader_Keys(from, &names, &count) != NATS_OK)
        return;
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, (size_t)count);
    for (int i = 0; i < count; i++) {
        const char *value = NULL;
        natsMsgHeader_Get(from, names[i], &value);
        headers[i].name = arena_text(arena, names[i]);
        headers[i].value = value ? arena_text(arena, value) : "";
    }
    free(names);
    out->headers = headers;
    out->header_count = (size_t)count;
}

void bus_message_from(struct arena *arena, natsMsg *from, struct bus_message *out)
{
    *out = (struct bus_message){ .bytes = (size_t)natsMsg_GetDataLength(from) };
    out->subject = arena_text(arena, natsMsg_GetSubject(from));
    out->reply = arena_text(arena, natsMsg_GetReply(from));
    out->data = arena_text_n(arena, out->bytes ? natsMsg_GetData(from) : "", out->bytes);
    copy_headers(arena, from, out);
}

/*
 * $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<ns>.<pending>, or with <domain>.<account>
 * before the stream and a token at the end.
 */
bool bus_metadata_from(const char *reply, struct bus_message *out)
{
    if (!reply || strncmp(reply, "$JS.ACK.", 8) != 0)
        return false;
    const char *tokens[16];
    size_t count = 0;
    for (const char *at = reply; at && count < 16; at = strchr(at, '.')) {
        at += *at == '.';
        tokens[count++] = at;
    }
    size_t first = count == 9 ? 4 : 6; /* deliveries */
    if (count != 9 && count < 11)
        return false;
    out->deliveries = strtoull(tokens[first], NULL, 10);
    out->sequence = strtoull(tokens[first + 1], NULL, 10);
    out->published_at = (moment)(strtoull(tokens[first + 3], NULL, 10) / 1000000);
    return true;
}

bool bus_subject_valid(const char *subject)
{
    const unsigned char *c = (const unsigned char *)subject;
    while (*c > ' ' && *c != 127)
        c++;
    return *subject && *c == '\0';
}

static bool headers_valid(const char *id, const struct bus_header *headers, size_t header_count)
{
    if (id && strpbrk(id, "\r\n"))
        return false;
    for (size_t i = 0; i < header_count; i++)
        if (headers[i].value && strpbrk(headers[i].value, "\r\n"))
            return false;
    return true;
}

struct block {
    char *end; /* of "name: value\r\nname: value\r\nname", without the last value */
    const char *last_value;
};

static void block_add(struct block *block, const char *name, const char *value)
{
    if (block->last_value) {
        block->end = stpcpy(stpcpy(block->end, ": "), block->last_value);
        block->end = stpcpy(block->end, "\r\n");
    }
    block->end = stpcpy(block->end, name);
    block->last_value = value;
}

static size_t block_bytes(const char *id, const struct bus_header *headers, size_t header_count)
{
    size_t bytes = sizeof ID_HEADER + (id ? strlen(id) + SEPARATORS_BYTES : 0);
    for (size_t i = 0; i < header_count; i++)
        if (headers[i].value)
            bytes += strlen(headers[i].name) + strlen(headers[i].value) + SEPARATORS_BYTES;
    return bytes;
}

/*
 * All headers go to the library as the name of one: it writes a name as it stands, and would else keep each in a table
 * with copies of its name and value, a tenth of what an event costs. That no line can hold another is our own check.
 */
static natsStatus set_headers(natsMsg *message, const char *id, const struct bus_header *headers, size_t header_count)
{
    char *text = malloc(block_bytes(id, headers, header_count));
    if (!text)
        abort();
    struct block block = { .end = text };
    if (id)
        block_add(&block, ID_HEADER, id);
    for (size_t i = 0; i < header_count; i++)
        if (headers[i].value)
            block_add(&block, headers[i].name, headers[i].value);
    natsStatus problem = block.last_value ? natsMsgHeader_Set(message, text, block.last_value) : NATS_OK;
    free(text);
    return problem;
}

natsMsg *bus_message_to(const char *subject, const char *reply, const void *data, size_t bytes, const char *id,
                        const struct bus_header *headers, size_t header_count)
{
    natsMsg *message = NULL;
    if (!bus_subject_valid(subject) || !headers_valid(id, headers, header_count))
        return NULL;
    if (natsMsg_Create(&message, subject, reply, data, (int)bytes) != NATS_OK)
        return NULL;
    if (set_headers(message, id, headers, header_count) == NATS_OK)
        return message;
    natsMsg_Destroy(message);
    return NULL;
}
