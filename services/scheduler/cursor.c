#include "cursor.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

/* Past every time and id there is: year 9999. */
static const moment LAST = INT64_C(253370764800000);

char *cursor_text(struct arena *arena, moment at, const char *id)
{
    return text_format(arena, "%" PRId64 "_%s", at, id);
}

enum status cursor_from(struct arena *arena, const char *text, struct cursor *out, struct error *error)
{
    *out = (struct cursor){ LAST, "ffffffff-ffff-ffff-ffff-ffffffffffff" };
    if (text_empty(text))
        return OK;
    const char *id = strchr(text, '_');
    long long at;
    if (!id || !ident_valid(id + 1) ||
        text_int64(arena_text_n(arena, text, (size_t)(id - text)), 1, LAST, "the cursor's time", &at, NULL) != OK)
        return error_code(error, REJECT, "bad_value", "the cursor is not one of ours");
    *out = (struct cursor){ at, id + 1 };
    return OK;
}
