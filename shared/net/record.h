/*
 * record - rows as one parameter: an array of a composite type, ::crm.event_row[].
 *
 * unnest() of twenty arrays runs twenty functions side by side; of one array of rows it runs one, for half the cost.
 * Columns are given one after the other in the order of the type's members, each for all rows; params_records adds them
 * as one parameter.
 *
 *   struct records *rows = records_new(arena, count);
 *   RECORD_IDS(rows, i, list[i].id);
 *   RECORD_TEXTS(rows, i, list[i].text);
 *   params_records(params, rows);
 */
#pragma once
#include "net/db.h"

enum { RECORD_COLUMNS_MAX = 32 };

struct records {
    struct arena *arena;
    size_t count, columns;
    const char **cells[RECORD_COLUMNS_MAX];
    bool plain[RECORD_COLUMNS_MAX]; /* no character of its texts means anything to the server's parser */
};
struct records *records_new(struct arena *arena, size_t count);
/* The next column's cells, to be filled; NULL is SQL NULL. */
const char **records_column(struct records *records, bool plain);
const char *record_int(struct records *records, int64_t number);
const char *record_moment(struct records *records, moment at); /* 0: NULL */
void params_records(struct params *params, const struct records *records);

#define RECORD_OF(records, index, is_plain, expression)                                                                \
    do {                                                                                                               \
        const char **cells_ = records_column((records), (is_plain));                                                   \
        for (size_t index = 0; index < (records)->count; index++)                                                      \
            cells_[index] = (expression);                                                                              \
    } while (0)

#define RECORD_TEXTS(records, index, expression) RECORD_OF(records, index, false, expression)
#define RECORD_IDS(records, index, expression)   RECORD_OF(records, index, true, expression) /* UUIDs, words of ours */
#define RECORD_BOOLS(records, index, expression) RECORD_OF(records, index, true, (expression) ? "t" : "f")
#define RECORD_INTS(records, index, expression)  RECORD_OF(records, index, true, record_int((records), (expression)))
#define RECORD_MOMENTS(records, index, expression)                                                                     \
    RECORD_OF(records, index, true, record_moment((records), (expression)))
