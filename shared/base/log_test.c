#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/moment.h"

static int ends[2], stderr_before;
static char got[16384];

/* stderr goes into a pipe from here to lines_end. */
static void lines_begin(void)
{
    assert_int_equal(pipe(ends), 0);
    stderr_before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static const char *lines_end(void)
{
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    size_t bytes = 0;
    for (ssize_t more; (more = read(ends[0], got + bytes, sizeof got - 1 - bytes)) > 0;)
        bytes += (size_t)more;
    got[bytes] = '\0';
    close(ends[0]);
    return got;
}

static int freeze(void **state)
{
    (void)state;
    moment_freeze(1763631480123);
    log_open("gate");
    return (int)log_level_set("info", NULL);
}

#define HEAD "time=2025-11-20T09:38:00.123Z level=info service=gate msg="

static void a_line_holds_time_level_service_message_and_pairs(void **state)
{
    (void)state;
    lines_begin();
    log_line(LOG_INFO, "job done", "job", "j-1", "absent", NULL, "ms", "12", NULL);
    assert_string_equal(lines_end(), HEAD "\"job done\" job=j-1 ms=12\n");
}

static void a_value_is_quoted_when_a_reader_could_misread_it(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "plain/1.2:3", "plain/1.2:3" },
        { "", "\"\"" },
        { "a b", "\"a b\"" },
        { "a=b", "\"a=b\"" },
        { "a\"b", "\"a\\\"b\"" },
        { "a\\b", "\"a\\\\b\"" },
        { "a\nb\rc\td", "\"a\\nb\\rc\\td\"" },
        { "\x1b[0m\x7f", "\"\\u001b[0m\\u007f\"" },
        { "\xc2\x85", "\"\\u0085\"" },
        { "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"" },
        { "\xc3\xbc", "\"\xc3\xbc\"" },
        { "\xff", "\"\\ufffd\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char wanted[256];
        snprintf(wanted, sizeof wanted, HEAD "m v=%s\n", cases[i][1]);
        lines_begin();
        log_line(LOG_INFO, "m", "v", cases[i][0], NULL);
        assert_string_equal(lines_end(), wanted);
    }
}

static void a_line_below_the_level_is_not_written(void **state)
{
    (void)state;
    static const char *const names[] = { "debug", "INFO", "Warn", "error" };
    for (int min = LOG_DEBUG; min <= LOG_ERROR; min++) {
        assert_int_equal(log_level_set(names[min], NULL), OK);
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
            lines_begin();
            log_line((enum log_level)level, "x", NULL);
            assert_int_equal(*lines_end() != '\0', level >= min);
            assert_int_equal(log_enabled((enum log_level)level), level >= min);
        }
    }
    struct error error;
    assert_int_equal(log_level_set("loud", &error), REJECT);
    assert_string_equal(error.text, "a log level must be one of debug, info, warn, error");
    assert_int_equal(log_level_set(NULL, NULL), REJECT);
    assert_false(log_enabled(LOG_WARN));
}

/* Values of every length around the maximum of a line, plain and quoted, followed by another pair. */
static void a_long_line_is_cut_marked_and_still_one_line(void **state)
{
    (void)state;
    static char value[5000];
    for (size_t bytes = 3980; bytes < 4110; bytes++) {
        for (int quoted = 0; quoted < 2; quoted++) {
            memset(value, 'v', bytes);
            value[bytes] = '\0';
            value[0] = quoted ? ' ' : 'v';
            lines_begin();
            log_line(LOG_INFO, "m", "k", value, "after", "", "x", "1 2", NULL);
            const char *line = lines_end();
            size_t count = strlen(line);
            assert_in_range(count, 1, 4096);
            assert_ptr_equal(strchr(line, '\n'), line + count - 1);
            bool whole = strstr(line, " after=\"\" x=\"1 2\"\n");
            assert_true(whole || strstr(line, " ...\n"));
            int quotes = 0;
            for (const char *at = line; *at; at++)
                quotes += *at == '"';
            assert_int_equal(quotes % 2, 0);
            assert_true(!whole || count < 4096);
        }
    }
}

static void *write_many(void *letter)
{
    char value[33] = "";
    memset(value, *(char *)letter, 32);
    for (int i = 0; i < 50; i++)
        log_line(LOG_INFO, "m", "v", value, NULL);
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
    (void)state;
    static char letters[] = "ab";
    pthread_t threads[2];
    lines_begin();
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &letters[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    const char *line = lines_end();
    for (int i = 0; i < 100; i++) {
        bool is_a = strncmp(line, HEAD "m v=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", sizeof HEAD + 36) == 0;
        bool is_b = strncmp(line, HEAD "m v=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", sizeof HEAD + 36) == 0;
        assert_true(is_a || is_b);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_holds_time_level_service_message_and_pairs, freeze),
        cmocka_unit_test_setup(a_value_is_quoted_when_a_reader_could_misread_it, freeze),
        cmocka_unit_test_setup(a_line_below_the_level_is_not_written, freeze),
        cmocka_unit_test_setup(a_long_line_is_cut_marked_and_still_one_line, freeze),
        cmocka_unit_test_setup(lines_of_several_threads_do_not_mix, freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
