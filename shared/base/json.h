/*
 * json - cJSON with getters that refuse.
 *
 * Parsing is strict where cJSON is not: depth and size limits, no duplicate members, valid UTF-8, no \u0000, nothing
 * after the value. A getter says in one sentence which member is missing or of the wrong type, so that a handler is a
 * list of TRY lines.
 *
 * Trees are made in an arena and never deleted: json_parse installs arena hooks for the time of the call
 * (thread-local).
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* REJECT: malformed ("malformed_json"), too deep, too large, duplicate member, bad UTF-8. The tree lives in the arena.
 */
enum status json_parse(struct arena *arena, const char *text, size_t bytes, cJSON **out, struct error *error);

/* Compact text of a tree, in the arena. A parsed number keeps its own text (valuestring), so 64-bit ids and 0.10 come
 * out as they went in. */
char *json_text(struct arena *arena, const cJSON *tree);

/* OK if the text is one JSON value as json_parse takes it (for free-form members). */
enum status json_check(const char *text, size_t bytes, struct error *error);
/* The same for what a service of ours has written: equal names, which it doesn't write, are not looked for. */
enum status json_check_own(const char *text, size_t bytes, struct error *error);

/* Members of an object. `need` refuses when absent; `want` leaves *out at NULL / untouched when absent or null. Both
 * refuse a wrong type. Codes: "missing_member", "invalid_member". */
enum status json_need_text(const cJSON *object, const char *name, const char **out, struct error *error);
enum status json_want_text(const cJSON *object, const char *name, const char **out, struct error *error);
enum status json_need_object(const cJSON *object, const char *name, const cJSON **out, struct error *error);
enum status json_want_object(const cJSON *object, const char *name, const cJSON **out, struct error *error);
enum status json_need_array(const cJSON *object, const char *name, const cJSON **out, struct error *error);
enum status json_want_array(const cJSON *object, const char *name, const cJSON **out, struct error *error);
enum status json_want_bool(const cJSON *object, const char *name, bool *out, struct error *error);
/* A whole number, given as number or as decimal text (vendors do both). */
enum status json_want_int64(const cJSON *object, const char *name, int64_t *out, struct error *error);

/* Writing: appends text as a JSON string with quotes; NULL as "". */
struct buffer;
void json_add_string(struct buffer *buffer, const char *text);
