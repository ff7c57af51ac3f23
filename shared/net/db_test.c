#include "base/test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "net/db_inside.h"
#include "net/db_record.h"

#include "../../tests/support/private_postgres.c"

static const char *url;

struct fixture {
    struct arena *arena;
    struct db *db;
    struct error error;
};

static int start_server(void **state)
{
    (void)state;
    url = private_postgres_start();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    private_postgres_stop();
    return 0;
}

static int open_one(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new(0);
    fixture->db = db_open(url, "db_test");
    *state = fixture;
    const char *sql = "drop table if exists things; create table things (id int primary key, name text not null)";
    return db_script(fixture->db, sql, NULL) == OK ? 0 : -1;
}

static int close_one(void **state)
{
    struct fixture *fixture = *state;
    db_close(fixture->db);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct rows run(struct fixture *fixture, const struct statement *statement, const struct params *params)
{
    struct rows rows;
    if (db_run(fixture->db, fixture->arena, statement, params, &rows, &fixture->error) != OK)
        fail_msg("%s: %s", statement->name, fixture->error.text);
    return rows;
}

static struct params *number_and_text(struct fixture *fixture, int64_t number, const char *text)
{
    struct params *params = params_new(fixture->arena);
    params_int(params, number);
    params_text(params, text);
    return params;
}

static const struct statement insert_thing = { "insert_thing", "insert into things (id, name) values ($1, $2)" };
static const struct statement count_things = { "count_things", "select count(*) from things" };
static const struct statement my_backend = { "my_backend", "select pg_backend_pid()" };
static const struct statement end_myself = { "end_myself", "select pg_terminate_backend(pg_backend_pid())" };
static const struct statement how_many_prepared = { "how_many_prepared",
                                                    "select count(*) from pg_prepared_statements" };

static int64_t things(struct fixture *fixture)
{
    struct rows rows = run(fixture, &count_things, NULL);
    return rows_int(&rows, 0, 0);
}

static void values_of_every_type_come_back_as_they_went(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement echo = {
        "echo",
        "select $1::text as a, $2::bigint as b, $3::double precision as c, $4::boolean as d, $5::timestamptz as e, $6::uuid as f, "
        "$7::jsonb as g, $8::text as nothing"
    };
    struct params *params = params_new(fixture->arena);
    params_text(params, "আমি বাংলায় 'লিখি' \\ \"\n");
    params_int(params, INT64_MIN);
    params_double(params, 0.1);
    params_bool(params, true);
    params_moment(params, 1795167480123);
    params_text(params, "018f4e3a-5b6c-7d8e-9f00-112233445566");
    params_text(params, "{\"a\": 1.10}");
    params_null(params);
    struct rows rows = run(fixture, &echo, params);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.columns, 8);
    assert_string_equal(rows_text(&rows, 0, rows_column(&rows, "a")), "আমি বাংলায় 'লিখি' \\ \"\n");
    assert_true(rows_int(&rows, 0, rows_column(&rows, "b")) == INT64_MIN);
    assert_true(rows_double(&rows, 0, 2) >= 0.1 && rows_double(&rows, 0, 2) <= 0.1);
    assert_true(rows_bool(&rows, 0, 3));
    assert_true(rows_moment(&rows, 0, 4) == 1795167480123);
    assert_string_equal(rows_text(&rows, 0, 5), "018f4e3a-5b6c-7d8e-9f00-112233445566");
    assert_string_equal(rows_text(&rows, 0, 6), "{\"a\": 1.10}");
    assert_null(rows_text(&rows, 0, rows_column(&rows, "nothing")));
    assert_int_equal(rows_column(&rows, "nobody"), -1);
}

