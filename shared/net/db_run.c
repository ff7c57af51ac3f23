/* Statements and their results: one by one, as a script; db_pipeline.c has many at once. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/db_inside.h"
#include "net/db_record.h"

void db_copy_rows(struct arena *arena, const PGresult *result, struct rows *rows)
{
    size_t columns = (size_t)PQnfields(result);
    size_t count = (size_t)PQntuples(result);
    size_t bytes = 0;
    for (size_t i = 0; i < columns * count; i++)
        bytes += (size_t)PQgetlength(result, (int)(i / columns), (int)(i % columns)) + 1;
    const char **names = ARENA_ARRAY(arena, const char *, columns);
    for (size_t i = 0; i < columns; i++)
        names[i] = arena_text(arena, PQfname(result, (int)i));
    const char **cells = ARENA_ARRAY(arena, const char *, columns *count);
    char *to = arena_alloc(arena, bytes);
    for (size_t i = 0; i < columns * count; i++) {
        int row = (int)(i / columns), column = (int)(i % columns);
        if (PQgetisnull(result, row, column))
            continue;
        size_t cell_bytes = (size_t)PQgetlength(result, row, column) + 1;
        cells[i] = memcpy(to, PQgetvalue(result, row, column), cell_bytes);
        to += cell_bytes;
    }
    *rows = (struct rows){ .count = count,
                           .columns = columns,
                           .names = names,
                           .cells = cells,
                           .affected = strtoul(PQcmdTuples((PGresult *)result), NULL, 10) };
}

enum status db_take_result(struct db *db, struct arena *arena, const PGresult *result, struct rows *rows,
                           struct error *error)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (rows && arena)
            db_copy_rows(arena, result, rows);
        return OK;
    case PGRES_EMPTY_QUERY:
        return OK;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        db_drop(db);
        return error_code(error, REJECT, "database_error", "COPY is not for here");
    default:
        return db_failed(db, result, error);
    }
}

/* All results of one statement or script: the last one's rows, or the first failure. */
static enum status take_results(struct db *db, struct arena *arena, struct rows *rows, struct error *error)
{
    enum status status = OK;
    for (;;) {
        CLEANUP(db_clear_result) PGresult *result = NULL;
        enum status awaited = db_await(db, &result, status == OK ? error : NULL);
        if (awaited != OK || !result)
            return status == OK ? awaited : status;
        if (status == OK)
            status = db_take_result(db, arena, result, rows, error);
        if (!db->conn)
            return status;
    }
}

enum status db_simple(struct db *db, struct arena *arena, const char *sql, struct rows *rows, struct error *error)
{
    if (!PQsendQuery(db->conn, sql))
        return db_lost(db, error);
    return take_results(db, arena, rows, error);
}

/* Where the statement is, or the empty slot where it belongs. */
static size_t slot_of(const struct db *db, const struct statement *statement)
{
    size_t slot = (size_t)(((uintptr_t)statement >> 4) * 0x9E3779B97F4A7C15u >> 40) & (PREPARED_SLOTS - 1);
    while (db->prepared[slot] && db->prepared[slot] != statement)
        slot = (slot + 1) & (PREPARED_SLOTS - 1);
    return slot;
}

static const uint32_t *row_type(const struct db *db, const char *name)
{
    for (size_t i = 0; i < db->row_count; i++)
        if (db->rows[i].name == name)
            return &db->rows[i].type;
    return NULL;
}

enum status db_know_row(struct db *db, const struct params *params, struct error *error)
{
    if (!params || !params->row || row_type(db, params->row))
        return OK;
    assert(db->row_count < ROW_TYPES_MAX);
    if (!PQsendQueryParams(db->conn, "select $1::regtype::oid", 1, NULL, &params->row, NULL, NULL, 0))
        return db_lost(db, error);
    struct rows rows = { 0 };
    TRY(take_results(db, params->arena, &rows, error));
    db->rows[db->row_count].name = params->row;
    db->rows[db->row_count++].type = (uint32_t)rows_int(&rows, 0, 0);
    return OK;
}

enum status db_prepare(struct db *db, const struct statement *statement, struct error *error)
{
    size_t slot = slot_of(db, statement);
    if (db->prepared[slot])
        return OK;
    assert(db->prepared_count < PREPARED_MAX);
    assert(strlen(statement->name) < 64); /* the server cuts longer names */
    if (!PQsendPrepare(db->conn, statement->name, statement->sql, 0, NULL))
        return db_lost(db, error);
    TRY(take_results(db, NULL, NULL, error));
    db->prepared[slot] = statement;
    db->prepared_count++;
    return OK;
}

bool db_send_prepared(const struct db *db, const struct statement *statement, const struct params *params)
{
    static const struct params none;
    const struct params *sent = params ? params : &none;
    if (sent->row)
        records_set_type(sent, *row_type(db, sent->row));
    return PQsendQueryPrepared(db->conn, statement->name, (int)sent->count, sent->values, sent->lengths, sent->formats,
                               0);
}

enum status db_run(struct db *db, struct arena *arena, const struct statement *statement, const struct params *params,
                   struct rows *rows, struct error *error)
{
    if (rows)
        *rows = (struct rows){ 0 };
    if (db->queued_count) {
        db_queue(db, arena, statement, params, rows);
        return db_flush(db, error);
    }
    TRY(db_usable(db, error));
    TRY(db_prepare(db, statement, error));
    TRY(db_know_row(db, params, error));
    if (!db_send_prepared(db, statement, params))
        return db_lost(db, error);
    return take_results(db, arena, rows, error);
}

enum status db_script(struct db *db, const char *sql, struct error *error)
{
    TRY(db_flush(db, error));
    TRY(db_usable(db, error));
    enum status status = db_simple(db, NULL, sql, NULL, error);
    if (!db->in_transaction)
        db_rollback(db); /* whatever the script has left open */
    return status;
}
