/*
 * cursor - where a page of a list ended: the time and id of its last item, as one opaque word. Pure.
 */
#pragma once
#include "base/ident.h"
#include "base/moment.h"

struct cursor {
    moment at;
    const char *id;
};

/* NULL or "": from the newest. REJECT for a word that cursor_text never made. */
enum status cursor_from(struct arena *arena, const char *text, struct cursor *out, struct error *error);
char *cursor_text(struct arena *arena, moment at, const char *id);