static void moments_are_read_whatever_their_fraction(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement moments = {
        "moments",
        "select '2026-11-20 09:38:00.123456+00'::timestamptz, '2026-11-20 15:08:00.1+05:30'::timestamptz, "
        "'2026-11-20 09:38:00+00'::timestamptz, '1969-12-31 23:59:59.5+00'::timestamptz, 'infinity'::timestamptz, "
        "'0044-03-15 12:00:00 BC'::timestamptz, null::timestamptz"
    };
    struct rows rows = run(fixture, &moments, NULL);
    assert_true(rows_moment(&rows, 0, 0) == 1795167480123);
    assert_true(rows_moment(&rows, 0, 1) == 1795167480100);
    assert_true(rows_moment(&rows, 0, 2) == 1795167480000);
    assert_true(rows_moment(&rows, 0, 3) == -500);
    for (int column = 4; column < 7; column++)
        assert_true(rows_moment(&rows, 0, column) == 0);
}

static void arrays_of_text_keep_quotes_braces_and_nulls(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement one_by_one = {
        "one_by_one", "select x from unnest($1::text[]) with ordinality as u(x, n) order by n"
    };
    const char *const sent[] = { "a",  "",   NULL,   "NULL", "null",         "{}",         "a,b",
                                 "\"", "\\", "\\\"", " x ",  "বাংলা, \"ক\"", "line\nline", "{\"a\":[1,2]}" };
    size_t count = sizeof sent / sizeof *sent;
    struct params *params = params_new(fixture->arena);
    params_texts(params, sent, count);
    struct rows rows = run(fixture, &one_by_one, params);
    assert_int_equal(rows.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(text_same(rows_text(&rows, i, 0), sent[i]));
    static const struct statement whole = { "whole", "select $1::text[]" };
    rows = run(fixture, &whole, params);
    const char *const *back;
    assert_int_equal(rows_texts(&rows, 0, 0, fixture->arena, &back), count);
    for (size_t i = 0; i < count; i++)
        assert_true(text_same(back[i], sent[i]));
}

static void arrays_of_numbers_flags_and_moments_go_in(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement rows_of = {
        "rows_of", "select * from unnest($1::bigint[], $2::boolean[], $3::timestamptz[], $4::text[]) as u(n, b, t, x)"
    };
    struct params *params = params_new(fixture->arena);
    params_ints(params, (int64_t[]){ INT64_MIN, -1, INT64_MAX }, 3);
    params_bools(params, (bool[]){ true, false, true }, 3);
    params_moments(params, (moment[]){ 1, 0, 1795167480123 }, 3);
    params_texts(params, NULL, 0);
    struct rows rows = run(fixture, &rows_of, params);
    assert_int_equal(rows.count, 3);
    assert_true(rows_int(&rows, 0, 0) == INT64_MIN && rows_int(&rows, 1, 0) == -1 &&
                rows_int(&rows, 2, 0) == INT64_MAX);
    assert_true(rows_bool(&rows, 0, 1) && !rows_bool(&rows, 1, 1) && rows_bool(&rows, 2, 1));
    assert_true(rows_moment(&rows, 0, 2) == 1 && rows_moment(&rows, 2, 2) == 1795167480123);
    assert_null(rows_text(&rows, 1, 2));
}

static void arrays_in_binary_say_what_the_same_texts_say(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement both = {
        "both_forms",
        "select $1::uuid[] = $2::uuid[], $3::text[] = $4::text[], $5::bigint[] = $6::bigint[], $7::smallint[] = $8::smallint[],"
        " $1::uuid[], cardinality($9::uuid[]), cardinality($10::text[]), $11::integer[]"
    };
    const char *const ids[] = { "018f4e3a-5b6c-7d8e-9f00-112233445566", NULL, "FFFFFFFF-0000-4000-8000-00000000000A" };
    const char *const words[] = { "", NULL, "NULL", "\"a\", {b}\\", "বাংলা" };
    const int64_t big[] = { INT64_MIN, -1, 0, INT64_MAX }, small[] = { INT16_MIN, -1, 0, INT16_MAX };
    struct params *params = params_new(fixture->arena);
    params_uuids(params, ids, 3);
    params_texts(params, ids, 3);
    params_words(params, words, 5);
    params_texts(params, words, 5);
    params_bigints(params, big, 4);
    params_ints(params, big, 4);
    params_smallints(params, small, 4);
    params_ints(params, small, 4);
    params_uuids(params, NULL, 0);
    params_words(params, NULL, 0);
    params_integers(params, (const int64_t[]){ INT32_MIN, -1, INT32_MAX }, 3);
    struct rows rows = run(fixture, &both, params);
    assert_string_equal(rows_text(&rows, 0, 7), "{-2147483648,-1,2147483647}");
    for (int column = 0; column < 4; column++)
        assert_true(rows_bool(&rows, 0, column));
    assert_string_equal(rows_text(&rows, 0, 4),
                        "{018f4e3a-5b6c-7d8e-9f00-112233445566,NULL,ffffffff-0000-4000-8000-00000000000a}");
    assert_true(rows_int(&rows, 0, 5) == 0 && rows_int(&rows, 0, 6) == 0);
}

static void what_is_no_uuid_is_refused_by_the_server(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement ids = { "no_uuids", "select $1::uuid[]" };
    struct params *params = params_new(fixture->arena);
    params_uuids(params, (const char *const[]){ "018f4e3a-5b6c-7d8e-9f00-112233445566", "nobody" }, 2);
    struct error error = { 0 };
    assert_int_equal(db_run(fixture->db, fixture->arena, &ids, params, NULL, &error), REJECT);
    assert_string_equal(db_sqlstate(fixture->db), "22P02");
}

static void rows_go_in_as_one_parameter(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement read = {
        "read_rows", "select id, words, big, small, flag, at, free, strict ->> 'k', $2::int "
                     "from unnest($1::test_row[]) with ordinality as r(id, words, big, small, flag, "
                     "at, free, strict, place) order by place"
    };
    struct error error = { 0 };
    db_script(fixture->db, "drop type if exists test_row", NULL);
    assert_int_equal(db_script(fixture->db,
                               "create type test_row as (id uuid, words text, big bigint, small int, flag bool, "
                               "at timestamptz, free json, strict jsonb)",
                               &error),
                     OK);
    struct records *records = records_new(fixture->arena, 3);
    RECORD_UUIDS(records, i, i ? NULL : "018F4E3A-5b6c-7d8e-9f00-112233445566");
    RECORD_TEXTS(records, i, ((const char *const[]){ "\"(a, b)\\", "", NULL }[i]));
    RECORD_BIGINTS(records, i, ((const int64_t[]){ INT64_MAX, -1, RECORD_NULL }[i]));
    RECORD_INTEGERS(records, i, ((const int64_t[]){ INT32_MIN, INT32_MAX, RECORD_NULL }[i]));
    RECORD_BOOLS(records, i, i == 1);
    RECORD_MOMENTS(records, i, ((const moment[]){ 1, 1700000000123, 0 }[i]));
    RECORD_JSONS(records, i, i == 2 ? NULL : "{\"b\": 1,  \"a\": \"বাংলা\"}");
    RECORD_JSONBS(records, i, i == 2 ? NULL : "{\"k\":\"v\"}");
    struct params *params = params_new(fixture->arena);
    params_records(params, records, "test_row");
    params_int(params, 7);
    struct rows rows = run(fixture, &read, params);
    assert_true(rows.count == 3 && rows_int(&rows, 2, 8) == 7);
    assert_string_equal(rows_text(&rows, 0, 0), "018f4e3a-5b6c-7d8e-9f00-112233445566");
    assert_string_equal(rows_text(&rows, 0, 1), "\"(a, b)\\");
    assert_string_equal(rows_text(&rows, 1, 1), "");
    assert_true(rows_int(&rows, 0, 2) == INT64_MAX && rows_int(&rows, 1, 2) == -1);
    assert_true(rows_int(&rows, 0, 3) == INT32_MIN && rows_int(&rows, 1, 3) == INT32_MAX);
    assert_true(!rows_bool(&rows, 0, 4) && rows_bool(&rows, 1, 4));
    assert_true(rows_moment(&rows, 0, 5) == 1 && rows_moment(&rows, 1, 5) == 1700000000123);
    assert_string_equal(rows_text(&rows, 0, 6), "{\"b\": 1,  \"a\": \"বাংলা\"}");
    assert_string_equal(rows_text(&rows, 1, 7), "v");
    for (int column = 0; column < 8; column++)
        assert_true((rows_text(&rows, 2, column) == NULL) == (column != 4));
}

static void array_cells_with_bounds_or_nothing_are_read(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement odd = {
        "odd", "select '[3:4]={a,\"b c\"}'::text[], '{}'::text[], null::text[], '{7,NULL,-8}'::int[]"
    };
    struct rows rows = run(fixture, &odd, NULL);
    const char *const *texts;
    assert_int_equal(rows_texts(&rows, 0, 0, fixture->arena, &texts), 2);
    assert_string_equal(texts[1], "b c");
    assert_int_equal(rows_texts(&rows, 0, 1, fixture->arena, &texts), 0);
    assert_int_equal(rows_texts(&rows, 0, 2, fixture->arena, &texts), 0);
    assert_int_equal(rows_texts(&rows, 0, 3, fixture->arena, &texts), 3);
    assert_string_equal(texts[0], "7");
    assert_null(texts[1]);
    assert_string_equal(texts[2], "-8");
}

static void a_failure_says_what_to_do_and_names_no_data(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        struct statement statement;
        enum status status;
        const char *sqlstate;
    } failures[] = {
        { { "f1", "select 'Karim \"K\" Uddin'::int" }, REJECT, "22P02" },
        { { "f2", "insert into things values (1, null)" }, REJECT, "23502" },
        { { "f3", "insert into things values (1, 'x'), (1, 'y')" }, RETRY, "23505" },
        { { "f4", "select nobody from things" }, RETRY, "42703" },
        { { "f5", "select 1 / 0" }, REJECT, "22012" },
    };
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct error error = { 0 };
        assert_int_equal(db_run(fixture->db, fixture->arena, &failures[i].statement, NULL, NULL, &error),
                         failures[i].status);
        assert_string_equal(db_sqlstate(fixture->db), failures[i].sqlstate);
        assert_string_equal(error.code, "database_error");
        assert_null(strstr(error.text, "(1, "));
        assert_null(strstr(error.text, "Karim"));
        assert_null(strchr(error.text, '\n'));
    }
    run(fixture, &count_things, NULL);
    assert_string_equal(db_sqlstate(fixture->db), "");
}

