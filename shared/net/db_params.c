/*
 * Parameters. In text, where the server finds the type by the statement and a number is as short as in binary; in
 * binary where there are many of one known type, since the server then has nothing to parse.
 */
#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "net/db.h"

struct params *params_new(struct arena *arena)
{
    struct params *params = ARENA_NEW(arena, struct params);
    params->arena = arena;
    return params;
}

/* value is in the arena, or NULL. */
static void add(struct params *params, const char *value)
{
    assert(params->count < sizeof params->values / sizeof *params->values);
    params->values[params->count++] = value;
}

void params_text(struct params *params, const char *text)
{
    add(params, arena_text(params->arena, text));
}

void params_int(struct params *params, int64_t number)
{
    add(params, text_format(params->arena, "%" PRId64, number));
}

void params_double(struct params *params, double number)
{
    add(params, text_format(params->arena, "%.17g", number));
}

void params_bool(struct params *params, bool flag)
{
    add(params, flag ? "t" : "f");
}

void params_moment(struct params *params, moment at)
{
    char text[MOMENT_BYTES];
    add(params, at ? arena_text(params->arena, moment_text(at, text)) : NULL);
}

void params_null(struct params *params)
{
    add(params, NULL);
}

void params_int_if(struct params *params, bool given, int64_t number)
{
    if (given)
        params_int(params, number);
    else
        params_null(params);
}

void params_text_if(struct params *params, const char *text)
{
    params_text(params, text && *text ? text : NULL);
}

/* Space for the array in one piece, so that adding never copies what is there. */
static char *array_space(struct params *params, size_t bytes)
{
    char *to = arena_alloc(params->arena, bytes + sizeof "{}");
    add(params, to);
    return to;
}

static size_t quoted_bytes_max(const char *text)
{
    return text ? 2 * strlen(text) + sizeof "\"\"" : sizeof "NULL";
}

static char *put(char *to, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(to, text, bytes + 1);
    return to + bytes;
}

/* In quotes always, so that "NULL", braces, commas, white space and "" are what they are; quotes and backslashes get a
 * backslash. */
static char *put_quoted(char *to, const char *text)
{
    *to++ = '"';
    for (;;) {
        size_t plain = strcspn(text, "\"\\");
        memcpy(to, text, plain);
        to += plain;
        text += plain;
        if (!*text)
            break;
        *to++ = '\\';
        *to++ = *text++;
    }
    *to++ = '"';
    return to;
}

void params_texts(struct params *params, const char *const *texts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += quoted_bytes_max(texts[i]);
    char *to = put(array_space(params, bytes), "{");
    for (size_t i = 0; i < count; i++) {
        if (i)
            *to++ = ',';
        to = texts[i] ? put_quoted(to, texts[i]) : put(to, "NULL");
    }
    put(to, "}");
}

void params_ints(struct params *params, const int64_t *numbers, size_t count)
{
    enum { NUMBER_BYTES_MAX = 24 };
    char *to = put(array_space(params, count * NUMBER_BYTES_MAX), "{");
    for (size_t i = 0; i < count; i++)
        to += snprintf(to, NUMBER_BYTES_MAX, i ? ",%" PRId64 : "%" PRId64, numbers[i]);
    put(to, "}");
}

/* -- arrays in binary: dimensions, whether an element is NULL, the elements' type, their number, the first one's index;
 * then per element its bytes, or -1 for NULL */

enum { BINARY = 1, ARRAY_HEADER_BYTES = 20, ELEMENT_HEADER_BYTES = 4, UUID_BYTES = 16 };
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_TIMESTAMPTZ = 1184,
    OID_UUID = 2950
};

/* PostgreSQL counts microseconds from 2000-01-01. */
static const int64_t EPOCH_2000_MS = INT64_C(946684800000);

static char *put_int32(char *to, int32_t number)
{
    uint32_t big = htobe32((uint32_t)number);
    return (char *)memcpy(to, &big, sizeof big) + sizeof big;
}

static char *put_null(char *to)
{
    return put_int32(to, -1);
}

