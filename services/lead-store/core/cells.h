/*
 * cells - rows into C structs, by a table that says which column fills which member.
 *
 * For what lead-store decides on itself; what it only shows goes by pbrow. Texts point into the rows' memory.
 */
#pragma once
#include <stddef.h>

#include "net/db.h"

enum cell_type { CELL_TEXT, CELL_INT, CELL_BOOL, CELL_MOMENT, CELL_DOUBLE };

struct cell {
    const char *column; /* NULL ends the table */
    enum cell_type type;
    size_t offset;
};

#define CELL(structure, member, kind)                                                                                  \
    {                                                                                                                  \
        .column = #member, .type = kind, .offset = offsetof(struct structure, member)                                  \
    }

/* An array of `bytes`-sized structs, one per row; NULL cells leave a member zero. */
void *cells_read(struct arena *arena, const struct rows *rows, const struct cell *table, size_t bytes);