static void a_statement_of_the_wrong_data_leaves_the_connection_usable(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement cast = { "cast", "select $1::uuid" };
    struct params *params = params_new(fixture->arena);
    params_text(params, "no uuid");
    for (int i = 0; i < 3; i++)
        assert_int_equal(db_run(fixture->db, fixture->arena, &cast, params, NULL, &fixture->error), REJECT);
    assert_int_equal(things(fixture), 0);
}

static void rows_changed_are_counted(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement fill = { "fill", "insert into things select n, 'x' from generate_series(1, 7) n" };
    static const struct statement some = { "some", "update things set name = 'y' where id > 4" };
    assert_int_equal(run(fixture, &fill, NULL).affected, 7);
    assert_int_equal(run(fixture, &some, NULL).affected, 3);
}

static void a_session_is_in_utc_with_time_limits(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement session = {
        "session",
        "select current_setting('timezone'), current_setting('statement_timeout'), current_setting('lock_timeout'), "
        "current_setting('idle_in_transaction_session_timeout'), current_setting('application_name')"
    };
    struct rows rows = run(fixture, &session, NULL);
    static const char *const wanted[] = { "UTC", "10s", "3s", "2s", "db_test" };
    for (int column = 0; column < 5; column++)
        assert_string_equal(rows_text(&rows, 0, column), wanted[column]);
}

