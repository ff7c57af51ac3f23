/* Rows as the text of an array of a composite type: {"(a,\"b\")","(c,)"}. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "net/record.h"

struct records *records_new(struct arena *arena, size_t count)
{
    struct records *records = ARENA_NEW(arena, struct records);
    records->arena = arena;
    records->count = count;
    return records;
}

const char **records_column(struct records *records, bool plain)
{
    assert(records->columns < RECORD_COLUMNS_MAX);
    records->plain[records->columns] = plain;
    return records->cells[records->columns++] = ARENA_ARRAY(records->arena, const char *, records->count + 1);
}

const char *record_int(struct records *records, int64_t number)
{
    return text_format(records->arena, "%" PRId64, number);
}

const char *record_moment(struct records *records, moment at)
{
    char text[MOMENT_BYTES];
    return at ? arena_text(records->arena, moment_text(at, text)) : NULL;
}

/* A quote or a backslash takes four bytes: doubled for the row, and each of the two escaped for the array. */
static size_t cell_bytes_max(const char *text, bool plain)
{
    size_t bytes = strlen(text) + sizeof "\\\"\\\",";
    if (!plain)
        for (const char *at = strpbrk(text, "\"\\"); at; at = strpbrk(at + 1, "\"\\"))
            bytes += 3;
    return bytes;
}

static size_t records_bytes_max(const struct records *records)
{
    size_t bytes = sizeof "{}" + records->count * sizeof "\"()\",";
    for (size_t column = 0; column < records->columns; column++)
        for (size_t row = 0; row < records->count; row++) {
            const char *text = records->cells[column][row];
            bytes += text ? cell_bytes_max(text, records->plain[column]) : 1;
        }
    return bytes;
}

static char *put(char *to, const char *text, size_t bytes)
{
    memcpy(to, text, bytes);
    return to + bytes;
}

/* In quotes, so that commas, brackets, white space and "" are what they are. */
static char *put_quoted(char *to, const char *text)
{
    to = put(to, "\\\"", 2);
    for (;;) {
        size_t clear = strcspn(text, "\"\\");
        to = put(to, text, clear);
        text += clear;
        if (!*text)
            break;
        to = put(to, *text == '"' ? "\\\"\\\"" : "\\\\\\\\", 4);
        text++;
    }
    return put(to, "\\\"", 2);
}

static char *put_row(char *to, const struct records *records, size_t row)
{
    to = put(to, "\"(", 2);
    for (size_t column = 0; column < records->columns; column++) {
        const char *text = records->cells[column][row];
        if (column)
            *to++ = ',';
        if (text)
            to = records->plain[column] && *text ? put(to, text, strlen(text)) : put_quoted(to, text);
    }
    return put(to, ")\"", 2);
}

void params_records(struct params *params, const struct records *records)
{
    char *text = arena_alloc(params->arena, records_bytes_max(records));
    char *to = text;
    *to++ = '{';
    for (size_t row = 0; row < records->count; row++) {
        if (row)
            *to++ = ',';
        to = put_row(to, records, row);
    }
    *to++ = '}';
    *to = '\0';
    assert(params->count < sizeof params->values / sizeof *params->values);
    params->values[params->count++] = text;
}
