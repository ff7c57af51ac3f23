/*
 * db - PostgreSQL, the only room that knows libpq (but for wire/pbrow).
 *
 * A db is one connection of one thread; it connects when first used and again after it was lost. Statements are static
 * tables, prepared once per connection. Rows are copied into the arena: nothing to free.
 *
 * A failed statement says by SQLSTATE what to do: 21, 22, 23502, 23514, 54, P0 REJECT; all else (23503, 23505, 25, 40,
 * 42, 53, 55P03, 57, 08, ...) and a lost connection (code "database_away") RETRY. After RETRY by a lost connection
 * inside a transaction, the transaction is gone: leave with the status, the skeleton asks again.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"

struct db;

/* url: postgresql://...; application names the connection. Does not connect yet. */
struct db *db_open(const char *url, const char *application);
void db_close(struct db *db); /* accepts NULL */
bool db_connected(const struct db *db);

/* Connects if need be; RETRY when it can't. */
enum status db_ready(struct db *db, struct error *error);

struct statement {
    const char *name; /* unique in the process */
    const char *sql;  /* $1 .. $n, cast where the type is not evident: $1::uuid[] */
};

/* Parameters of one statement, in order. All values are copied into the arena. */
struct params {
    struct arena *arena;
    size_t count;
    const char *values[64];
    int lengths[64];
    int formats[64];
    const char *row; /* composite type of the rows in the first one (net/db_record.h); NULL: none */
};
struct params *params_new(struct arena *arena);
void params_text(struct params *params, const char *text); /* NULL: SQL NULL; for text, uuid, enum words, jsonb */
void params_int(struct params *params, int64_t number);
void params_double(struct params *params, double number);
void params_bool(struct params *params, bool flag);
void params_moment(struct params *params, moment at); /* timestamptz; 0: SQL NULL */
void params_null(struct params *params);
void params_int_if(struct params *params, bool given, int64_t number); /* else SQL NULL */
void params_text_if(struct params *params, const char *text);          /* SQL NULL for an empty one */
/* Arrays; NULL texts and zero moments are NULL elements. */
void params_texts(struct params *params, const char *const *texts, size_t count); /* ::text[], ::uuid[], ::jsonb[] */
void params_ints(struct params *params, const int64_t *numbers, size_t count); /* ::bigint[], ::int[], ::smallint[] */
void params_bools(struct params *params, const bool *flags, size_t count);
void params_moments(struct params *params, const moment *ats, size_t count); /* ::timestamptz[] */
/* The same in binary, which the server need not parse: for the named type alone, no other cast of the parameter. */
void params_uuids(struct params *params, const char *const *texts, size_t count);   /* ::uuid[] */
void params_words(struct params *params, const char *const *texts, size_t count);   /* ::text[] */
void params_bigints(struct params *params, const int64_t *numbers, size_t count);   /* ::bigint[] */
void params_integers(struct params *params, const int64_t *numbers, size_t count);  /* ::integer[] */
void params_smallints(struct params *params, const int64_t *numbers, size_t count); /* ::smallint[] */

/* A result, whole, in the arena. Columns by number or by name (db_column once per result, not per row). */
struct rows {
    size_t count, columns;
    const char *const *names;
    const char *const *cells; /* [row * columns + column]; text form; NULL: SQL NULL */
    size_t affected;          /* rows a statement without RETURNING changed */
};
int rows_column(const struct rows *rows, const char *name);             /* -1: no such column */
const char *rows_text(const struct rows *rows, size_t row, int column); /* NULL: SQL NULL */
int64_t rows_int(const struct rows *rows, size_t row, int column);      /* 0 for NULL */
double rows_double(const struct rows *rows, size_t row, int column);
bool rows_bool(const struct rows *rows, size_t row, int column);     /* false for NULL */
moment rows_moment(const struct rows *rows, size_t row, int column); /* 0 for NULL; timestamptz columns */
/* A one-dimensional array cell ({a,b,NULL}) into texts; returns the count. */
size_t rows_texts(const struct rows *rows, size_t row, int column, struct arena *arena, const char *const **out);

/* Runs one prepared statement. params may be NULL; rows may be NULL. */
enum status db_run(struct db *db, struct arena *arena, const struct statement *statement, const struct params *params,
                   struct rows *rows, struct error *error);
/* Plain SQL without parameters, several statements allowed; for migrations and tests. */
enum status db_script(struct db *db, const char *sql, struct error *error);

/*
 * One transaction at a time. A transaction that is not committed is rolled back by db_rollback or the next db_begin.
 * Begin and commit cost no round trip of their own: the one goes with the first statement, the other with what is
 * queued.
 */
enum status db_begin(struct db *db, struct error *error);
enum status db_commit(struct db *db, struct error *error);
void db_rollback(struct db *db);
enum status db_savepoint(struct db *db, struct error *error);      /* one level: "item" */
enum status db_savepoint_back(struct db *db, struct error *error); /* undo to it */
enum status db_savepoint_release(struct db *db, struct error *error);
const char *db_sqlstate(const struct db *db); /* of the last failure; "" for none */

/*
 * Inside a transaction, for what needs no answer yet: the statement goes out in order with the next one that is run, or
 * with the commit, in one round trip. rows (may be NULL) are filled then; its failure is then the failure of that call.
 */
void db_queue(struct db *db, struct arena *arena, const struct statement *statement, const struct params *params,
              struct rows *rows);
enum status db_flush(struct db *db, struct error *error); /* runs what is queued now */

/*
 * Many single-row statements in one round trip (libpq pipeline mode), inside or outside a transaction: results in
 * order, first failure stops the rest (status of those: RETRY "not run"). Outside a transaction all steps are one: a
 * failure undoes the earlier ones too, and they say RETRY.
 */
struct db_step {
    const struct statement *statement;
    const struct params *params;
    struct rows rows;
    enum status status;
    struct error error;
};
enum status db_run_all(struct db *db, struct arena *arena, struct db_step *steps, size_t count, struct error *error);

/*
 * Numbered, forward-only migrations, applied once each under an advisory lock, recorded in <schema>.migrations. Outside
 * a transaction. REJECT: a migration's SQL is wrong, and no retry heals it. Ends the session; the next use connects
 * again.
 */
struct migration {
    const char *name; /* "0001_tables" */
    const char *sql;
};
enum status db_migrate(struct db *db, const char *schema, const struct migration *migrations, size_t count,
                       struct error *error);