static void a_lost_connection_is_retry_and_then_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct rows rows = run(fixture, &my_backend, NULL);
    int64_t before = rows_int(&rows, 0, 0);
    assert_int_equal(db_run(fixture->db, fixture->arena, &end_myself, NULL, NULL, &fixture->error), RETRY);
    assert_string_equal(fixture->error.code, "database_away");
    assert_false(db_connected(fixture->db));
    rows = run(fixture, &my_backend, NULL);
    assert_true(rows_int(&rows, 0, 0) != before);
    rows = run(fixture, &how_many_prepared, NULL);
    assert_int_equal(rows_int(&rows, 0, 0), 2);
}

static void terminate(int64_t backend)
{
    struct db *other = db_open(url, "terminator");
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    assert_int_equal(
        db_script(other, text_format(arena, "select pg_terminate_backend(%d, 5000)", (int)backend), &error), OK);
    db_close(other);
    arena_free(arena);
}

static void a_session_that_ended_while_idle_is_replaced_unsaid(void **state)
{
    struct fixture *fixture = *state;
    struct rows rows = run(fixture, &my_backend, NULL);
    terminate(rows_int(&rows, 0, 0));
    run(fixture, &my_backend, NULL);
}

static void a_transaction_lost_with_its_connection_runs_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 1, "lost"));
    struct rows rows = run(fixture, &my_backend, NULL);
    terminate(rows_int(&rows, 0, 0));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(db_run(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 2, "outside"),
                                NULL, &fixture->error),
                         RETRY);
        assert_string_equal(fixture->error.code, "database_away");
    }
    assert_int_equal(db_savepoint(fixture->db, &fixture->error), RETRY);
    assert_int_equal(db_commit(fixture->db, &fixture->error), RETRY);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 0);
    run(fixture, &insert_thing, number_and_text(fixture, 3, "kept"));
    assert_int_equal(db_commit(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 1);
}

