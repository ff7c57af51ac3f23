#include "wire/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buffer *out, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t left = count; left > 0; left -= left < 3 ? left : 3, at += 3) {
        uint32_t group = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        char text[] = { alphabet[group >> 18], alphabet[group >> 12 & 63], left > 1 ? alphabet[group >> 6 & 63] : '=',
                        left > 2 ? alphabet[group & 63] : '=' };
        buffer_add_n(out, text, sizeof text);
    }
}

/* Six bits; false when the character stands for none. */
static bool bits_of(char c, uint32_t *bits)
{
    const char *found = c ? strchr(alphabet, c) : NULL;
    *bits = found ? (uint32_t)(found - alphabet) : 0;
    return found != NULL;
}

/* Four characters into `bytes` bytes, which the padding has told. */
static bool read_group(const char *text, uint8_t *to, size_t bytes)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t bits = 0;
        if (i <= bytes && !bits_of(text[i], &bits))
            return false;
        group = group << 6 | bits;
    }
    for (size_t i = 0; i < 3; i++) {
        uint8_t byte = (uint8_t)(group >> (16 - 8 * i));
        if (i < bytes)
            to[i] = byte;
        else if (byte)
            return false;
    }
    return true;
}

bool base64_read(struct arena *arena, const char *text, void **bytes, size_t *count)
{
    size_t length = strlen(text);
    if (length % 4)
        return false;
    size_t padding = length == 0 || text[length - 1] != '=' ? 0 : text[length - 2] == '=' ? 2 : 1;
    size_t whole = length / 4 * 3 - padding;
    uint8_t *to = arena_alloc(arena, whole);
    for (size_t i = 0; i < length / 4; i++)
        if (!read_group(text + 4 * i, to + 3 * i, whole - 3 * i < 3 ? whole - 3 * i : 3))
            return false;
    *bytes = to;
    *count = whole;
    return true;
}
