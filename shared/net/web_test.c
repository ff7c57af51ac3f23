#include "base/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/web.h"

static struct web *web;
static atomic_int handled, hold;

static size_t cap(const char *method, const char *path)
{
    (void)method;
    return text_starts(path, "/big") ? 3 * 1024 * 1024 : 1000;
}

/* Says what it was asked. */
static void echo(void *context, const struct web_request *request, struct web_response *response)
{
    struct error error = { 0 };
    const char *x = NULL;
    (void)context;
    atomic_fetch_add(&handled, 1);
    while (text_same(request->path, "/hold") && atomic_load(&hold))
        usleep(1000);
    enum status status = web_query(request, "x", &x, &error);
    response->status = status == OK ? 200 : 422;
    response->content_type = "text/plain";
    response->body =
        text_format(request->arena, "%s %s x=%s key=%s body=%zu:%.20s", request->method, request->path, text_or(x, "-"),
                    text_or(web_header(request, "X-KEY"), "-"), request->body_bytes, request->body);
    response->body_bytes = strlen(response->body);
    response->headers[0] = "x-correlation-id: c-1";
}

static void refuse(void *context, const struct web_request *request, int status, const char *why,
                   struct web_response *response)
{
    (void)context, (void)status;
    response->body = text_format(request->arena, "refused %s: %s", request->path, why);
    response->body_bytes = strlen(response->body);
    response->headers[0] = "x-correlation-id: c-2";
}

static void server_open(void)
{
    struct error error = { 0 };
    struct web_options options = {
        .listen = "127.0.0.1:0", .threads = 4, .keep_alive_ms = 1500, .request_wait_ms = 500
    };
    options.body_max = cap;
    options.handle = echo;
    options.refuse = refuse;
    assert_int_equal(web_open(&options, &web, &error), OK);
    assert_true(web_port(web) > 0);
}

static int set_up(void **state)
{
    (void)state;
    atomic_store(&handled, 0);
    server_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    web_close(web);
    web = NULL;
    return 0;
}

/* -- a raw client */

static int dial(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)web_port(web));
    assert_int_equal(connect(socket_fd, (struct sockaddr *)&address, sizeof address), 0);
    return socket_fd;
}

static void put(int socket_fd, const char *text)
{
    send(socket_fd, text, strlen(text), MSG_NOSIGNAL);
}

/* All that comes until the server closes, or nothing came for 2 s. */
static char *drain(int socket_fd, bool *closed)
{
    static char bytes[64 * 1024];
    size_t count = 0;
    struct pollfd poller = { .fd = socket_fd, .events = POLLIN };
    *closed = false;
    while (count < sizeof bytes - 1 && poll(&poller, 1, 2000) > 0) {
        ssize_t got = recv(socket_fd, bytes + count, sizeof bytes - 1 - count, 0);
        if (got <= 0) {
            *closed = true;
            break;
        }
        count += (size_t)got;
    }
    bytes[count] = '\0';
    close(socket_fd);
    return bytes;
}

static char *talk(const char *request)
{
    bool closed;
    int socket_fd = dial();
    put(socket_fd, request);
    char *answer = drain(socket_fd, &closed);
    assert_true(closed);
    return answer;
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        count++;
    return count;
}

#define ASSERT_STATUS(answer, status) assert_true(text_starts((answer), "HTTP/1.1 " status " "))

