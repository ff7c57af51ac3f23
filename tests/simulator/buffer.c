#include "buffer.h"

#include "memory.h"
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 256 };

void buffer_reserve(struct buffer *buffer, size_t more)
{
    size_t needed = buffer->used + more + 1;
    if (needed <= buffer->room)
        return;
    size_t room = buffer->room == 0 ? ROOM_MIN : buffer->room;
    while (room < needed)
        room *= 2;
    buffer->bytes = memory_resized(buffer->bytes, room);
    buffer->room = room;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t count)
{
    buffer_reserve(buffer, count);
    if (count > 0)
        memcpy(buffer->bytes + buffer->used, bytes, count);
    buffer->used += count;
    buffer->bytes[buffer->used] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        buffer_reserve(buffer, (size_t)length);
        vsnprintf(buffer->bytes + buffer->used, (size_t)length + 1, format, again);
        buffer->used += (size_t)length;
    }
    va_end(again);
}

static void add_escaped(struct buffer *buffer, unsigned char byte)
{
    switch (byte) {
    case '"':
        buffer_add(buffer, "\\\"", 2);
        break;
    case '\\':
        buffer_add(buffer, "\\\\", 2);
        break;
    case '\n':
        buffer_add(buffer, "\\n", 2);
        break;
    default:
        buffer_format(buffer, "\\u%04x", byte);
    }
}

void buffer_add_json(struct buffer *buffer, const char *text)
{
    if (text == NULL) {
        buffer_add_text(buffer, "null");
        return;
    }
    buffer_add(buffer, "\"", 1);
    const char *plain = text;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        buffer_add(buffer, plain, (size_t)(text - plain));
        add_escaped(buffer, byte);
        plain = text + 1;
    }
    buffer_add(buffer, plain, (size_t)(text - plain));
    buffer_add(buffer, "\"", 1);
}

static void add_code_point(struct buffer *buffer, uint32_t code)
{
    if (code < 0x10000) {
        buffer_format(buffer, "\\u%04x", code);
        return;
    }
    code -= 0x10000;
    buffer_format(buffer, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
}

void buffer_escape_non_ascii(struct buffer *buffer)
{
    struct buffer escaped = { 0 };
    const char *end = buffer->bytes + buffer->used;
    for (const char *at = buffer->bytes; at < end;) {
        uint32_t code = 0;
        size_t length = text_character(at, (size_t)(end - at), &code);
        if (length <= 1) {
            buffer_add(&escaped, at, 1);
            at++;
            continue;
        }
        add_code_point(&escaped, code);
        at += length;
    }
    buffer_clear(buffer);
    *buffer = escaped;
}

void buffer_drop_front(struct buffer *buffer, size_t count)
{
    if (count == 0)
        return;
    memmove(buffer->bytes, buffer->bytes + count, buffer->used - count + 1);
    buffer->used -= count;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){ 0 };
}