static void a_transaction_that_idles_too_long_is_lost(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_script(fixture->db, "set idle_in_transaction_session_timeout = 50", NULL), OK);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    assert_int_equal(db_flush(fixture->db, &fixture->error), OK);
    struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
    nanosleep(&pause, NULL); /* the event waited for is the server's own clock */
    assert_int_equal(db_run(fixture->db, fixture->arena, &count_things, NULL, NULL, &fixture->error), RETRY);
    db_rollback(fixture->db);
    assert_int_equal(things(fixture), 0);
}

static void what_is_not_committed_is_undone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 1, "a"));
    db_rollback(fixture->db);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 2, "b"));
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 0);
    assert_int_equal(db_commit(fixture->db, &fixture->error), OK);
}

static void a_commit_after_a_failed_statement_is_no_success(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 1, "a"));
    assert_int_equal(
        db_run(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 1, "a"), NULL, &fixture->error),
        RETRY);
    assert_int_equal(db_commit(fixture->db, &fixture->error), RETRY);
    assert_string_equal(db_sqlstate(fixture->db), "");
    assert_int_equal(things(fixture), 0);
}

static void a_constraint_checked_at_commit_fails_the_commit(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_script(fixture->db,
                               "alter table things add constraint late unique (name) deferrable initially deferred",
                               NULL),
                     OK);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 1, "same"));
    run(fixture, &insert_thing, number_and_text(fixture, 2, "same"));
    assert_int_equal(db_commit(fixture->db, &fixture->error), RETRY);
    assert_string_equal(db_sqlstate(fixture->db), "23505");
    assert_int_equal(things(fixture), 0);
}

static void a_savepoint_undoes_one_item_alone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(db_savepoint(fixture->db, &fixture->error), OK);
        bool poisoned = i == 2;
        enum status status = db_run(fixture->db, fixture->arena, &insert_thing,
                                    number_and_text(fixture, i, poisoned ? NULL : "x"), NULL, &fixture->error);
        assert_int_equal(status, poisoned ? REJECT : OK);
        if (poisoned)
            assert_int_equal(db_savepoint_back(fixture->db, &fixture->error), OK);
        assert_int_equal(db_savepoint_release(fixture->db, &fixture->error), OK);
    }
    assert_int_equal(db_commit(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 3);
}

static void what_is_queued_runs_before_the_next_statement_and_with_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct rows counted;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 1, "a"), NULL);
    db_queue(fixture->db, fixture->arena, &count_things, NULL, &counted);
    assert_int_equal(counted.count, 0);
    run(fixture, &insert_thing, number_and_text(fixture, 2, "b"));
    assert_int_equal(rows_int(&counted, 0, 0), 1);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 3, "c"), NULL);
    assert_int_equal(db_commit(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 3);
}

