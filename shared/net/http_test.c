#include "base/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/http.h"

/* -- a peer on a raw socket: the path says how it behaves */

static struct {
    int listener, port;
    atomic_int requests, connections;
    char last[8192]; /* the last request's head */
    pthread_mutex_t lock;
} peer = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* One request with its body; 0 at the connection's end. */
static size_t read_request(int socket, char *out, size_t bytes_max)
{
    size_t bytes = 0;
    for (;;) {
        ssize_t count = recv(socket, out + bytes, bytes_max - 1 - bytes, 0);
        if (count <= 0)
            return 0;
        bytes += (size_t)count;
        out[bytes] = '\0';
        char *end = strstr(out, "\r\n\r\n");
        if (end == NULL)
            continue;
        char *length = strcasestr(out, "content-length:");
        size_t wanted = (size_t)(end + 4 - out) + (length == NULL || length > end ? 0 : strtoul(length + 15, NULL, 10));
        if (bytes >= wanted)
            return bytes;
    }
}

static bool path_is(const char *request, const char *path)
{
    const char *at = strchr(request, ' ');
    return at != NULL && text_starts(at + 1, path);
}

static bool answer(int socket, const char *text)
{
    return send(socket, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* false: close the connection. */
static bool serve(int socket, const char *request, int nth)
{
    if (path_is(request, "/swallow-second") && nth == 2)
        return false;
    if (path_is(request, "/reset-second") && nth == 2) {
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
        return false;
    }
    if (path_is(request, "/never")) {
        char byte;
        while (recv(socket, &byte, 1, 0) > 0)
            ;
        return false;
    }
    if (path_is(request, "/half"))
        return answer(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it") && false;
    if (path_is(request, "/nothing"))
        return false;
    if (path_is(request, "/busy"))
        return answer(
            socket, "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nx-request-id:  r-1 \r\nContent-Length: 4\r\n\r\nslow");
    if (path_is(request, "/date"))
        return answer(socket,
                      "HTTP/1.1 503 No\r\nRetry-After: Fri, 20 Nov 2026 10:00:30 GMT\r\nContent-Length: 0\r\n\r\n");
    if (path_is(request, "/ms"))
        return answer(socket, "HTTP/1.1 503 No\r\nretry-after-ms: 250\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    if (path_is(request, "/moved"))
        return answer(socket, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    if (path_is(request, "/early"))
        return answer(
            socket,
            "HTTP/1.1 103 Early Hints\r\nx-request-id: no\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    if (path_is(request, "/once"))
        return answer(socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}") &&
               false;
    return answer(socket, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

static void *connection_main(void *context)
{
    int socket = (int)(intptr_t)context, nth = 0;
    char request[8192];
    while (read_request(socket, request, sizeof request) > 0) {
        atomic_fetch_add(&peer.requests, 1);
        pthread_mutex_lock(&peer.lock);
        memcpy(peer.last, request, sizeof request);
        pthread_mutex_unlock(&peer.lock);
        if (!serve(socket, request, ++nth))
            break;
    }
    close(socket);
    return NULL;
}

static void *accept_main(void *context)
{
    (void)context;
    for (int socket; (socket = accept(peer.listener, NULL, NULL)) >= 0;) {
        pthread_t thread;
        atomic_fetch_add(&peer.connections, 1);
        pthread_create(&thread, NULL, connection_main, (void *)(intptr_t)socket);
        pthread_detach(thread);
    }
    return NULL;
}

static void peer_open(void)
{
    pthread_t thread;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    peer.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer.listener, 1024), 0);
    getsockname(peer.listener, (struct sockaddr *)&address, &bytes);
    peer.port = ntohs(address.sin_port);
    pthread_create(&thread, NULL, accept_main, NULL);
    pthread_detach(thread);
}

/* -- one http per test */

struct fixture {
    struct http *http;
    struct arena *arena;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->http = http_open(&(struct http_options){ .in_flight_max = 64 });
    fixture->arena = arena_new(0);
    atomic_store(&peer.requests, 0);
    atomic_store(&peer.connections, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_close(fixture->http);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static const char *url_of(struct fixture *fixture, const char *path)
{
    return text_format(fixture->arena, "http://127.0.0.1:%d%s", peer.port, path);
}

static struct http_response post(struct fixture *fixture, const char *path)
{
    struct http_response response;
    struct http_request request = {
        .method = "POST", .url = url_of(fixture, path), .body = "{\"a\":1}", .body_bytes = 7, .wait_ms = 3000
    };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    return response;
}

static void a_whole_answer_comes_back_with_status_body_and_headers(void **state)
{
    struct http_response response = post(*state, "/ok");
    assert_int_equal(response.end, HTTP_ANSWERED);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body, "{}");
    assert_string_equal(response.content_type, "application/json");
    assert_string_equal(response.request_id, "");
    assert_true(response.started);
    assert_true(response.took_us > 0);
    assert_string_equal(response.error.text, "");
}

static void a_request_leaves_as_it_was_given(void **state)
{
    struct fixture *fixture = *state;
    const char *headers[] = { "Authorization: Bearer t", "Content-Type: application/json", NULL };
    struct http_request request = {
        .method = "POST", .url = url_of(fixture, "/ok?x=1"), .headers = headers, .body = "{}", .body_bytes = 2
    };
    struct http_response response;
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_ANSWERED);
    assert_true(text_starts(peer.last, "POST /ok?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.last, "\r\nAuthorization: Bearer t\r\n"));
    assert_non_null(strstr(peer.last, "\r\nUser-Agent: parley\r\n"));
    assert_non_null(strstr(peer.last, "\r\n\r\n{}"));
    assert_null(strcasestr(peer.last, "expect:"));
}

static void get_and_other_methods_are_spoken(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = { .method = "GET", .url = url_of(fixture, "/ok") };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_true(text_starts(peer.last, "GET /ok "));
    assert_null(strcasestr(peer.last, "content-type:"));
    request.method = "DELETE";
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_ANSWERED);
    assert_true(text_starts(peer.last, "DELETE /ok "));
}

static void connections_are_used_again(void **state)
{
    for (int i = 0; i < 5; i++)
        assert_int_equal(post(*state, "/ok").end, HTTP_ANSWERED);
    assert_int_equal(atomic_load(&peer.connections), 1);
}

static void a_peer_that_is_not_there_was_not_started(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = { .method = "POST", .url = "http://127.0.0.1:1/x", .body = "x", .body_bytes = 1 };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_NOT_STARTED);
    assert_false(response.started);
    assert_false(response.late);
    assert_string_not_equal(response.error.text, "");
}

static void other_protocols_are_not_spoken(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = { .method = "GET", .url = "file:///etc/passwd" };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_NOT_STARTED);
}

static void a_call_whose_time_to_start_has_passed_never_leaves(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = { .method = "POST", .url = url_of(fixture, "/ok"), .body = "x", .body_bytes = 1 };
    request.start_by = moment_now() - 1;
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_NOT_STARTED);
    assert_true(response.late);
    assert_false(response.started);
    assert_int_equal(atomic_load(&peer.requests), 0);
    request.start_by = moment_now() + 5000;
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_ANSWERED);
}

static void a_request_swallowed_on_a_reused_connection_is_broken_and_never_sent_twice(void **state)
{
    assert_int_equal(post(*state, "/swallow-second").end, HTTP_ANSWERED);
    struct http_response response = post(*state, "/swallow-second");
    assert_int_equal(response.end, HTTP_BROKEN);
    assert_true(response.started);
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void a_reset_on_a_reused_connection_is_broken_and_never_sent_twice(void **state)
{
    assert_int_equal(post(*state, "/reset-second").end, HTTP_ANSWERED);
    assert_int_equal(post(*state, "/reset-second").end, HTTP_BROKEN);
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void a_connection_closed_while_idle_costs_nothing(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post(*state, "/once").end, HTTP_ANSWERED);
        usleep(20 * 1000); /* the peer's close arrives */
    }
    assert_int_equal(atomic_load(&peer.requests), 3);
    assert_int_equal(atomic_load(&peer.connections), 3);
}

static void half_an_answer_is_broken(void **state)
{
    struct http_response response = post(*state, "/half");
    assert_int_equal(response.end, HTTP_BROKEN);
    assert_int_equal(response.status, 0);
    assert_string_equal(response.body, "");
    assert_int_equal(post(*state, "/nothing").end, HTTP_BROKEN);
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void no_answer_in_time_is_broken(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = {
        .method = "POST", .url = url_of(fixture, "/never"), .body = "x", .body_bytes = 1, .wait_ms = 100
    };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_BROKEN);
    assert_true(response.started);
    assert_in_range(response.took_us, 90 * 1000, 2000 * 1000);
}

static void an_answer_beyond_its_cap_is_broken(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct http_request request = { .method = "GET", .url = url_of(fixture, "/ok"), .response_bytes_max = 1 };
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_BROKEN);
    request.response_bytes_max = 2;
    http_call_now(fixture->http, fixture->arena, &request, &response);
    assert_int_equal(response.end, HTTP_ANSWERED);
}

static void the_peers_wish_to_wait_is_read_in_seconds_dates_and_ms(void **state)
{
    struct http_response response = post(*state, "/busy");
    assert_int_equal(response.status, 429);
    assert_int_equal(response.retry_after_ms, 7000);
    assert_string_equal(response.request_id, "r-1");
    assert_int_equal(post(*state, "/ms").retry_after_ms, 250);
    moment now;
    assert_int_equal(moment_from_text("2026-11-20T10:00:00Z", &now, NULL), OK);
    moment_freeze(now);
    assert_int_equal(post(*state, "/date").retry_after_ms, 30000);
    moment_thaw();
}

static void redirects_are_answers(void **state)
{
    assert_int_equal(post(*state, "/moved").status, 302);
    assert_int_equal(atomic_load(&peer.requests), 1);
}

static void only_the_final_answers_headers_count(void **state)
{
    struct http_response response = post(*state, "/early");
    assert_int_equal(response.status, 200);
    assert_string_equal(response.request_id, "");
}

/* -- many at once, aborts, close */

struct tally {
    atomic_int answered, aborted, started, other;
};

static void count_end(void *context, struct http_call *call, const struct http_response *response)
{
    struct tally *tally = context;
    (void)call;
    atomic_fetch_add(&tally->started, response->started);
    if (response->end == HTTP_ANSWERED)
        atomic_fetch_add(&tally->answered, 1);
    else if (response->end == HTTP_ABORTED)
        atomic_fetch_add(&tally->aborted, 1);
    else
        atomic_fetch_add(&tally->other, 1);
}

static void wait_until_idle(struct http *http)
{
    for (int i = 0; i < 10000 && http_in_flight(http) > 0; i++)
        usleep(1000);
    assert_int_equal(http_in_flight(http), 0);
}

static void more_calls_than_slots_all_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct tally tally = { 0 };
    struct arena *arenas[500];
    struct http_request request = { .method = "POST", .url = url_of(fixture, "/ok"), .body = "x", .body_bytes = 1 };
    for (int i = 0; i < 500; i++) {
        arenas[i] = arena_new(4096);
        http_start(fixture->http, arenas[i], &request, count_end, &tally);
    }
    wait_until_idle(fixture->http);
    assert_int_equal(atomic_load(&tally.answered), 500);
    assert_true(atomic_load(&peer.connections) <= 64);
    for (int i = 0; i < 500; i++)
        arena_free(arenas[i]);
}

static void an_abort_ends_a_call_under_way_and_says_that_it_had_left(void **state)
{
    struct fixture *fixture = *state;
    struct tally tally = { 0 };
    struct http_request request = { .method = "POST", .url = url_of(fixture, "/never"), .body = "x", .body_bytes = 1 };
    struct http_call *call = http_start(fixture->http, fixture->arena, &request, count_end, &tally);
    for (int i = 0; i < 5000 && atomic_load(&peer.requests) == 0; i++)
        usleep(1000);
    http_abort(fixture->http, call);
    http_abort(fixture->http, call);
    wait_until_idle(fixture->http);
    assert_int_equal(atomic_load(&tally.aborted), 1);
    assert_int_equal(atomic_load(&tally.started), 1);
}

static void an_abort_after_the_end_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct tally tally = { 0 };
    struct http_request request = { .method = "POST", .url = url_of(fixture, "/ok"), .body = "x", .body_bytes = 1 };
    struct http_call *call = http_start(fixture->http, fixture->arena, &request, count_end, &tally);
    wait_until_idle(fixture->http);
    http_abort(fixture->http, call);
    assert_int_equal(post(fixture, "/ok").end, HTTP_ANSWERED);
    assert_int_equal(atomic_load(&tally.answered), 1);
    assert_int_equal(atomic_load(&tally.aborted), 0);
}

