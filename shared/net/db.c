#include "net/db.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "net/db_inside.h"

enum { BACKOFF_MS_MIN = 100, BACKOFF_MS_MAX = 2000, CONNECT_WAIT_MS = BLOCK_WAIT_MS_MAX };
static_assert(BACKOFF_MS_MAX < CONNECT_WAIT_MS, "after the longest pause some time is left to connect in");

/*
 * A statement is planned once per session: planning anew for each array, as PostgreSQL would for most of ours, takes
 * longer than running them. The plan is kept: one made while a table was nearly empty must not scan it when it is
 * large, so whole-table scans are what remains when no index serves. jit: never worth its start for statements of a few
 * milliseconds.
 */
static const char session_sql[] =
    "set timezone = 'UTC'; set datestyle = 'ISO'; set idle_in_transaction_session_timeout = '2s'; "
    "set statement_timeout = '10s'; set lock_timeout = '3s'; set enable_seqscan = off; set jit = off; "
    "set plan_cache_mode = force_generic_plan";

struct db *db_open(const char *url, const char *application)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db || !(db->url = strdup(url)) || !(db->application = strdup(application)))
        abort();
    db->backoff_ms = BACKOFF_MS_MIN;
    db->answer_wait_ms = ANSWER_WAIT_MS;
    return db;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_drop(db);
    free(db->queue);
    free(db->url);
    free(db->application);
    free(db);
}

bool db_connected(const struct db *db)
{
    return db->conn != NULL;
}

const char *db_sqlstate(const struct db *db)
{
    return db->sqlstate;
}

void db_drop(struct db *db)
{
    PQfinish(db->conn);
    db->conn = NULL;
    db->transaction_lost = db->in_transaction;
    memset(db->prepared, 0, sizeof db->prepared);
    db->prepared_count = 0;
    db->row_count = 0;
}

enum status db_lost(struct db *db, struct error *error)
{
    db_drop(db);
    return error_code(error, RETRY, "database_away", "the connection to the database was lost");
}

/*
 * The primary message without DETAIL, which names the row's values. Of class 22 it quotes the value itself ("invalid
 * input syntax for type uuid:
 * ..."), which is left out; other classes quote names of ours.
 */
static void set_message(struct error *error, enum status status, const char *code, const PGresult *result,
                        const char *sqlstate)
{
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *text = message ? message : "the database failed without a word";
    const char *quote = strncmp(sqlstate, "22", 2) == 0 ? strchr(text, '"') : NULL;
    int before = quote ? (int)(quote - text) : (int)strlen(text);
    error_code(error, status, code, "%.*s%s%s (%s)", before, text, quote ? "..." : "",
               quote ? strrchr(text, '"') + 1 : "", sqlstate);
}

static bool starts_with_any(const char *sqlstate, const char *const *classes)
{
    for (; *classes; classes++)
        if (strncmp(sqlstate, *classes, strlen(*classes)) == 0)
            return true;
    return false;
}

/*
 * What the data caused is REJECT: values (22), a row touched twice by one statement (21), NOT NULL, CHECK, limits of an
 * index row (54), a RAISE of ours (P0). All else can heal, if only by a repaired schema, and is RETRY, so that nothing
 * is lost meanwhile.
 */
static enum status status_of(const char *sqlstate)
{
    static const char *const rejects[] = { "21", "22", "23502", "23514", "54", "P0", NULL };
    return starts_with_any(sqlstate, rejects) ? REJECT : RETRY;
}

/* The server ended the session (57P01-57P05, 25P03), or a prepared plan is stale (0A000, 26000) and only a new session
 * helps. */
static bool ends_session(const char *sqlstate)
{
    static const char *const ends[] = { "08", "57P0", "25P03", "0A000", "26000", NULL };
    return starts_with_any(sqlstate, ends);
}

enum status db_failed(struct db *db, const PGresult *result, struct error *error)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    strncpy(db->sqlstate, sqlstate ? sqlstate : "", SQLSTATE_BYTES - 1);
    if (!sqlstate || PQstatus(db->conn) == CONNECTION_BAD)
        return db_lost(db, error);
    enum status status = status_of(sqlstate);
    bool ends = ends_session(sqlstate);
    set_message(error, status, ends ? "database_away" : "database_error", result, db->sqlstate);
    if (ends)
        db_drop(db);
    return status;
}