static void a_queued_statement_that_fails_fails_the_commit_and_all_is_undone(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    run(fixture, &insert_thing, number_and_text(fixture, 1, "a"));
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 1, "a"), NULL);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 2, NULL), NULL);
    assert_int_equal(db_commit(fixture->db, &fixture->error), RETRY);
    assert_string_equal(db_sqlstate(fixture->db), "23505");
    assert_int_equal(things(fixture), 0);
}

static void what_was_queued_since_a_savepoint_goes_with_it(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 1, "a"), NULL);
    assert_int_equal(db_savepoint(fixture->db, &fixture->error), OK);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 2, "b"), NULL);
    assert_int_equal(db_savepoint_back(fixture->db, &fixture->error), OK);
    assert_int_equal(db_savepoint_release(fixture->db, &fixture->error), OK);
    assert_int_equal(db_commit(fixture->db, &fixture->error), OK);
    assert_int_equal(things(fixture), 1);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    db_queue(fixture->db, fixture->arena, &insert_thing, number_and_text(fixture, 3, "c"), NULL);
    db_rollback(fixture->db);
    assert_int_equal(things(fixture), 1);
}

static struct db_step *insert_steps(struct fixture *fixture, size_t count, size_t poisoned)
{
    struct db_step *steps = ARENA_ARRAY(fixture->arena, struct db_step, count);
    for (size_t i = 0; i < count; i++) {
        steps[i].statement = &insert_thing;
        steps[i].params = number_and_text(fixture, (int64_t)i, i == poisoned ? NULL : "x");
    }
    return steps;
}

static void many_statements_run_in_one_round_trip(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 300 };
    struct db_step *steps = insert_steps(fixture, COUNT, COUNT);
    steps[COUNT - 1] = (struct db_step){ .statement = &count_things };
    assert_int_equal(db_run_all(fixture->db, fixture->arena, steps, COUNT, &fixture->error), OK);
    for (size_t i = 0; i < COUNT - 1; i++)
        assert_true(steps[i].status == OK && steps[i].rows.affected == 1);
    assert_int_equal(rows_int(&steps[COUNT - 1].rows, 0, 0), COUNT - 1);
    assert_int_equal(db_run_all(fixture->db, fixture->arena, NULL, 0, &fixture->error), OK);
    assert_int_equal(things(fixture), COUNT - 1);
}

static void the_first_failure_stops_the_steps_after_it(void **state)
{
    struct fixture *fixture = *state;
    struct db_step *steps = insert_steps(fixture, 4, 2);
    assert_int_equal(db_begin(fixture->db, &fixture->error), OK);
    assert_int_equal(db_run_all(fixture->db, fixture->arena, steps, 4, &fixture->error), REJECT);
    assert_int_equal(steps[1].status, OK);
    assert_int_equal(steps[2].status, REJECT);
    assert_int_equal(steps[3].status, RETRY);
    assert_string_equal(steps[3].error.code, "not_run");
    assert_string_equal(db_sqlstate(fixture->db), "23502");
    db_rollback(fixture->db);
    assert_int_equal(db_run_all(fixture->db, fixture->arena, steps, 4, &fixture->error), REJECT);
    assert_int_equal(steps[1].status, RETRY); /* the steps were one transaction */
    assert_int_equal(steps[2].status, REJECT);
    assert_int_equal(things(fixture), 0);
}

static void a_pipeline_larger_than_every_socket_buffer_passes(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 40, TEXT_BYTES = 200 * 1000 };
    static const struct statement echo_large = { "echo_large", "select $1::text" };
    char *text = arena_alloc(fixture->arena, TEXT_BYTES + 1);
    memset(text, 'x', TEXT_BYTES);
    struct params *params = params_new(fixture->arena);
    params_text(params, text);
    struct db_step steps[COUNT] = { 0 };
    for (size_t i = 0; i < COUNT; i++)
        steps[i] = (struct db_step){ .statement = &echo_large, .params = params };
    assert_int_equal(db_run_all(fixture->db, fixture->arena, steps, COUNT, &fixture->error), OK);
    assert_int_equal(strlen(rows_text(&steps[COUNT - 1].rows, 0, 0)), TEXT_BYTES);
}