static void closing_aborts_what_is_under_way_and_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct tally tally = { 0 };
    struct arena *arenas[100];
    struct http_request request = { .method = "POST", .url = url_of(fixture, "/never"), .body = "x", .body_bytes = 1 };
    for (int i = 0; i < 100; i++) { /* 36 more than there are slots */
        arenas[i] = arena_new(4096);
        http_start(fixture->http, arenas[i], &request, count_end, &tally);
    }
    http_close(fixture->http);
    assert_int_equal(atomic_load(&tally.aborted), 100);
    for (int i = 0; i < 100; i++)
        arena_free(arenas[i]);
    fixture->http = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_answer_comes_back_with_status_body_and_headers),
        TEST(a_request_leaves_as_it_was_given),
        TEST(get_and_other_methods_are_spoken),
        TEST(connections_are_used_again),
        TEST(a_peer_that_is_not_there_was_not_started),
        TEST(other_protocols_are_not_spoken),
        TEST(a_call_whose_time_to_start_has_passed_never_leaves),
        TEST(a_request_swallowed_on_a_reused_connection_is_broken_and_never_sent_twice),
        TEST(a_reset_on_a_reused_connection_is_broken_and_never_sent_twice),
        TEST(a_connection_closed_while_idle_costs_nothing),
        TEST(half_an_answer_is_broken),
        TEST(no_answer_in_time_is_broken),
        TEST(an_answer_beyond_its_cap_is_broken),
        TEST(the_peers_wish_to_wait_is_read_in_seconds_dates_and_ms),
        TEST(redirects_are_answers),
        TEST(only_the_final_answers_headers_count),
        TEST(more_calls_than_slots_all_come_back),
        TEST(an_abort_ends_a_call_under_way_and_says_that_it_had_left),
        TEST(an_abort_after_the_end_changes_nothing),
        TEST(closing_aborts_what_is_under_way_and_what_waits),
    };
    peer_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
