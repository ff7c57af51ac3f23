/*
 * cursor - where the next page of a list begins: the last row's sort key, opaque to clients (hex).
 *
 * A list is sorted by these members, newest first, and a page begins after them; what is written meanwhile moves
 * nothing.
 */
#pragma once
#include <stdint.h>

#include "arena.h"
#include "error.h"
#include "moment.h"

struct cursor {
    moment at;        /* 0: from the newest */
    int64_t position; /* or a number of the list's own */
    const char *id;
};

char *cursor_text(struct arena *arena, const struct cursor *cursor);
/* "" and NULL: from the newest. REJECT bad_value for what we never gave out. */
enum status cursor_read(struct arena *arena, const char *text, struct cursor *out, struct error *error);
/* The same where ids are not UUIDs but letters and digits: API keys. */
enum status cursor_read_named(struct arena *arena, const char *text, struct cursor *out, struct error *error);