static void a_connection_lost_inside_a_pipeline_is_retry_for_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct db_step *steps = insert_steps(fixture, 4, 4);
    steps[2] = (struct db_step){ .statement = &end_myself };
    assert_int_equal(db_run_all(fixture->db, fixture->arena, steps, 4, &fixture->error), RETRY);
    assert_string_equal(fixture->error.code, "database_away");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(steps[i].status, RETRY);
    assert_int_equal(things(fixture), 0);
}

static void a_stale_plan_costs_one_retry(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement all = { "all_things", "select * from things" };
    run(fixture, &all, NULL);
    assert_int_equal(db_script(fixture->db, "alter table things add column more text", NULL), OK);
    assert_int_equal(db_run(fixture->db, fixture->arena, &all, NULL, NULL, &fixture->error), RETRY);
    assert_int_equal(run(fixture, &all, NULL).columns, 3);
}

static void a_script_leaves_no_transaction_open(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(db_script(fixture->db, "begin; insert into things values (1, 'x'); select 1/0", &fixture->error),
                     REJECT);
    assert_string_equal(db_sqlstate(fixture->db), "22012");
    assert_int_equal(things(fixture), 0);
    assert_int_equal(db_script(fixture->db, "copy things to stdout", &fixture->error), REJECT);
    assert_int_equal(db_script(fixture->db, "do $$ begin raise notice 'hush'; end $$", &fixture->error), OK);
}

static void a_server_that_refuses_is_retry_at_once(void **state)
{
    (void)state;
    struct db *db = db_open("postgresql://postgres:geheim@127.0.0.1:1/postgres", "db_test");
    struct error error = { 0 };
    int64_t before_us = moment_monotonic_us();
    assert_int_equal(db_ready(db, &error), RETRY);
    assert_true(moment_monotonic_us() - before_us < 1000 * 1000);
    assert_string_equal(error.code, "database_away");
    assert_null(strstr(error.text, "geheim"));
    assert_int_equal(db_ready(db, &error), RETRY);
    assert_true(moment_monotonic_us() - before_us >= 100 * 1000); /* the second attempt made its pause */
    db_close(db);
}

static void a_malformed_url_is_told_without_its_password(void **state)
{
    (void)state;
    struct db *db = db_open("postgres//user:geheim@host", "db_test");
    struct error error = { 0 };
    assert_int_equal(db_ready(db, &error), RETRY);
    assert_null(strstr(error.text, "geheim"));
    db_close(db);
    db_close(NULL);
}

/* Takes connections and never says a word. */
static int listen_mutely(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

static void a_server_that_says_nothing_costs_three_seconds_at_most(void **state)
{
    struct fixture *fixture = *state;
    int port;
    int listener = listen_mutely(&port);
    struct db *db =
        db_open(text_format(fixture->arena, "postgresql://postgres@127.0.0.1:%d/postgres", port), "db_test");
    int64_t before_us = moment_monotonic_us();
    assert_int_equal(db_ready(db, &fixture->error), RETRY);
    int64_t took_us = moment_monotonic_us() - before_us;
    assert_true(took_us > 2500 * 1000 && took_us < 3500 * 1000);
    db_close(db);
    close(listener);
}

static void a_server_that_hangs_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement slow = { "slow", "select pg_sleep(5)" };
    run(fixture, &count_things, NULL);
    fixture->db->answer_wait_ms = 200;
    int64_t before_us = moment_monotonic_us();
    assert_int_equal(db_run(fixture->db, fixture->arena, &slow, NULL, NULL, &fixture->error), RETRY);
    assert_true(moment_monotonic_us() - before_us < 2000 * 1000);
    assert_string_equal(fixture->error.code, "database_away");
    fixture->db->answer_wait_ms = ANSWER_WAIT_MS;
    assert_int_equal(things(fixture), 0);
}

static const struct migration migrations[] = {
    { "0001_tables", "create table migrated.numbers (n int); insert into migrated.numbers values (1)" },
    { "0002_more", "insert into migrated.numbers values (2); select pg_sleep(0.05)" },
    { "0003_last", "alter table migrated.numbers add column m int" },
};

