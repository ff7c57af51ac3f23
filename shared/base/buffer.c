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

/* -- formats */

static void add_unsigned(struct buffer *buffer, uintmax_t number)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    buffer_add_n(buffer, at, (size_t)(digits + sizeof digits - at));
}

static void add_signed(struct buffer *buffer, intmax_t number)
{
    if (number < 0)
        buffer_add_n(buffer, "-", 1);
    add_unsigned(buffer, number < 0 ? 0 - (uintmax_t)number : (uintmax_t)number);
}

/* What libc makes of the format, tried in the room that is there first. */
static void __attribute__((format(printf, 2, 0))) add_by_libc(struct buffer *buffer, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    reserve(buffer, CAPACITY_MIN);
    size_t room = buffer->capacity - buffer->bytes;
    int count = vsnprintf(buffer->text + buffer->bytes, room, format, list);
    assert(count >= 0);
    if ((size_t)count >= room) {
        reserve(buffer, (size_t)count);
        vsnprintf(buffer->text + buffer->bytes, (size_t)count + 1, format, again);
    }
    va_end(again);
    buffer->bytes += (size_t)count;
}

static void add_text_n(struct buffer *buffer, int bytes, const char *text)
{
    buffer_add_n(buffer, text, text == NULL ? 0 : bytes < 0 ? strlen(text) : strnlen(text, (size_t)bytes));
}

/* Adds what the directive asks for if it is one of those that nearly all formats are made of, and gives its length;
 * else 0, and nothing was taken from the list. */
static size_t add_directive(struct buffer *buffer, const char *format, va_list *list)
{
    static const char *const known[] = { "%s", "%d", "%zu", "%ld", "%lu", "%lld", "%.*s" };
    size_t i = 0, count = sizeof known / sizeof *known;
    while (i < count && !text_starts(format, known[i]))
        i++;
    switch (i) {
    case 0:
        buffer_add(buffer, va_arg(*list, const char *));
        break;
    case 1:
        add_signed(buffer, va_arg(*list, int));
        break;
    case 2:
        add_unsigned(buffer, va_arg(*list, size_t));
        break;
    case 3:
        add_signed(buffer, va_arg(*list, long));
        break;
    case 4:
        add_unsigned(buffer, va_arg(*list, unsigned long));
        break;
    case 5:
        add_signed(buffer, va_arg(*list, long long));
        break;
    case 6: {
        int bytes = va_arg(*list, int);
        add_text_n(buffer, bytes, va_arg(*list, const char *));
        break;
    }
    default:
        return 0;
    }
    return strlen(known[i]);
}

/* Without the machinery that libc starts for each call, as far as the directives are known; the rest goes to libc. */
void buffer_format_list(struct buffer *buffer, const char *format, va_list list)
{
    va_list rest;
    va_copy(rest, list);
    for (size_t bytes;; format += bytes) {
        bytes = strcspn(format, "%");
        buffer_add_n(buffer, format, bytes);
        format += bytes;
        bytes = *format ? add_directive(buffer, format, &rest) : 0;
        if (bytes == 0)
            break;
    }
    if (*format)
        add_by_libc(buffer, format, rest);
    va_end(rest);
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
