/*
 * said - JSON as models write it: in a fence, behind a sentence, with raw line breaks, cut off. Pure.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/arena.h"

/* The object that the text is, or holds in a fence or behind a preface; NULL: there is none that can be read. */
const cJSON *said_object(struct arena *arena, const char *text);

/* The text member of that name in JSON that can't be read as a whole. *whole: its closing quote was there. NULL: no
 * such member. */
const char *said_member(struct arena *arena, const char *text, const char *name, bool *whole);
