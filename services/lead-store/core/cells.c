#include "cells.h"

#include <assert.h>

static void cell_read(const struct rows *rows, size_t row, int column, const struct cell *cell, char *entry)
{
    void *member = entry + cell->offset;
    switch (cell->type) {
    case CELL_TEXT:
        *(const char **)member = rows_text(rows, row, column);
        break;
    case CELL_INT:
        *(int64_t *)member = rows_int(rows, row, column);
        break;
    case CELL_BOOL:
        *(bool *)member = rows_bool(rows, row, column);
        break;
    case CELL_MOMENT:
        *(moment *)member = rows_moment(rows, row, column);
        break;
    case CELL_DOUBLE:
        *(double *)member = rows_double(rows, row, column);
        break;
    }
}

void *cells_read(struct arena *arena, const struct rows *rows, const struct cell *table, size_t bytes)
{
    char *list = arena_array(arena, rows->count ? rows->count : 1, bytes);
    for (const struct cell *cell = table; rows->count && cell->column;
         cell++) { /* rows of no statement have no columns either */
        int column = rows_column(rows, cell->column);
        assert(column >= 0); /* the table and its statement stand side by side */
        for (size_t row = 0; row < rows->count; row++)
            cell_read(rows, row, column, cell, list + row * bytes);
    }
    return list;
}
