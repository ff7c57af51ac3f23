/*
 * fields - a JSON object read into a struct, and written back, by a table of its members.
 *
 * Strict: a member the table doesn't name is refused, and so is a value of the wrong kind or out of range.
 * `null` puts a member back to its default. Nothing says the target is untouched after a refusal: read into a copy.
 */
#ifndef SIMULATOR_FIELDS_H
#define SIMULATOR_FIELDS_H

#include "buffer.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
    FIELD_BOOLEAN, /* bool */
    FIELD_INTEGER, /* int64_t, min to max */
    FIELD_NUMBER,  /* double, min to max */
    FIELD_TEXT,    /* char[bytes], 1 character or more */
    FIELD_TEXTS,   /* struct field_texts */
    FIELD_WORD,    /* int64_t: the place in `words`; false and true are the first and the second */
    FIELD_OBJECT,  /* a struct of `bytes` with `fields`; given as a whole, what it leaves out gets its default */
    FIELD_JSON,    /* const cJSON *, whatever it is */
};

struct field {
    const char *name; /* NULL ends the table */
    enum field_kind kind;
    size_t offset;
    size_t bytes;
    double min;
    double max;
    const char *const *words; /* ended by NULL */
    const struct field *fields;
};

/* A number without a value: written as null. */
enum { FIELD_NONE = -1 };

enum { FIELD_TEXTS_MAX = 64, FIELD_TEXTS_ROOM = 40, FIELD_PROBLEM_ROOM = 160 };

struct field_texts {
    size_t count;
    char items[FIELD_TEXTS_MAX][FIELD_TEXTS_ROOM];
};

/* False with one sentence in `problem`. `defaults` is a struct of the target's type. */
bool fields_read(const cJSON *object, const struct field *fields, void *target, const void *defaults,
                 char problem[FIELD_PROBLEM_ROOM]);

void fields_write(struct buffer *buffer, const struct field *fields, const void *source);

#endif
