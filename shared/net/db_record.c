/*
 * Rows in binary: the array's header (dimensions, whether an element is NULL, the elements' type, their number, the
 * first one's index), then per row its bytes and its columns' number, then per column its type and its bytes, or -1.
 */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/ident.h"
#include "net/db_record.h"

enum { BINARY = 1, HEADER_BYTES = 20, TYPE_AT = 8, ROW_HEADER_BYTES = 8, CELL_HEADER_BYTES = 8, UUID_BYTES = 16 };

/* PostgreSQL counts microseconds from 2000-01-01. */
static const int64_t EPOCH_2000_MS = INT64_C(946684800000);

struct records *records_new(struct arena *arena, size_t count)
{
    struct records *records = ARENA_NEW(arena, struct records);
    assert(count);
    records->arena = arena;
    records->count = count;
    return records;
}

static struct record_column *column_add(struct records *records, enum record_type type)
{
    assert(records->columns < RECORD_COLUMNS_MAX);
    struct record_column *column = &records->column[records->columns++];
    column->type = type;
    return column;
}

const char **records_texts(struct records *records, enum record_type type)
{
    return column_add(records, type)->texts = ARENA_ARRAY(records->arena, const char *, records->count);
}

int64_t *records_numbers(struct records *records, enum record_type type)
{
    return column_add(records, type)->numbers = ARENA_ARRAY(records->arena, int64_t, records->count);
}

static char *put_int32(char *to, int32_t number)
{
    uint32_t big = htobe32((uint32_t)number);
    return (char *)memcpy(to, &big, sizeof big) + sizeof big;
}

/* Its length and the lowest bytes of its big-endian form. */
static char *put_number(char *to, int64_t number, size_t bytes)
{
    uint64_t big = htobe64((uint64_t)number);
    to = put_int32(to, (int32_t)bytes);
    return (char *)memcpy(to, (const char *)&big + sizeof big - bytes, bytes) + bytes;
}

static char *put_numeric_cell(char *to, enum record_type type, int64_t number)
{
    if (number == RECORD_NULL || (type == RECORD_MOMENT && !number))
        return put_int32(to, -1);
    switch (type) {
    case RECORD_BOOL:
        return put_number(to, number != 0, 1);
    case RECORD_INTEGER:
        assert(number >= INT32_MIN && number <= INT32_MAX);
        return put_number(to, number, sizeof(int32_t));
    case RECORD_MOMENT:
        return put_number(to, (number - EPOCH_2000_MS) * 1000, sizeof(int64_t));
    default:
        return put_number(to, number, sizeof(int64_t));
    }
}

static char *put_text_cell(char *to, enum record_type type, const char *text)
{
    enum { JSONB_VERSION = 1 };
    if (!text)
        return put_int32(to, -1);
    if (type == RECORD_UUID) {
        assert(ident_valid(text));
        to = put_int32(to, UUID_BYTES);
        ident_bytes(text, (unsigned char *)to);
        return to + UUID_BYTES;
    }
    size_t bytes = strlen(text);
    to = put_int32(to, (int32_t)bytes + (type == RECORD_JSONB));
    if (type == RECORD_JSONB)
        *to++ = JSONB_VERSION;
    return mempcpy(to, text, bytes);
}

static char *put_row(char *to, const struct records *records, size_t row)
{
    char *length = to;
    to = put_int32(to + sizeof(int32_t), (int32_t)records->columns);
    for (size_t i = 0; i < records->columns; i++) {
        const struct record_column *column = &records->column[i];
        to = put_int32(to, (int32_t)column->type);
        to = column->texts ? put_text_cell(to, column->type, column->texts[row])
                           : put_numeric_cell(to, column->type, column->numbers[row]);
    }
    put_int32(length, (int32_t)(to - length - (ptrdiff_t)sizeof(int32_t)));
    return to;
}

/* A cell is its header and at most 16 bytes, or its text and one more. */
static size_t bytes_max(const struct records *records)
{
    size_t bytes =
        HEADER_BYTES + records->count * (ROW_HEADER_BYTES + records->columns * (CELL_HEADER_BYTES + UUID_BYTES));
    for (size_t i = 0; i < records->columns; i++)
        for (size_t row = 0; records->column[i].texts && row < records->count; row++)
            bytes += records->column[i].texts[row] ? strlen(records->column[i].texts[row]) + 1 : 0;
    return bytes;
}

void params_records(struct params *params, const struct records *records, const char *type)
{
    size_t max = bytes_max(records);
    char *from = arena_alloc(params->arena, max);
    assert(params->count == 0 && max < INT32_MAX);
    char *to = put_int32(from, 1);
    to = put_int32(to, 0);
    to = put_int32(to, 0); /* the type: records_set_type */
    to = put_int32(to, (int32_t)records->count);
    to = put_int32(to, 1);
    for (size_t row = 0; row < records->count; row++)
        to = put_row(to, records, row);
    params->values[0] = from;
    params->lengths[0] = (int)(to - from);
    params->formats[0] = BINARY;
    params->count = 1;
    params->row = type;
}

void records_set_type(const struct params *params, uint32_t type)
{
    assert(params && params->count && params->formats[0] == BINARY);
    put_int32((char *)params->values[0] + TYPE_AT, (int32_t)type);
}