/* Number in the lowest `bytes` of its big-endian form. */
static char *put_number(char *to, int64_t number, size_t bytes)
{
    uint64_t big = htobe64((uint64_t)number);
    to = put_int32(to, (int32_t)bytes);
    return (char *)memcpy(to, (const char *)&big + sizeof big - bytes, bytes) + bytes;
}

static char *binary_begin(struct params *params, size_t bytes_max, int32_t type, size_t count)
{
    char *from = arena_alloc(params->arena, ARRAY_HEADER_BYTES + bytes_max);
    assert(bytes_max < INT32_MAX && count < INT32_MAX);
    char *to = put_int32(from, count ? 1 : 0);
    to = put_int32(to, 1);
    to = put_int32(to, type);
    if (count) {
        to = put_int32(to, (int32_t)count);
        to = put_int32(to, 1);
    }
    params->formats[params->count] = BINARY;
    add(params, from);
    return to;
}

static void binary_end(struct params *params, const char *end)
{
    params->lengths[params->count - 1] = (int)(end - params->values[params->count - 1]);
}

static void add_numbers(struct params *params, const int64_t *numbers, size_t count, int32_t type, size_t bytes)
{
    char *to = binary_begin(params, count * (ELEMENT_HEADER_BYTES + bytes), type, count);
    for (size_t i = 0; i < count; i++)
        to = put_number(to, numbers[i], bytes);
    binary_end(params, to);
}

void params_bigints(struct params *params, const int64_t *numbers, size_t count)
{
    add_numbers(params, numbers, count, OID_INT8, sizeof(int64_t));
}

void params_integers(struct params *params, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(numbers[i] >= INT32_MIN && numbers[i] <= INT32_MAX);
    add_numbers(params, numbers, count, OID_INT4, sizeof(int32_t));
}

void params_smallints(struct params *params, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(numbers[i] >= INT16_MIN && numbers[i] <= INT16_MAX);
    add_numbers(params, numbers, count, OID_INT2, sizeof(int16_t));
}

void params_bools(struct params *params, const bool *flags, size_t count)
{
    char *to = binary_begin(params, count * (ELEMENT_HEADER_BYTES + 1), OID_BOOL, count);
    for (size_t i = 0; i < count; i++)
        to = put_number(to, flags[i], 1);
    binary_end(params, to);
}

void params_moments(struct params *params, const moment *ats, size_t count)
{
    char *to = binary_begin(params, count * (ELEMENT_HEADER_BYTES + sizeof(int64_t)), OID_TIMESTAMPTZ, count);
    for (size_t i = 0; i < count; i++)
        to = ats[i] ? put_number(to, (ats[i] - EPOCH_2000_MS) * 1000, sizeof(int64_t)) : put_null(to);
    binary_end(params, to);
}

void params_words(struct params *params, const char *const *texts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += ELEMENT_HEADER_BYTES + (texts[i] ? strlen(texts[i]) : 0);
    char *to = binary_begin(params, bytes, OID_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        size_t length = texts[i] ? strlen(texts[i]) : 0;
        to = texts[i] ? memcpy(put_int32(to, (int32_t)length), texts[i], length) : put_null(to);
        to += length;
    }
    binary_end(params, to);
}

static bool all_uuids(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i] && !ident_valid(texts[i]))
            return false;
    return true;
}

/* What is no UUID is left to the server, which refuses it like any other bad value. */
void params_uuids(struct params *params, const char *const *texts, size_t count)
{
    if (!all_uuids(texts, count)) {
        params_texts(params, texts, count);
        return;
    }
    char *to = binary_begin(params, count * (ELEMENT_HEADER_BYTES + UUID_BYTES), OID_UUID, count);
    for (size_t i = 0; i < count; i++) {
        if (!texts[i]) {
            to = put_null(to);
            continue;
        }
        to = put_int32(to, UUID_BYTES);
        ident_bytes(texts[i], (unsigned char *)to);
        to += UUID_BYTES;
    }
    binary_end(params, to);
}