static void *migrate(void *result)
{
    struct db *db = db_open(url, "migrator");
    *(enum status *)result = db_migrate(db, "migrated", migrations, 3, NULL);
    db_close(db);
    return NULL;
}

static void migrations_of_four_replicas_apply_once(void **state)
{
    struct fixture *fixture = *state;
    static const struct statement numbers = { "numbers", "select count(*) from migrated.numbers" };
    static const struct statement names = { "names", "select count(*) from migrated.migrations" };
    pthread_t threads[4];
    enum status results[4] = { REJECT, REJECT, REJECT, REJECT };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate, &results[i]), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(results[i], OK);
    struct rows rows = run(fixture, &numbers, NULL);
    assert_int_equal(rows_int(&rows, 0, 0), 2);
    rows = run(fixture, &names, NULL);
    assert_int_equal(rows_int(&rows, 0, 0), 3);
}

static void a_migration_that_fails_leaves_nothing_and_stops(void **state)
{
    struct fixture *fixture = *state;
    static const struct migration broken[] = {
        { "0001_good", "create table broken.kept (n int)" },
        { "0002_bad", "create table broken.gone (n int); selec 1" },
        { "0003_never", "create table broken.never (n int)" },
    };
    static const struct statement tables = {
        "tables", "select table_name from information_schema.tables where table_schema = 'broken' order by 1"
    };
    assert_int_equal(db_migrate(fixture->db, "broken", broken, 3, &fixture->error), REJECT);
    assert_non_null(strstr(fixture->error.text, "0002_bad"));
    struct rows rows = run(fixture, &tables, NULL);
    assert_int_equal(rows.count, 2);
    assert_string_equal(rows_text(&rows, 0, 0), "kept");
    assert_string_equal(rows_text(&rows, 1, 0), "migrations");
    assert_int_equal(db_migrate(fixture->db, "broken", broken, 1, &fixture->error), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_every_type_come_back_as_they_went),
        TEST(moments_are_read_whatever_their_fraction),
        TEST(arrays_of_text_keep_quotes_braces_and_nulls),
        TEST(arrays_of_numbers_flags_and_moments_go_in),
        TEST(arrays_in_binary_say_what_the_same_texts_say),
        TEST(what_is_no_uuid_is_refused_by_the_server),
        TEST(rows_go_in_as_one_parameter),
        TEST(array_cells_with_bounds_or_nothing_are_read),
        TEST(a_failure_says_what_to_do_and_names_no_data),
        TEST(a_statement_of_the_wrong_data_leaves_the_connection_usable),
        TEST(rows_changed_are_counted),
        TEST(a_session_is_in_utc_with_time_limits),
        TEST(a_lost_connection_is_retry_and_then_made_again),
        TEST(a_session_that_ended_while_idle_is_replaced_unsaid),
        TEST(a_transaction_lost_with_its_connection_runs_nothing_more),
        TEST(a_transaction_that_idles_too_long_is_lost),
        TEST(what_is_not_committed_is_undone),
        TEST(a_commit_after_a_failed_statement_is_no_success),
        TEST(a_constraint_checked_at_commit_fails_the_commit),
        TEST(a_savepoint_undoes_one_item_alone),
        TEST(what_is_queued_runs_before_the_next_statement_and_with_the_commit),
        TEST(a_queued_statement_that_fails_fails_the_commit_and_all_is_undone),
        TEST(what_was_queued_since_a_savepoint_goes_with_it),
        TEST(many_statements_run_in_one_round_trip),
        TEST(the_first_failure_stops_the_steps_after_it),
        TEST(a_pipeline_larger_than_every_socket_buffer_passes),
        TEST(a_connection_lost_inside_a_pipeline_is_retry_for_the_rest),
        TEST(a_stale_plan_costs_one_retry),
        TEST(a_script_leaves_no_transaction_open),
        TEST(a_server_that_refuses_is_retry_at_once),
        TEST(a_malformed_url_is_told_without_its_password),
        TEST(a_server_that_says_nothing_costs_three_seconds_at_most),
        TEST(a_server_that_hangs_is_given_up),
        TEST(migrations_of_four_replicas_apply_once),
        TEST(a_migration_that_fails_leaves_nothing_and_stops),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
