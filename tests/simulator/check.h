/*
 * check - the words in which a send body is checked: each call looks at one member and remembers the first fault.
 *
 * After a fault every further check does nothing, so a list of checks reads straight down. `path` names the
 * object in the answer's details ("text", "interactive.action"; "" at the top).
 */
#ifndef SIMULATOR_CHECK_H
#define SIMULATOR_CHECK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct check {
    bool failed;
    int code;
    char details[240];
};

void check_fail(struct check *check, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* 100 for any member that is not in `known`, a list ended by NULL. */
void check_members(struct check *check, const cJSON *object, const char *path, const char *const known[]);

/* 131008 when absent, 131009 when it is no string of min to max characters. NULL after any fault. */
const char *check_text(struct check *check, const cJSON *object, const char *path, const char *name, size_t min,
                       size_t max);

/* As check_text, but may be absent. */
const char *check_optional_text(struct check *check, const cJSON *object, const char *path, const char *name,
                                size_t max);

/* One of `words`; 131009 otherwise. */
const char *check_word(struct check *check, const cJSON *object, const char *path, const char *name,
                       const char *const words[]);

/* 131008 when absent, 131009 when it is not an object. */
const cJSON *check_object(struct check *check, const cJSON *object, const char *path, const char *name);

/* An array of min to max entries; NULL after any fault. */
const cJSON *check_array(struct check *check, const cJSON *object, const char *path, const char *name, int min,
                         int max);

void check_optional_boolean(struct check *check, const cJSON *object, const char *path, const char *name);

/* A number, or a text that is one, from min to max. */
void check_coordinate(struct check *check, const cJSON *object, const char *path, const char *name, double limit);

/* An http or https address. */
void check_link(struct check *check, const cJSON *object, const char *path, const char *name);

#endif
