/*
 * db_record - rows as one parameter: an array of a composite type, ::crm.event_row[].
 *
 * unnest() of twenty arrays runs twenty functions side by side; of one array of rows it runs one, for half the cost,
 * and in binary there is nothing to parse. Columns are given one after the other in the order of the type's members,
 * each for all rows. They are the first parameter of a statement whose `row` names the type, by which the server's
 * number of it is found.
 *
 *   struct records *rows = records_new(arena, count);
 *   RECORD_UUIDS(rows, i, list[i].id);
 *   RECORD_TEXTS(rows, i, list[i].text);
 *   params_records(params, rows, "crm.event_row");
 */
#pragma once
#include "net/db.h"

enum { RECORD_COLUMNS_MAX = 32 };

/* The server's numbers of its own types. */
enum record_type {
    RECORD_BOOL = 16,
    RECORD_BIGINT = 20,
    RECORD_INTEGER = 23,
    RECORD_TEXT = 25,
    RECORD_JSON = 114,
    RECORD_MOMENT = 1184,
    RECORD_UUID = 2950,
    RECORD_JSONB = 3802,
};

/* A number that is SQL NULL. */
#define RECORD_NULL INT64_MIN

struct records {
    struct arena *arena;
    size_t count, columns;
    struct record_column {
        enum record_type type;
        const char **texts; /* one of the two */
        int64_t *numbers;
    } column[RECORD_COLUMNS_MAX];
};
struct records *records_new(struct arena *arena, size_t count);
/* The next column's cells, to be filled: NULL texts, RECORD_NULL numbers and zero moments are SQL NULL. */
const char **records_texts(struct records *records, enum record_type type);
int64_t *records_numbers(struct records *records, enum record_type type);
void params_records(struct params *params, const struct records *records, const char *type);
/* Where the type's number belongs in such a parameter. */
void records_set_type(const struct params *params, uint32_t type);

#define RECORD_OF(records, index, cell_type, cells, type, expression)                                                  \
    do {                                                                                                               \
        cell_type *cells_ = cells((records), type);                                                                    \
        for (size_t index = 0; index < (records)->count; index++)                                                      \
            cells_[index] = (expression);                                                                              \
    } while (0)
#define RECORD_OF_TEXTS(records, index, type, expression)                                                              \
    RECORD_OF(records, index, const char *, records_texts, type, expression)
#define RECORD_OF_NUMBERS(records, index, type, expression)                                                            \
    RECORD_OF(records, index, int64_t, records_numbers, type, expression)

#define RECORD_UUIDS(records, index, expression)    RECORD_OF_TEXTS(records, index, RECORD_UUID, expression)
#define RECORD_TEXTS(records, index, expression)    RECORD_OF_TEXTS(records, index, RECORD_TEXT, expression)
#define RECORD_JSONS(records, index, expression)    RECORD_OF_TEXTS(records, index, RECORD_JSON, expression)
#define RECORD_JSONBS(records, index, expression)   RECORD_OF_TEXTS(records, index, RECORD_JSONB, expression)
#define RECORD_BIGINTS(records, index, expression)  RECORD_OF_NUMBERS(records, index, RECORD_BIGINT, expression)
#define RECORD_INTEGERS(records, index, expression) RECORD_OF_NUMBERS(records, index, RECORD_INTEGER, expression)
#define RECORD_BOOLS(records, index, expression)    RECORD_OF_NUMBERS(records, index, RECORD_BOOL, expression)
#define RECORD_MOMENTS(records, index, expression)  RECORD_OF_NUMBERS(records, index, RECORD_MOMENT, expression)