static int ms_until(int64_t deadline_us)
{
    int64_t left_us = deadline_us - moment_monotonic_us();
    return left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
}

/* Waits until the socket can do one of events; false past the deadline or when the wait itself fails. */
static bool wait_socket(const PGconn *conn, short events, int64_t deadline_us, short *ready)
{
    struct pollfd poller = { .fd = PQsocket(conn), .events = events };
    int count;
    do
        count = poll(&poller, 1, ms_until(deadline_us));
    while (count < 0 && errno == EINTR);
    *ready = poller.revents;
    return count > 0;
}

static bool connect_polled(PGconn *conn, int64_t deadline_us)
{
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (PQstatus(conn) != CONNECTION_BAD && wants != PGRES_POLLING_OK) {
        short ready;
        if (wants == PGRES_POLLING_FAILED ||
            !wait_socket(conn, wants == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us, &ready))
            return false;
        wants = PQconnectPoll(conn);
    }
    return PQstatus(conn) == CONNECTION_OK;
}

/* A malformed url is told without libpq's words, which quote it with its password. */
static enum status check_url(const struct db *db, struct error *error)
{
    PQconninfoOption *options = PQconninfoParse(db->url, NULL);
    if (!options)
        return error_code(error, RETRY, "database_away", "the database's URL is malformed");
    PQconninfoFree(options);
    return OK;
}

/* libpq would write notices to stderr. */
static void ignore_notice(void *data, const char *message)
{
    (void)data;
    (void)message;
}

/* So that a machine that vanished is noticed within seconds, idle or not. */
static PGconn *connect_start(const struct db *db)
{
    const char *const names[] = { "dbname",           "application_name", "client_encoding",
                                  "keepalives",       "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", "tcp_user_timeout", NULL };
    const char *const values[] = { db->url, db->application, "UTF8", "1", "5", "2", "3", "5000", NULL };
    PGconn *conn = PQconnectStartParams(names, values, 1);
    if (conn)
        PQsetNoticeProcessor(conn, ignore_notice, NULL);
    return conn;
}

static enum status connect_once(struct db *db, int64_t deadline_us, struct error *error)
{
    TRY(check_url(db, error));
    db->conn = connect_start(db);
    if (!db->conn)
        abort();
    if (!connect_polled(db->conn, deadline_us) || PQsetnonblocking(db->conn, 1) != 0) {
        const char *why = PQerrorMessage(db->conn);
        error_code(error, RETRY, "database_away", "no connection to the database: %s",
                   *why ? why : "no answer in time");
        db_drop(db);
        return RETRY;
    }
    return db_simple(db, NULL, session_sql, NULL, error);
}

static void sleep_until(int64_t at_us)
{
    int64_t left_us = at_us - moment_monotonic_us();
    struct timespec pause = { .tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000 };
    if (left_us > 0)
        nanosleep(&pause, NULL);
}

static enum status connect_now(struct db *db, struct error *error)
{
    bool was_lost = db->transaction_lost;
    int64_t deadline_us = moment_monotonic_us() + (int64_t)CONNECT_WAIT_MS * 1000;
    sleep_until(db->connect_after_us);
    enum status status = connect_once(db, deadline_us, error);
    db->transaction_lost = was_lost;
    if (status == OK) {
        db->backoff_ms = BACKOFF_MS_MIN;
        db->connect_after_us = 0;
        return OK;
    }
    db_drop(db);
    db->connect_after_us = moment_monotonic_us() + (int64_t)db->backoff_ms * 1000;
    db->backoff_ms = db->backoff_ms * 2 > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : db->backoff_ms * 2;
    return status;
}

/*
 * A server that speaks unasked ends the session, or reloads its settings, which is rare enough to be taken for the
 * same: nothing was asked of the session, so a new one may take its place unsaid.
 */
static void drop_if_ended(struct db *db)
{
    short ready;
    if (wait_socket(db->conn, POLLIN, 0, &ready))
        db_drop(db);
}

