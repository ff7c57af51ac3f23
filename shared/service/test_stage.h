/*
 * test_stage - a private nats-server, the demo services as processes on it, and what they report.
 *
 * Included by test programs that are also the demo services.
 */
#pragma once
#include "base/test.h"

#include <pthread.h>

#include "base/limits.h"
#include "net/test_broker.h"
#include "service/process.h"
#include "service/test_demo.h"

#ifdef __SANITIZE_THREAD__
/* By itself it sleeps for a second at each exit; we measure how long a service takes to end. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "atexit_sleep_ms=0";
}
#endif

enum { WAIT_S = 10 };

static struct test_broker broker;
static struct arena *arena;
static struct bus_source *seen;

/* -- processes */

struct demo {
    pid_t pid;
    int admin;
};

static inline int http_status(int port, const char *path, char *body, size_t bytes)
{
    struct http_response response;
    struct http *http = http_open(&(struct http_options){ 0 });
    const struct http_request request = { .method = "GET",
                                          .url = text_format(arena, "http://127.0.0.1:%d%s", port, path) };
    http_call_now(http, arena, &request, &response);
    if (body)
        snprintf(body, bytes, "%s", response.body ? response.body : "");
    http_close(http);
    return (int)response.status;
}

static inline int admin_port_of(const char *path)
{
    int port = 0;
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &port) != 1)
        port = 0;
    if (file)
        fclose(file);
    return port;
}

static inline struct demo demo_launch(const char *name)
{
    struct demo demo = { 0 };
    static int number;
    const char *admin = text_format(arena, "%s/admin-%d", broker.folder, ++number);
    setenv("PARLEY_ADMIN_FILE", admin, 1);
    demo.pid = test_spawn((char *[]){ "/proc/self/exe", "--demo", text_format(arena, "%s", name), NULL },
                          text_format(arena, "%s/%s.log", broker.folder, name));
    for (int tries = 0; tries < 1000 && !(demo.admin = admin_port_of(admin)); tries++)
        test_pause_ms(10);
    return demo;
}

static inline void wait_ready(const struct demo *demo)
{
    for (int tries = 0; tries < 1000 && http_status(demo->admin, "/readyz", NULL, 0) != 200; tries++)
        test_pause_ms(10);
    assert_int_equal(http_status(demo->admin, "/readyz", NULL, 0), 200);
}

static inline struct demo demo_start(const char *name)
{
    struct demo demo = demo_launch(name);
    wait_ready(&demo);
    return demo;
}

static inline int demo_exit(struct demo *demo)
{
    int status = -1;
    for (int tries = 0; tries < 2000; tries++) {
        if (waitpid(demo->pid, &status, WNOHANG) == demo->pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        test_pause_ms(10);
    }
    return -1;
}

static inline void demo_stop(struct demo *demo)
{
    kill(demo->pid, SIGTERM);
    assert_int_equal(demo_exit(demo), 0);
}

/* Returns when it stands still: the signal alone is only a wish, and a busy process works on for a while. */
static inline void demo_freeze(const struct demo *demo)
{
    int status = 0;
    assert_int_equal(kill(demo->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(demo->pid, &status, WUNTRACED), demo->pid);
    assert_true(WIFSTOPPED(status));
}

/* What the demo of that name has written so far. */
static inline const char *log_text(const char *name)
{
    struct buffer text = { .arena = arena };
    char piece[4096];
    FILE *file = fopen(text_format(arena, "%s/%s.log", broker.folder, name), "re");
    for (size_t bytes; file && (bytes = fread(piece, 1, sizeof piece, file)) > 0;)
        buffer_add_n(&text, piece, bytes);
    if (file)
        fclose(file);
    return buffer_text(&text);
}

/* -- reports */

static inline const char *next_report(const char *subject, int64_t wait_ms)
{
    int64_t ends_us = moment_monotonic_us() + wait_ms * 1000;
    while (moment_monotonic_us() < ends_us) {
        struct bus_message message;
        size_t count = 0;
        assert_int_equal(bus_take(seen, arena, &message, 1, 4096, 100, &count, NULL), OK);
        if (count > 0 && text_same(message.subject, subject))
            return message.data;
    }
    return NULL;
}

static inline void expect(const char *subject, const char *text)
{
    const char *got = next_report(subject, WAIT_S * 1000);
    assert_non_null(got);
    assert_string_equal(got, text);
}

static inline void expect_nothing(const char *subject, int64_t wait_ms)
{
    const char *got = next_report(subject, wait_ms);
    if (got)
        fail_msg("there came: %s", got);
}

/* A connection that died may not know it yet: what counts is that we hear ourselves and that publishing is answered. */
static inline void wait_connected(void)
{
    bool heard = false, answered = false;
    int64_t ends_us = moment_monotonic_us() + WAIT_S * 1000000LL;
    while (!(heard && answered) && moment_monotonic_us() < ends_us) {
        struct bus_publish nobody = { .subject = "nobody.here", .data = "" };
        heard = heard || (bus_send(process.bus, "seen.us", "", 0, NULL) == OK && next_report("seen.us", 100));
        bus_publish_all(process.bus, &nobody, 1, 1000);
        answered = text_same(nobody.error.code, "no_stream");
        test_pause_ms(10);
    }
    assert_true(heard && answered);
}

static inline void forget_reports(void)
{
    while (next_report("seen.none", 50))
        ;
}

static inline int open_all(void **state)
{
    (void)state;
    struct error error;
    test_broker_start(&broker);
    arena = arena_new(0);
    setenv("NATS_URL", broker.url, 1);
    setenv("DEMO_MARK", text_format(arena, "%s/mark", broker.folder), 1);
    unsetenv("ADMIN_PORT");
    if (bus_open(&(struct bus_options){ .url = broker.url, .name = "service_test" }, &process.bus, &error) != OK)
        return 1;
    if (bus_serve_open(process.bus, "seen.>", "test", &seen, &error) != OK)
        return 1;
    wait_connected();
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    bus_source_close(seen);
    bus_close(process.bus);
    arena_free(arena);
    test_broker_stop(&broker);
    return 0;
}

static inline struct bus_stream_state stream_state(const char *stream)
{
    struct bus_stream_state state = { 0 };
    struct error error = { 0 };
    assert_int_equal(bus_stream_state(process.bus, stream, &state, &error), OK);
    return state;
}

static inline void expect_empty(const char *stream)
{
    for (int tries = 0; tries < 300 && stream_state(stream).messages > 0; tries++)
        test_pause_ms(10);
    assert_int_equal(stream_state(stream).messages, 0);
}

static inline const char *consumer_info(const char *stream, const char *consumer)
{
    struct bus_message reply;
    struct error error = { 0 };
    const char *subject = text_format(arena, "$JS.API.CONSUMER.INFO.%s.%s", stream, consumer);
    assert_int_equal(bus_request(process.bus, arena, subject, "", 0, 3000, &reply, &error), OK);
    return reply.data;
}
