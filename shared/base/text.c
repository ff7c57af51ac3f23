#include "base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing past U+10FFFF. */
size_t text_character_bytes(const char *bytes, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes;
    if (count == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4 || count < 2)
        return 0;
    if (at[0] < 0xE0)
        return continues(bytes[1]) ? 2 : 0;
    unsigned char second_min = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char second_max = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < second_min || at[1] > second_max)
        return 0;
    size_t wanted = at[0] < 0xF0 ? 3 : 4;
    if (count < wanted || !continues(bytes[2]) || (wanted == 4 && !continues(bytes[3])))
        return 0;
    return wanted;
}

/* How many bytes from the start are plain ASCII without a NUL, counted in eights. */
static size_t plain_bytes(const char *bytes, size_t count)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t eight;
    size_t i = 0;
    for (; i + sizeof eight <= count; i += sizeof eight) {
        memcpy(&eight, bytes + i, sizeof eight);
        if ((eight | (eight - ones)) & tops)
            break;
    }
    return i;
}

enum status text_check(const char *bytes, size_t count, size_t bytes_max, const char *what, struct error *error)
{
    if (count > bytes_max)
        return error_set(error, REJECT, "%s is longer than %zu bytes", what, bytes_max);
    size_t i = plain_bytes(bytes, count);
    while (i < count) {
        size_t step = text_character_bytes(bytes + i, count - i);
        if (step == 0)
            return error_set(error, REJECT, "%s is not valid UTF-8 at byte %zu", what, i);
        if (bytes[i] == '\0')
            return error_set(error, REJECT, "%s holds a NUL character at byte %zu", what, i);
        i += step;
    }
    return OK;
}

char *text_format(struct arena *arena, const char *format, ...)
{
    struct buffer buffer = { .arena = arena };
    va_list list;
    va_start(list, format);
    buffer_format_list(&buffer, format, list);
    va_end(list);
    return buffer.text ? buffer.text : arena_text(arena, "");
}

char *text_lower(struct arena *arena, const char *text)
{
    char *lower = arena_text(arena, text);
    for (char *at = lower; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return lower;
}

/* Unicode's White_Space, and the two invisible ones that editors and web pages leave behind: U+200B and U+FEFF. */
static bool is_space(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    if (bytes == 1)
        return at[0] == ' ' || (at[0] >= '\t' && at[0] <= '\r');
    if (bytes == 2)
        return at[0] == 0xC2 && (at[1] == 0x85 || at[1] == 0xA0);
    if (bytes != 3)
        return false;
    unsigned point = (at[0] & 0x0Fu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return (point >= 0x2000 && point <= 0x200B) || point == 0x1680 || point == 0x2028 || point == 0x2029 ||
           point == 0x202F || point == 0x205F || point == 0x3000 || point == 0xFEFF;
}

/* Bytes of the character that ends at text + count; 0 when there is none. */
static size_t last_character_bytes(const char *text, size_t count)
{
    for (size_t bytes = 1; bytes <= 4 && bytes <= count; bytes++)
        if (!continues(text[count - bytes]))
            return text_character_bytes(text + count - bytes, bytes) == bytes ? bytes : 0;
    return 0;
}

char *text_trim(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    size_t count = strlen(text);
    size_t step;
    while ((step = text_character_bytes(text, count)) > 0 && is_space(text, step)) {
        text += step;
        count -= step;
    }
    while ((step = last_character_bytes(text, count)) > 0 && is_space(text + count - step, step))
        count -= step;
    return arena_text_n(arena, text, count);
}

/* Cc of Unicode: C0, DEL and C1. */
static bool is_control(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    return bytes == 1 ? at[0] < ' ' || at[0] == 0x7F : bytes == 2 && at[0] == 0xC2 && at[1] < 0xA0;
}

char *text_line(struct arena *arena, const char *text)
{
    size_t left = strlen(text), bytes = 0, step;
    char *line = arena_text_n(arena, text, left);
    bool gap = false;
    for (; (step = text_character_bytes(text, left)) > 0; text += step, left -= step) {
        if (is_space(text, step) || is_control(text, step)) {
            gap = bytes > 0;
            continue;
        }
        if (gap)
            line[bytes++] = ' ';
        gap = false;
        memcpy(line + bytes, text, step);
        bytes += step;
    }
    line[bytes] = '\0';
    return line;
}

bool text_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_empty(const char *text)
{
    return !text || !*text;
}

bool text_starts(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t count = text ? strlen(text) : 0;
    size_t wanted = strlen(suffix);
    return text && count >= wanted && memcmp(text + count - wanted, suffix, wanted) == 0;
}

const char *text_or(const char *text, const char *fallback)
{
    return text_empty(text) ? fallback : text;
}

size_t text_characters(const char *text)
{
    size_t characters = 0;
    for (; text && *text; text++)
        characters += !continues(*text);
    return characters;
}

char *text_cut(struct arena *arena, const char *text, size_t bytes_max)
{
    if (!text)
        return NULL;
    size_t count = strlen(text);
    if (count <= bytes_max)
        return arena_text_n(arena, text, count);
    size_t kept = bytes_max;
    while (kept > 0 && continues(text[kept]))
        kept--;
    return arena_text_n(arena, text, kept);
}

char *text_cut_characters(struct arena *arena, const char *text, size_t characters_max)
{
    size_t bytes = 0, left = text ? strlen(text) : 0;
    for (size_t i = 0; i < characters_max && bytes < left; i++)
        bytes += text_character_bytes(text + bytes, left - bytes);
    return arena_text_n(arena, text, bytes);
}

bool text_same_secret(const char *a, const char *b)
{
    if (text_empty(a) || text_empty(b))
        return false;
    size_t count = strlen(a);
    if (strlen(b) != count)
        return false;
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < count; i++)
        difference = (unsigned char)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

size_t text_split(struct arena *arena, const char *text, char separator, char ***parts)
{
    size_t count = 1;
    for (const char *at = text; *at; at++)
        count += *at == separator;
    char **list = ARENA_ARRAY(arena, char *, count);
    for (size_t i = 0; i < count; i++) {
        const char *end = i + 1 < count ? strchr(text, separator) : text + strlen(text);
        list[i] = arena_text_n(arena, text, (size_t)(end - text));
        text = end + 1;
    }
    *parts = list;
    return count;
}

/* False unless text is a whole decimal number that a long long holds. */
static bool whole_number(const char *text, long long *out)
{
    bool negative = text && *text == '-';
    const char *at = negative ? text + 1 : text;
    if (text_empty(at))
        return false;
    long long number = 0;
    for (; *at; at++) {
        int digit = *at - '0';
        if (digit < 0 || digit > 9)
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number))
            return false;
    }
    *out = number;
    return true;
}

