#include "text.h"

#include <stdio.h>
#include <string.h>

enum { PHONE_DIGITS_MIN = 5, PHONE_DIGITS_MAX = 20 };

static size_t sequence_bytes(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

static bool code_is_legal(uint32_t code, size_t length)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= least[length] && code <= 0x10ffff && !surrogate;
}

size_t text_character(const char *at, size_t bytes, uint32_t *code)
{
    size_t length = bytes == 0 ? 0 : sequence_bytes((unsigned char)*at);
    if (length == 0 || length > bytes)
        return 0;
    static const unsigned char lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    *code = (unsigned char)at[0] & lead_mask[length];
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)at[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (next & 0x3f);
    }
    return code_is_legal(*code, length) ? length : 0;
}

bool text_is_utf8(const char *text, size_t bytes)
{
    uint32_t code = 0;
    while (bytes > 0) {
        size_t length = text_character(text, bytes, &code);
        if (length == 0)
            return false;
        text += length;
        bytes -= length;
    }
    return true;
}

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t text_length(const char *text)
{
    size_t length = 0;
    for (; *text != '\0'; text++)
        length += starts_character(*text);
    return length;
}

size_t text_prefix_bytes(const char *text, size_t characters)
{
    size_t seen = 0;
    const char *at = text;
    for (; *at != '\0'; at++) {
        seen += starts_character(*at);
        if (seen > characters)
            break;
    }
    return (size_t)(at - text);
}

bool text_phone(const char *text, char *digits, size_t room)
{
    if (*text == '+')
        text++;
    size_t length = strlen(text);
    bool plausible = length >= PHONE_DIGITS_MIN && length <= PHONE_DIGITS_MAX && length < room;
    if (!plausible || strspn(text, "0123456789") != length)
        return false;
    memcpy(digits, text, length + 1);
    return true;
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t wanted = strlen(suffix);
    return wanted <= length && strcmp(text + length - wanted, suffix) == 0;
}

void text_copy(char *target, size_t room, const char *text)
{
    snprintf(target, room, "%s", text);
}
