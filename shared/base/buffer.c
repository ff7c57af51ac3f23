/* The growing buffer of text.h. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { CAPACITY_MIN = 64 };

/* Makes room for count more bytes and the NUL. */
static void reserve(struct buffer *buffer, size_t count)
{
    if (count >= SIZE_MAX / 4 - buffer->bytes)
        abort();
    size_t wanted = buffer->bytes + count + 1;
    if (wanted <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : CAPACITY_MIN;
    while (capacity < wanted)
        capacity *= 2;
    char *text = arena_alloc(buffer->arena, capacity);
    if (buffer->bytes)
        memcpy(text, buffer->text, buffer->bytes);
    buffer->text = text;
    buffer->capacity = capacity;
}

void buffer_add_n(struct buffer *buffer, const char *bytes, size_t count)
{
    reserve(buffer, count);
    if (count)
        memcpy(buffer->text + buffer->bytes, bytes, count);
    buffer->bytes += count;
    buffer->text[buffer->bytes] = '\0';
}

void buffer_add(struct buffer *buffer, const char *text)
{
    if (text)
        buffer_add_n(buffer, text, strlen(text));
}

void buffer_add_char(struct buffer *buffer, char c)
{
    buffer_add_n(buffer, &c, 1);
}

void buffer_format_list(struct buffer *buffer, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int count = vsnprintf(NULL, 0, format, list);
    assert(count >= 0);
    reserve(buffer, (size_t)count);
    vsnprintf(buffer->text + buffer->bytes, (size_t)count + 1, format, again);
    va_end(again);
    buffer->bytes += (size_t)count;
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    buffer_format_list(buffer, format, list);
    va_end(list);
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->text ? buffer->text : "";
}
