/* Migrations: under one lock per schema, in order, each in a transaction of its own together with its record. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "net/db_inside.h"

enum { MIGRATION_WAIT_MS = 15 * 60 * 1000 };

/* Names go into SQL as they are. */
static void assert_plain(const char *name)
{
    assert(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name));
}

/* Waits for a replica that is at it; a migration may take its time, and the others wait as long. */
static enum status lock(struct db *db, struct arena *arena, const char *schema, struct error *error)
{
    const char *sql =
        text_format(arena,
                    "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0; "
                    "select pg_advisory_lock(hashtextextended('parley.migrations.%s', 0))",
                    schema);
    return db_simple(db, NULL, sql, NULL, error);
}

static enum status applied_names(struct db *db, struct arena *arena, const char *schema, struct rows *rows,
                                 struct error *error)
{
    const char *sql = text_format(
        arena,
        "set client_min_messages = warning; create schema if not exists %s; "
        "create table if not exists %s.migrations (name text primary key, applied_at timestamptz not null); "
        "select name from %s.migrations",
        schema, schema, schema);
    return db_simple(db, arena, sql, rows, error);
}

static bool is_applied(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++)
        if (text_same(rows_text(rows, i, 0), name))
            return true;
    return false;
}

static enum status apply_in_transaction(struct db *db, struct arena *arena, const char *schema,
                                        const struct migration *migration, struct error *error)
{
    char now[MOMENT_BYTES];
    const char *record = text_format(arena, "insert into %s.migrations (name, applied_at) values ('%s', '%s')", schema,
                                     migration->name, moment_text(moment_now(), now));
    TRY(db_begin(db, error));
    TRY(db_flush(db, error));
    TRY(db_simple(db, NULL, migration->sql, NULL, error));
    TRY(db_simple(db, NULL, record, NULL, error));
    return db_commit(db, error);
}

/* A mistake in the SQL heals by no retry. */
static enum status apply(struct db *db, struct arena *arena, const char *schema, const struct migration *migration,
                         struct error *error)
{
    struct error reason = { 0 };
    enum status status = apply_in_transaction(db, arena, schema, migration, &reason);
    if (status == OK)
        return OK;
    if (strncmp(db->sqlstate, "42", 2) == 0)
        status = REJECT;
    db_rollback(db);
    return error_code(error, status, reason.code, "migration %s: %s", migration->name, reason.text);
}

static enum status apply_missing(struct db *db, struct arena *arena, const char *schema,
                                 const struct migration *migrations, size_t count, struct error *error)
{
    struct rows applied = { 0 };
    TRY(lock(db, arena, schema, error));
    TRY(applied_names(db, arena, schema, &applied, error));
    for (size_t i = 0; i < count; i++) {
        assert_plain(migrations[i].name);
        if (!is_applied(&applied, migrations[i].name))
            TRY(apply(db, arena, schema, &migrations[i], error));
    }
    return OK;
}

enum status db_migrate(struct db *db, const char *schema, const struct migration *migrations, size_t count,
                       struct error *error)
{
    assert_plain(schema);
    assert(!db->in_transaction);
    TRY(db_usable(db, error));
    struct arena *arena = arena_new(0);
    db->answer_wait_ms = MIGRATION_WAIT_MS;
    enum status status = apply_missing(db, arena, schema, migrations, count, error);
    db->answer_wait_ms = ANSWER_WAIT_MS;
    db_drop(db); /* lock and session settings go with the session */
    arena_free(arena);
    return status;
}
