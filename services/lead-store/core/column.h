/*
 * column - one member of every entry of a list as an array parameter.
 *
 *   COLUMN_TEXTS(params, count, i, list[i].id);
 */
#pragma once
#include "net/db.h"
#include "net/db_record.h"

#define COLUMN_OF(params, count, index, type, add, expression)                                                         \
    do {                                                                                                               \
        type *column_ = ARENA_ARRAY((params)->arena, type, (count) ? (count) : 1);                                     \
        for (size_t index = 0; index < (count); index++)                                                               \
            column_[index] = (expression);                                                                             \
        add((params), column_, (count));                                                                               \
    } while (0)

#define COLUMN_UUIDS(params, count, index, expression)                                                                 \
    COLUMN_OF(params, count, index, const char *, params_uuids, expression)
#define COLUMN_WORDS(params, count, index, expression)                                                                 \
    COLUMN_OF(params, count, index, const char *, params_words, expression)
#define COLUMN_BIGINTS(params, count, index, expression)                                                               \
    COLUMN_OF(params, count, index, int64_t, params_bigints, expression)
#define COLUMN_TEXTS(params, count, index, expression)                                                                 \
    COLUMN_OF(params, count, index, const char *, params_texts, expression)
#define COLUMN_INTS(params, count, index, expression) COLUMN_OF(params, count, index, int64_t, params_ints, expression)
#define COLUMN_MOMENTS(params, count, index, expression)                                                               \
    COLUMN_OF(params, count, index, moment, params_moments, expression)