enum status db_ready(struct db *db, struct error *error)
{
    if (db->conn && !db->in_transaction)
        drop_if_ended(db);
    return db->conn ? OK : connect_now(db, error);
}

enum status db_usable(struct db *db, struct error *error)
{
    db->sqlstate[0] = '\0';
    if (db->transaction_lost)
        return error_code(error, RETRY, "database_away", "the transaction was lost with its connection");
    return db_ready(db, error);
}

/* Sends what waits and reads what came until a result is whole. Reading while sending: else a long pipeline and its
 * answers block each other. */
static bool pump(struct db *db, int64_t deadline_us)
{
    for (;;) {
        int unsent = PQflush(db->conn);
        if (unsent < 0)
            return !PQisBusy(db->conn); /* the server's last words may be here already */
        if (unsent == 0 && !PQisBusy(db->conn))
            return true;
        short ready;
        if (!wait_socket(db->conn, (short)(POLLIN | (unsent ? POLLOUT : 0)), deadline_us, &ready))
            return false;
        if ((ready & ~POLLOUT) && !PQconsumeInput(db->conn))
            return !PQisBusy(db->conn);
    }
}

enum status db_await(struct db *db, PGresult **out, struct error *error)
{
    int64_t deadline_us = moment_monotonic_us() + (int64_t)db->answer_wait_ms * 1000;
    *out = NULL;
    if (!pump(db, deadline_us))
        return db_lost(db, error);
    *out = PQgetResult(db->conn);
    return OK;
}

void db_clear_result(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

static const struct statement begin_statement = { .name = "begin", .sql = "begin" };
static const struct statement commit_statement = { .name = "commit", .sql = "commit" };

enum status db_begin(struct db *db, struct error *error)
{
    if (db->in_transaction)
        db_rollback(db);
    TRY(db_usable(db, error));
    db->in_transaction = true;
    db_queue(db, NULL, &begin_statement, NULL, NULL);
    return OK;
}

/* The server's side of the transaction is well: it stands, or its beginning is still queued. */
static bool can_commit(const struct db *db)
{
    bool begins = db->queued_count && db->queue[0].step.statement == &begin_statement;
    return begins || PQtransactionStatus(db->conn) == PQTRANS_INTRANS;
}

enum status db_commit(struct db *db, struct error *error)
{
    assert(db->in_transaction);
    TRY(db_usable(db, error));
    if (!can_commit(db)) { /* COMMIT would roll back and call that a success */
        db_rollback(db);
        return error_code(error, RETRY, "database_error",
                          "a statement of the transaction had failed: nothing was committed");
    }
    struct db_step commit = { .statement = &commit_statement };
    enum status status = db_pipeline(db, NULL, &commit, 1, error);
    if (status != OK)
        db_rollback(db); /* of a queued statement that failed; else there is nothing left to undo */
    db->in_transaction = db->transaction_lost = false;
    return status;
}

void db_rollback(struct db *db)
{
    char sqlstate[SQLSTATE_BYTES];
    db->queued_count = 0;
    memcpy(sqlstate, db->sqlstate, sizeof sqlstate); /* the reason for the rollback is what a caller wants to know */
    if (db->conn && PQtransactionStatus(db->conn) != PQTRANS_IDLE && db_simple(db, NULL, "rollback", NULL, NULL) != OK)
        db_drop(db);
    db->in_transaction = db->transaction_lost = false;
    memcpy(db->sqlstate, sqlstate, sizeof sqlstate);
}

static enum status in_transaction(struct db *db, const char *sql, struct error *error)
{
    assert(db->in_transaction);
    TRY(db_flush(db, error));
    TRY(db_usable(db, error));
    return db_simple(db, NULL, sql, NULL, error);
}

enum status db_savepoint(struct db *db, struct error *error)
{
    return in_transaction(db, "savepoint item", error);
}

enum status db_savepoint_back(struct db *db, struct error *error)
{
    db->queued_count = 0; /* since the savepoint, which had run what was queued before it */
    return in_transaction(db, "rollback to savepoint item", error);
}

enum status db_savepoint_release(struct db *db, struct error *error)
{
    return in_transaction(db, "release savepoint item", error);
}
