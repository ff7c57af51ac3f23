#include "placeholder.h"

#include <string.h>

#include "base/text.h"

enum kind { NAME, FIRST_NAME, PHONE, OPERATOR, COMPANY, KINDS };

static const char *const words[KINDS] = { "name", "first_name", "phone", "operator", "company" };

/* The bytes of a placeholder at the start of text, with its braces; 0: there is none. *kind KINDS: not a known one. */
static size_t placeholder_at(const char *text, enum kind *kind)
{
    size_t bytes = text[0] == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
    if (bytes == 0 || text[bytes + 1] != '}')
        return 0;
    for (*kind = 0; *kind < KINDS; (*kind)++)
        if (strlen(words[*kind]) == bytes && memcmp(text + 1, words[*kind], bytes) == 0)
            break;
    return bytes + 2;
}

enum status placeholder_check(const char *text, struct error *error)
{
    enum kind kind = KINDS;
    for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{'))
        if (placeholder_at(at, &kind) > 0 && kind == KINDS)
            return error_code(error, REJECT, "bad_value",
                              "'text' may hold {name}, {first_name}, {phone}, {operator} and {company}.");
    return OK;
}

static const char *value_of(struct arena *arena, enum kind kind, const struct placeholder_values *values)
{
    const char *const plain[KINDS] = { values->name, values->name, values->phone, values->operator, values->company };
    const char *value = text_or(plain[kind], "");
    return kind == FIRST_NAME ? arena_text_n(arena, value, strcspn(value, " ")) : value;
}

static void add_value(struct buffer *out, const char *value)
{
    if (*value)
        buffer_add(out, value);
    else if (out->bytes > 0 && out->text[out->bytes - 1] == ' ')
        out->text[--out->bytes] = '\0';
}

char *placeholder_fill(struct arena *arena, const char *text, const struct placeholder_values *values)
{
    struct buffer out = { .arena = arena };
    while (*text) {
        enum kind kind = KINDS;
        size_t bytes = placeholder_at(text, &kind);
        if (bytes > 0 && kind < KINDS)
            add_value(&out, value_of(arena, kind, values));
        else
            buffer_add_n(&out, text, bytes = 1);
        text += bytes;
    }
    return arena_text(arena, buffer_text(&out));
}
