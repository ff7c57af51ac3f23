#include "cursor.h"

#include <string.h>

#include "ident.h"
#include "text.h"

enum { CURSOR_BYTES_MAX = 256, CURSOR_PARTS = 3 };

char *cursor_text(struct arena *arena, const struct cursor *cursor)
{
    const char *plain =
        text_format(arena, "%lld/%lld/%s", (long long)cursor->at, (long long)cursor->position, text_or(cursor->id, ""));
    return text_hex(arena, plain, strlen(plain));
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *plain_of(struct arena *arena, const char *hex)
{
    size_t bytes = strlen(hex);
    if (bytes % 2 || bytes > CURSOR_BYTES_MAX)
        return NULL;
    char *plain = arena_alloc(arena, bytes / 2 + 1);
    for (size_t i = 0; i < bytes / 2; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return NULL;
        plain[i] = (char)(high << 4 | low);
    }
    return plain;
}

static enum status refuse(struct error *error)
{
    return error_code(error, REJECT, "bad_value", "cursor is none that was given out");
}

/* Far from the ends of what a timestamp of the database can hold. */
static const long long AT_MAX = 100LL * 366 * DAY_MS;

/* Nothing that SQL could choke on. */
static bool id_well(const char *id)
{
    return id[strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")] == '\0';
}

enum status cursor_read_named(struct arena *arena, const char *text, struct cursor *out, struct error *error)
{
    *out = (struct cursor){ 0 };
    if (text_empty(text))
        return OK;
    char *plain = plain_of(arena, text), **parts;
    long long at, position;
    if (!plain || text_split(arena, plain, '/', &parts) != CURSOR_PARTS)
        return refuse(error);
    if (text_int64(parts[0], 0, AT_MAX, "at", &at, NULL) != OK ||
        text_int64(parts[1], 0, INT64_MAX, "position", &position, NULL) != OK)
        return refuse(error);
    if (!id_well(parts[2]))
        return refuse(error);
    *out = (struct cursor){ .at = at, .position = position, .id = *parts[2] ? parts[2] : NULL };
    return OK;
}

enum status cursor_read(struct arena *arena, const char *text, struct cursor *out, struct error *error)
{
    TRY(cursor_read_named(arena, text, out, error));
    return !out->id || ident_valid(out->id) ? OK : refuse(error);
}
