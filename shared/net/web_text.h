/*
 * web_text - what is written in a URL and in a status line. Private to the web files.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* Percent decoding; NULL for a broken escape, a NUL, or what is not UTF-8 then. plus: "+" is a space. */
const char *web_decode(struct arena *arena, const char *from, size_t count, bool plus);
/* "Not Found" of 404. */
const char *web_reason(int status);
