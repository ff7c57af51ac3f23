/*
 * base64 - RFC 4648, the standard alphabet with padding.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"

void base64_add(struct buffer *out, const void *bytes, size_t count);

/* False for anything but whole, padded groups whose unused bits are 0: one sequence of bytes has one text. */
bool base64_read(struct arena *arena, const char *text, void **bytes, size_t *count);
