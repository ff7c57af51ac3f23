/* Cells of a result. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/db.h"

int rows_column(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->columns; i++)
        if (strcmp(rows->names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *rows_text(const struct rows *rows, size_t row, int column)
{
    assert(row < rows->count && column >= 0 && (size_t)column < rows->columns);
    return rows->cells[row * rows->columns + (size_t)column];
}

int64_t rows_int(const struct rows *rows, size_t row, int column)
{
    const char *text = rows_text(rows, row, column);
    return text ? strtoll(text, NULL, 10) : 0;
}

double rows_double(const struct rows *rows, size_t row, int column)
{
    const char *text = rows_text(rows, row, column);
    return text ? strtod(text, NULL) : 0;
}

bool rows_bool(const struct rows *rows, size_t row, int column)
{
    const char *text = rows_text(rows, row, column);
    return text && *text == 't';
}

/* "2026-11-20 09:38:00.123456+00" as RFC 3339 has it: a T between, minutes in the offset. Infinity and what is BC or
 * past 9999 is 0. */
moment rows_moment(const struct rows *rows, size_t row, int column)
{
    enum { SPACE_AT = 10, TEXT_BYTES_MAX = 40 };
    const char *text = rows_text(rows, row, column);
    size_t bytes = text ? strlen(text) : 0;
    if (bytes <= SPACE_AT || bytes >= TEXT_BYTES_MAX)
        return 0;
    char copy[TEXT_BYTES_MAX + sizeof ":00"];
    memcpy(copy, text, bytes + 1);
    copy[SPACE_AT] = 'T';
    if (copy[bytes - 3] == '+' || copy[bytes - 3] == '-')
        memcpy(copy + bytes, ":00", sizeof ":00");
    moment at;
    return moment_from_text(copy, &at, NULL) == OK ? at : 0;
}

/* An element that ends at a comma or brace; *at is left there. */
static const char *bare_element(struct arena *arena, const char **at)
{
    size_t bytes = strcspn(*at, ",}");
    const char *from = *at;
    *at += bytes;
    return bytes == 4 && memcmp(from, "NULL", 4) == 0 ? NULL : arena_text_n(arena, from, bytes);
}

static const char *quoted_element(struct arena *arena, const char **at)
{
    const char *from = *at + 1;
    char *text = arena_alloc(arena, strlen(from) + 1);
    char *to = text;
    while (*from && *from != '"') {
        if (*from == '\\' && from[1])
            from++;
        *to++ = *from++;
    }
    *at = *from ? from + 1 : from;
    return text;
}

/* At most as many elements as commas and one: enough for every array, too much only for texts with commas. */
static size_t elements_max(const char *text)
{
    size_t count = 1;
    for (; *text; text++)
        count += *text == ',';
    return count;
}

size_t rows_texts(const struct rows *rows, size_t row, int column, struct arena *arena, const char *const **out)
{
    const char *at = rows_text(rows, row, column);
    *out = NULL;
    if (at && *at == '[') /* [2:3]={a,b}: bounds that don't start at 1 */
        at = strchr(at, '{');
    if (!at || *at != '{' || at[1] == '}')
        return 0;
    const char **texts = ARENA_ARRAY(arena, const char *, elements_max(at));
    size_t count = 0;
    do {
        at++;
        texts[count++] = *at == '"' ? quoted_element(arena, &at) : bare_element(arena, &at);
    } while (*at == ',');
    *out = texts;
    return count;
}