static void a_request_reaches_the_handler_and_its_answer_the_client(void **state)
{
    (void)state;
    char *answer = talk(
        "POST /a%20b?x=1%2B+2 HTTP/1.1\r\nHost: h\r\nx-key: k\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    ASSERT_STATUS(answer, "200");
    assert_non_null(strstr(answer, "\r\n\r\nPOST /a b x=1+ 2 key=k body=5:hello"));
    assert_non_null(strstr(answer, "\r\nx-correlation-id: c-1\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(answer, "\r\nDate: "));
    assert_null(strcasestr(answer, "\r\nserver:"));
    assert_null(strcasestr(answer, "access-control"));
}

static void requests_in_a_row_on_one_connection_are_answered_in_order(void **state)
{
    (void)state;
    char *answer = talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
                        "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(occurrences(answer, "HTTP/1.1 200 "), 3);
    assert_true(strstr(answer, "GET /1") < strstr(answer, "POST /2"));
    assert_true(strstr(answer, "POST /2") < strstr(answer, "GET /3"));
    assert_int_equal(atomic_load(&handled), 3);
}

static void an_idle_connection_is_closed_as_it_was_told(void **state)
{
    (void)state;
    char *answer = talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"); /* talk waits for the server's close */
    assert_non_null(strstr(answer, "\r\nConnection: keep-alive\r\nKeep-Alive: timeout=0\r\n"));
}

static void with_half_of_the_threads_held_no_connection_is_kept(void **state)
{
    (void)state;
    int kept[3];
    char answer[3][2048] = { 0 };
    for (size_t i = 0; i < 3; i++) {
        kept[i] = dial();
        put(kept[i], "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(recv(kept[i], answer[i], sizeof answer[i] - 1, 0) > 0);
        ASSERT_STATUS(answer[i], "200");
    }
    assert_non_null(strstr(answer[1], "\r\nConnection: keep-alive\r\n"));
    assert_non_null(strstr(answer[2], "\r\nConnection: close\r\n"));
    for (size_t i = 0; i < 3; i++)
        close(kept[i]);
}

static void head_has_no_body_but_its_length(void **state)
{
    (void)state;
    char *answer = talk("HEAD /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    ASSERT_STATUS(answer, "200");
    assert_non_null(strstr(answer, "\r\nContent-Length: 25\r\n"));
    assert_true(text_ends(answer, "\r\n\r\n"));
}

static void an_old_client_is_answered_and_closed(void **state)
{
    (void)state;
    assert_non_null(strstr(talk("GET /1 HTTP/1.0\r\n\r\n"), "\r\nConnection: close\r\n"));
}

static void a_body_at_the_cap_passes_and_one_byte_more_is_413(void **state)
{
    (void)state;
    char request[2048];
    int head = snprintf(request, sizeof request,
                        "POST /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n");
    memset(request + head, 'x', 1000);
    request[head + 1000] = '\0';
    ASSERT_STATUS(talk(request), "200");
    char *answer = talk("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    ASSERT_STATUS(answer, "413");
    assert_non_null(strstr(answer, "x-correlation-id: c-2"));
}

static void ten_megabytes_are_refused_and_the_sender_reads_why(void **state)
{
    (void)state;
    bool closed;
    static char piece[64 * 1024];
    int socket_fd = dial();
    put(socket_fd, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10485760\r\n\r\n");
    memset(piece, 'x', sizeof piece);
    for (size_t i = 0; i < 160; i++)
        if (send(socket_fd, piece, sizeof piece, MSG_NOSIGNAL) < 0)
            break;
    ASSERT_STATUS(drain(socket_fd, &closed), "413");
    assert_int_equal(atomic_load(&handled), 0);
}

static void a_large_body_in_pieces_arrives_whole(void **state)
{
    (void)state;
    bool closed;
    static char piece[64 * 1024];
    int socket_fd = dial();
    put(socket_fd, "POST /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3145728\r\n\r\n");
    memset(piece, 'x', sizeof piece);
    for (size_t sent = 0; sent < 3145728;) {
        ssize_t count = send(socket_fd, piece, sizeof piece, MSG_NOSIGNAL);
        assert_true(count > 0);
        sent += (size_t)count;
    }
    assert_non_null(strstr(drain(socket_fd, &closed), "body=3145728:xxxx"));
}

static void the_client_that_asks_first_is_told_to_go_on(void **state)
{
    (void)state;
    char *answer =
        talk("POST /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    assert_true(text_starts(answer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    ASSERT_STATUS(talk("POST /1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n"), "413");
    ASSERT_STATUS(talk("POST /1 HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi"), "417");
}

static void a_body_that_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: identity\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 3",
        "Content-Length: 3\r\ncontent-length: 4",
        "Content-Length: 3, 3",
        "Content-Length: +3",
        "Content-Length: 3x",
        "Content-Length: -3",
        "Content-Length: ",
        "Content-Length: 0x3",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding : chunked\r\nContent-Length: 3",
        "Content-Length : 3",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST /1 HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
                 lines[i]);
        char *answer = talk(request);
        if (!text_starts(answer, "HTTP/1.1 400 "))
            print_message("%s: %.40s\n", lines[i], answer);
        ASSERT_STATUS(answer, "400");
        assert_int_equal(occurrences(answer, "HTTP/1.1 "), 1);
    }
    ASSERT_STATUS(talk("POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"), "411");
    ASSERT_STATUS(talk("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n"), "413");
    assert_int_equal(atomic_load(&handled), 0);
}

static void a_malformed_head_is_refused_with_our_own_words(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET\r\n\r\n",
        "GET /1\r\n\r\n",
        "GET 1 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%0 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%2fb HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /1 HTTP/1.1\r\nno colon here\r\n\r\n",
        "GET /1 HTTP/1.1\r\n: empty\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char *answer = talk(requests[i]);
        if (!text_starts(answer, "HTTP/1.1 400 "))
            print_message("%s: %.60s\n", requests[i], answer);
        ASSERT_STATUS(answer, "400");
        assert_non_null(strstr(answer, "x-correlation-id: c-2"));
        assert_non_null(strstr(answer, "\r\n\r\nrefused /"));
    }
    assert_int_equal(atomic_load(&handled), 0);
}

static void a_nul_byte_in_the_head_is_refused(void **state)
{
    (void)state;
    bool closed;
    int socket_fd = dial();
    const char request[] = "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n";
    send(socket_fd, request, sizeof request - 1, MSG_NOSIGNAL);
    ASSERT_STATUS(drain(socket_fd, &closed), "400");
}

static void a_head_without_end_is_refused(void **state)
{
    (void)state;
    static char request[20000];
    int head = snprintf(request, sizeof request, "GET /1 HTTP/1.1\r\nHost: h\r\nX: ");
    memset(request + head, 'x', sizeof request - (size_t)head - 1);
    char *answer = talk(request); /* a reset can overtake the answer: the peer was still sending */
    assert_true(answer[0] == '\0' || text_starts(answer, "HTTP/1.1 431 ") || text_starts(answer, "HTTP/1.1 400 "));
    assert_int_equal(atomic_load(&handled), 0);
}

static void headers_that_the_server_would_pass_over_are_refused(void **state)
{
    (void)state;
    static char request[8192];
    static const char *const heads[] = {
        "POST /1 HTTP/1.1\r\nHost: h\r\n folded\r\nContent-Length: 2\r\n\r\nhi",
        "POST /1 HTTP/1.1\r\nHost: h\r\n: x\r\nContent-Length: 2\r\n\r\nhi",
        "POST /1 HTTP/1.1\r\nHost: h\r\n\xff: x\r\nContent-Length: 2\r\n\r\nhi",
        "POST /1 HTTP/1.1\r\nHost: h\nContent-Length: 2\r\n\r\nhi",
        "POST /1 HTTP/1.1\nHost: h\nContent-Length: 2\n\nhi",
        "POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
        "POST /1 HTTP/1.1\r\nHost: h\r\nHost: i\r\nContent-Length: 2\r\n\r\nhi",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        ASSERT_STATUS(talk(heads[i]), "400");
    size_t bytes = (size_t)snprintf(request, sizeof request, "POST /1 HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 63; i++)
        bytes += (size_t)snprintf(request + bytes, sizeof request - bytes, "X-%d: y\r\n", i);
    snprintf(request + bytes, sizeof request - bytes, "Content-Length: 2\r\n\r\nhi");
    ASSERT_STATUS(talk(request), "400");
    assert_int_equal(atomic_load(&handled), 0);
    bytes -= strlen("X-62: y\r\n");
    snprintf(request + bytes, sizeof request - bytes, "Connection: close\r\n\r\n");
    ASSERT_STATUS(talk(request), "200");
}

static void a_request_after_empty_lines_is_never_handled_twice(void **state)
{
    (void)state;
    bool closed;
    int socket_fd = dial();
    put(socket_fd, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"); /* this thread has seen its buffer */
    usleep(50 * 1000);
    put(socket_fd, "\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    char *answer = drain(socket_fd, &closed);
    assert_int_equal(occurrences(answer, "HTTP/1.1 200 "), 1);
    assert_int_equal(occurrences(answer, "HTTP/1.1 400 "), 1);
    assert_int_equal(atomic_load(&handled), 1);
}

static void a_parameter_given_twice_is_refused_by_name(void **state)
{
    (void)state;
    ASSERT_STATUS(talk("GET /1?x=1&x=2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "422");
    ASSERT_STATUS(talk("GET /1?y=%zz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "422");
    assert_non_null(strstr(talk("GET /1?&x&&z= HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "x=-"));
}

static void a_slow_body_is_cut_off(void **state)
{
    (void)state;
    char *answer = talk("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf"); /* and then nothing */
    ASSERT_STATUS(answer, "408");
    assert_int_equal(atomic_load(&handled), 0);
}

/* Each byte in time, all of them never. */
static void a_body_byte_by_byte_is_cut_off_like_a_slow_one(void **state)
{
    (void)state;
    bool closed;
    int socket_fd = dial();
    struct pollfd poller = { .fd = socket_fd, .events = POLLIN };
    put(socket_fd, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    int bytes = 0;
    for (; bytes < 999 && poll(&poller, 1, 20) == 0; bytes++) /* 20 s if nobody minds */
        put(socket_fd, "x");
    assert_in_range(bytes, 1, 200);
    ASSERT_STATUS(drain(socket_fd, &closed), "408");
    assert_int_equal(atomic_load(&handled), 0);
    ASSERT_STATUS(talk("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200");
}

static void half_a_head_or_body_and_gone_holds_nothing_up(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) { /* twice the threads */
        int socket_fd = dial();
        put(socket_fd, i % 2 ? "POST /1 HTTP/1.1\r\nHo" : "POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nha");
        if (i % 3 == 0)
            shutdown(socket_fd, SHUT_WR);
        else
            close(socket_fd);
        if (i % 3 == 0) {
            bool closed;
            drain(socket_fd, &closed);
            assert_true(closed);
        }
    }
    ASSERT_STATUS(talk("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "200");
}

static void *hold_request(void *context)
{
    bool closed;
    int socket_fd = dial();
    put(socket_fd, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n");
    char **answer = context;
    *answer = strdup(drain(socket_fd, &closed));
    return NULL;
}

static void *release_soon(void *context)
{
    (void)context;
    usleep(100 * 1000);
    atomic_store(&hold, 0);
    return NULL;
}

static void closing_waits_for_the_request_in_flight(void **state)
{
    (void)state;
    pthread_t client, releaser;
    char *answer = NULL;
    atomic_store(&hold, 1);
    pthread_create(&client, NULL, hold_request, &answer);
    while (web_in_flight(web) == 0)
        usleep(1000);
    pthread_create(&releaser, NULL, release_soon, NULL);
    web_close(web);
    pthread_join(client, NULL);
    pthread_join(releaser, NULL);
    ASSERT_STATUS(answer, "200");
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    free(answer);
    server_open(); /* for tear_down */
}

static void a_draining_server_refuses_what_is_new(void **state)
{
    (void)state;
    web_drain(web);
    char *answer = talk("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_STATUS(answer, "503");
    assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
    assert_int_equal(atomic_load(&handled), 0);
}

static void a_port_in_use_is_refused_in_a_sentence(void **state)
{
    (void)state;
    struct web *second = NULL;
    struct error error = { 0 };
    char listen_on[32];
    snprintf(listen_on, sizeof listen_on, "127.0.0.1:%d", web_port(web));
    assert_int_equal(web_open(&(struct web_options){ .listen = listen_on, .handle = echo }, &second, &error), REJECT);
    assert_non_null(strstr(error.text, listen_on));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_reaches_the_handler_and_its_answer_the_client),
        TEST(requests_in_a_row_on_one_connection_are_answered_in_order),
        TEST(an_idle_connection_is_closed_as_it_was_told),
        TEST(with_half_of_the_threads_held_no_connection_is_kept),
        TEST(head_has_no_body_but_its_length),
        TEST(an_old_client_is_answered_and_closed),
        TEST(a_body_at_the_cap_passes_and_one_byte_more_is_413),
        TEST(ten_megabytes_are_refused_and_the_sender_reads_why),
        TEST(a_large_body_in_pieces_arrives_whole),
        TEST(the_client_that_asks_first_is_told_to_go_on),
        TEST(a_body_that_can_be_read_in_two_ways_is_refused),
        TEST(a_malformed_head_is_refused_with_our_own_words),
        TEST(a_nul_byte_in_the_head_is_refused),
        TEST(a_head_without_end_is_refused),
        TEST(headers_that_the_server_would_pass_over_are_refused),
        TEST(a_request_after_empty_lines_is_never_handled_twice),
        TEST(a_parameter_given_twice_is_refused_by_name),
        TEST(a_slow_body_is_cut_off),
        TEST(a_body_byte_by_byte_is_cut_off_like_a_slow_one),
        TEST(half_a_head_or_body_and_gone_holds_nothing_up),
        TEST(closing_waits_for_the_request_in_flight),
        TEST(a_draining_server_refuses_what_is_new),
        TEST(a_port_in_use_is_refused_in_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
