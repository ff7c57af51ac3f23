#include "base/json_scan.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

enum { NUMBER_BYTES_MAX = 63 /* what cJSON takes */ };

static const uint64_t ONES = 0x0101010101010101u, TOPS = 0x8080808080808080u;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first of eight bytes is the lowest");

/* The top bit of each byte below the limit; behind the first of them maybe of others too. */
static uint64_t tops_below(uint64_t eight, unsigned char limit)
{
    return (eight - ONES * limit) & ~eight & TOPS;
}

static bool is_plain(unsigned char c, bool ascii)
{
    return c >= ' ' && c != '"' && c != '\\' && !(ascii && c >= 0x80);
}

size_t json_plain_bytes(const char *bytes, size_t count, bool ascii)
{
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= count; i += sizeof eight) {
        memcpy(&eight, bytes + i, sizeof eight);
        uint64_t stops = tops_below(eight, ' ') | tops_below(eight ^ (ONES * '"'), 1) |
                         tops_below(eight ^ (ONES * '\\'), 1) | (ascii ? eight & TOPS : 0);
        if (stops)
            return i + (size_t)__builtin_ctzll(stops) / 8;
    }
    while (i < count && is_plain((unsigned char)bytes[i], ascii))
        i++;
    return i;
}

struct scan {
    const char *at, *end;
    const char *problem; /* the sentence's end, once something is wrong */
    int depth;
    int values;
};

static bool fails(struct scan *scan, const char *problem)
{
    if (!scan->problem)
        scan->problem = problem;
    return false;
}

/* The next byte without taking it; '\0' at the end (a NUL in the text is no JSON either). */
static char peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(scan->end - scan->at) < bytes || memcmp(scan->at, word, bytes) != 0)
        return fails(scan, "is malformed");
    scan->at += bytes;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return fails(scan, "holds a malformed number");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

static bool take_number(struct scan *scan)
{
    const char *from = scan->at;
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return false;
    if (take(scan, '.') && !take_digits(scan))
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (!take_digits(scan))
            return false;
    }
    return scan->at - from <= NUMBER_BYTES_MAX || fails(scan, "holds a number that is too long");
}

static bool take_hex4(struct scan *scan, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(scan);
        unsigned digit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
        if (digit > 15 || (!is_digit(c) && digit < 10))
            return fails(scan, "holds a malformed escape");
        *unit = *unit << 4 | digit;
        scan->at++;
    }
    return true;
}

/* After \u: a character of the basic plane, or both halves of a surrogate pair. */
static bool take_unicode_escape(struct scan *scan)
{
    unsigned unit, low;
    if (!take_hex4(scan, &unit))
        return false;
    if (unit == 0)
        return fails(scan, "holds \\u0000");
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    if (unit > 0xDBFF || !take(scan, '\\') || !take(scan, 'u'))
        return fails(scan, "holds half a surrogate pair");
    if (!take_hex4(scan, &low))
        return false;
    return (low >= 0xDC00 && low <= 0xDFFF) || fails(scan, "holds half a surrogate pair");
}

static bool take_escape(struct scan *scan)
{
    if (take(scan, 'u'))
        return take_unicode_escape(scan);
    char c = peek(scan);
    if (!c || !strchr("\"\\/bfnrt", c))
        return fails(scan, "holds a malformed escape");
    scan->at++;
    return true;
}

/* What most of a string is. */
static void skip_plain(struct scan *scan)
{
    scan->at += json_plain_bytes(scan->at, (size_t)(scan->end - scan->at), true);
}

static bool take_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return fails(scan, "is malformed");
    for (skip_plain(scan); !take(scan, '"'); skip_plain(scan)) {
        if (scan->at == scan->end)
            return fails(scan, "ends inside a string");
        if ((unsigned char)*scan->at < ' ')
            return fails(scan, "holds a bare control character in a string");
        size_t bytes = text_character_bytes(scan->at, (size_t)(scan->end - scan->at));
        if (bytes == 0)
            return fails(scan, "is not valid UTF-8");
        bool escape = *scan->at == '\\';
        scan->at += bytes;
        if (escape && !take_escape(scan))
            return false;
    }
    return true;
}

static bool take_value(struct scan *scan);

/* A member's name and its colon. */
static bool take_name(struct scan *scan)
{
    skip_space(scan);
    if (!take_string(scan))
        return false;
    skip_space(scan);
    return take(scan, ':') || fails(scan, "is malformed");
}

/* From after the opening bracket to the closing one. Recursion ends at JSON_DEPTH_MAX. */
static bool take_items(struct scan *scan, bool named, char close)
{
    if (++scan->depth > JSON_DEPTH_MAX)
        return fails(scan, "is nested too deep");
    skip_space(scan);
    bool done = take(scan, close);
    while (!done) {
        if (named && !take_name(scan))
            return false;
        if (!take_value(scan))
            return false;
        done = take(scan, close);
        if (!done && !take(scan, ','))
            return fails(scan, "is malformed");
    }
    scan->depth--;
    return true;
}

static bool take_bare(struct scan *scan)
{
    switch (peek(scan)) {
    case '{':
        scan->at++;
        return take_items(scan, true, '}');
    case '[':
        scan->at++;
        return take_items(scan, false, ']');
    case '"':
        return take_string(scan);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return peek(scan) == '-' || is_digit(peek(scan)) ? take_number(scan) : fails(scan, "is malformed");
    }
}

static bool take_value(struct scan *scan)
{
    if (++scan->values > JSON_VALUES_MAX)
        return fails(scan, "holds too many values");
    skip_space(scan);
    if (!take_bare(scan))
        return false;
    skip_space(scan);
    return true;
}

enum status json_scan(const char *text, size_t bytes, struct error *error)
{
    if (bytes > JSON_BYTES_MAX)
        return error_code(error, REJECT, JSON_MALFORMED, "JSON is longer than %d bytes", JSON_BYTES_MAX);
    struct scan scan = { .at = text, .end = text + bytes };
    if (take_value(&scan) && scan.at < scan.end)
        fails(&scan, "goes on after its end");
    if (!scan.problem)
        return OK;
    return error_code(error, REJECT, JSON_MALFORMED, "JSON %s at byte %td", scan.problem, scan.at - text);
}

/* Past the string whose opening quote is at from. */
static const char *string_end(const char *from, const char *end)
{
    for (const char *at = from + 1; at < end; at += *at == '\\' ? 2 : 1) {
        at += json_plain_bytes(at, (size_t)(end - at), false);
        if (at < end && *at == '"')
            return at + 1;
    }
    return end;
}

const char *json_numbers_next(struct json_numbers *numbers, size_t *bytes)
{
    const char *at = numbers->at;
    while (at < numbers->end && *at != '-' && !is_digit(*at))
        at = *at == '"' ? string_end(at, numbers->end) : at + 1;
    if (at >= numbers->end)
        return NULL;
    const char *from = at;
    while (at < numbers->end && (is_digit(*at) || (*at && strchr("+-.eE", *at))))
        at++;
    numbers->at = at;
    *bytes = (size_t)(at - from);
    return from;
}