enum status text_int64(const char *text, long long min, long long max, const char *what, long long *out,
                       struct error *error)
{
    long long number;
    if (!whole_number(text, &number) || number < min || number > max)
        return error_set(error, REJECT, "%s must be a whole number between %lld and %lld", what, min, max);
    *out = number;
    return OK;
}

/* What people write between the digits: spaces (any), dashes, dots, slashes, parentheses. 0 when it is something else.
 */
static size_t phone_filler_bytes(const char *at, size_t count)
{
    size_t bytes = text_character_bytes(at, count);
    if (bytes == 1 && strchr("-./()", *at))
        return 1;
    return is_space(at, bytes) ? bytes : 0;
}

enum status text_phone(struct arena *arena, const char *text, char **out, struct error *error)
{
    enum { DIGITS_MIN = 7, DIGITS_MAX = 15 };
    char phone[DIGITS_MAX + 2] = "+";
    size_t digits = 0;
    bool plus = false;
    const char *end = text ? text + strlen(text) : text;
    for (const char *at = text; at < end;) {
        size_t filler = phone_filler_bytes(at, (size_t)(end - at));
        at += filler;
        if (filler)
            continue;
        if (*at == '+' && digits == 0 && !plus)
            plus = true;
        else if (*at < '0' || *at > '9')
            return error_code(error, REJECT, "invalid_phone", "a phone number holds something that isn't a digit");
        else if (digits == DIGITS_MAX)
            return error_code(error, REJECT, "invalid_phone", "a phone number has more than %d digits", DIGITS_MAX);
        else
            phone[++digits] = *at;
        at++;
    }
    if (digits < DIGITS_MIN)
        return error_code(error, REJECT, "invalid_phone", "a phone number has fewer than %d digits", DIGITS_MIN);
    *out = arena_text(arena, phone);
    return OK;
}

char *text_hex(struct arena *arena, const void *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    assert(count < SIZE_MAX / 2);
    char *hex = arena_alloc(arena, count * 2 + 1);
    for (size_t i = 0; i < count; i++) {
        hex[2 * i] = digits[from[i] >> 4];
        hex[2 * i + 1] = digits[from[i] & 15];
    }
    return hex;
}
