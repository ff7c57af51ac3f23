/*
 * json_scan - whether bytes are JSON as RFC 8259 has it, without making anything of them.
 *
 * Stricter than cJSON, which takes any control character as white space, raw control characters in strings and numbers
 * like 01. Only json.c uses it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define JSON_MALFORMED "malformed_json"

/* REJECT: not one JSON value, or past the limits of limits.h (bytes, depth, values), bad UTF-8, \u0000, half a
 * surrogate pair. */
enum status json_scan(const char *text, size_t bytes, struct error *error);

/* The number tokens of a text that json_scan has found well, one after the other; NULL after the last. */
struct json_numbers {
    const char *at, *end;
};
const char *json_numbers_next(struct json_numbers *numbers, size_t *bytes);

/* How many bytes from the start mean themselves in a string: no quote, no backslash, none below ' '; with ascii, none
 * beyond ASCII either. */
size_t json_plain_bytes(const char *bytes, size_t count, bool ascii);
