/*
 * db_inside - what the files of db share with each other, and nobody else.
 *
 * A lost connection is dropped at once (db_drop): from then on conn is NULL until db_ready connects again.
 */
#pragma once
#include <libpq-fe.h>

#include "net/db.h"

enum {
    PREPARED_SLOTS = 1024, /* a power of two; a service has some hundred statements */
    PREPARED_MAX = 512,    /* at most half full, so that probes stay short */
    ROW_TYPES_MAX = 32,
    SQLSTATE_BYTES = 6,
    QUEUE_FIRST = 32,       /* statements; grows with what a transaction queues */
    ANSWER_WAIT_MS = 12000, /* past the server's own statement_timeout: the server is gone */
};

/* A statement that waits for the next one's round trip. */
struct db_queued {
    struct db_step step;
    struct arena *arena;
    struct rows *rows; /* where its rows are wanted; NULL: nowhere */
};

struct db {
    char *url, *application;
    PGconn *conn;             /* NULL: not connected */
    int64_t connect_after_us; /* monotonic; no attempt before */
    int backoff_ms;           /* before the attempt after the next failure */
    int answer_wait_ms;
    bool in_transaction;     /* between db_begin and db_commit or db_rollback, even if the connection went in between */
    bool transaction_lost;   /* ... which it did: nothing runs until db_rollback or db_begin */
    struct db_queued *queue; /* in a transaction: not sent yet */
    size_t queued_count, queue_capacity;
    char sqlstate[SQLSTATE_BYTES];
    const struct statement *prepared[PREPARED_SLOTS]; /* on this connection; open addressing by pointer */
    size_t prepared_count;
    struct {
        const char *name;
        uint32_t type;
    } rows[ROW_TYPES_MAX]; /* the server's numbers of composite types */
    size_t row_count;
};

/* Forgets the connection and what was prepared on it. */
void db_drop(struct db *db);
/* Drops the connection and says so: RETRY, database_away. */
enum status db_lost(struct db *db, struct error *error);
/* What a failed result asks for; drops the connection when it is one that can't be used again. */
enum status db_failed(struct db *db, const PGresult *result, struct error *error);

/* Runs what is queued and then the steps, of which there may be none. */
enum status db_pipeline(struct db *db, struct arena *arena, struct db_step *steps, size_t count, struct error *error);

/* Connected, and not inside a transaction that was lost. */
enum status db_usable(struct db *db, struct error *error);

/* The next result of what was sent, NULL at the end of one statement's. RETRY when none comes. The caller clears it. */
enum status db_await(struct db *db, PGresult **out, struct error *error);

/* Sends SQL without parameters and takes all results; rows (may be NULL) are the last one's. Connection and transaction
 * are the caller's care. */
enum status db_simple(struct db *db, struct arena *arena, const char *sql, struct rows *rows, struct error *error);
void db_copy_rows(struct arena *arena, const PGresult *result, struct rows *rows);
/* One result into rows, or its failure. */
enum status db_take_result(struct db *db, struct arena *arena, const PGresult *result, struct rows *rows,
                           struct error *error);
/* On this connection, once. */
enum status db_prepare(struct db *db, const struct statement *statement, struct error *error);
/* Before statements with such parameters are sent: the number of their rows' type, once per connection. */
enum status db_know_row(struct db *db, const struct params *params, struct error *error);
bool db_send_prepared(const struct db *db, const struct statement *statement, const struct params *params);
void db_clear_result(PGresult **result); /* for CLEANUP */
