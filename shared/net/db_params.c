/* Parameters, in text: the server then finds the type by the statement, and a moment or a number is as short as in
 * binary. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

void params_bools(struct params *params, const bool *flags, size_t count)
{
    char *to = put(array_space(params, count * 2), "{");
    for (size_t i = 0; i < count; i++) {
        if (i)
            *to++ = ',';
        *to++ = flags[i] ? 't' : 'f';
    }
    put(to, "}");
}

void params_moments(struct params *params, const moment *ats, size_t count)
{
    char *to = put(array_space(params, count * (MOMENT_BYTES + 1)), "{");
    char text[MOMENT_BYTES];
    for (size_t i = 0; i < count; i++) {
        if (i)
            *to++ = ',';
        to = put(to, ats[i] ? moment_text(ats[i], text) : "NULL");
    }
    put(to, "}");
}
