#include "http_server.h"

#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16 * 1024, BUFFERED_MAX = HTTP_HEAD_MAX + HTTP_BODY_MAX + READ_BYTES, IDLE_ROOM_MAX = 8 * 1024 };

/* One client. It has at most one exchange open; requests sent ahead wait in `input`. */
struct connection {
    struct watch watch;
    struct timer due; /* runs while a finished answer waits for its moment */
    struct http_server *server;
    struct buffer input;
    struct buffer output;
    size_t output_sent;
    struct exchange exchange;
    bool exchange_open;
    bool held;     /* the output belongs to an answer that is not due yet */
    bool cut;      /* the answer is to hang up */
    bool handling; /* inside the handler: whoever dispatched will settle */
    bool closing;  /* close once the output is out */
    bool dead;     /* the socket is of no more use */
    bool waits_writable;
};

static void exchange_end(struct connection *connection, bool aborted)
{
    if (!connection->exchange_open)
        return;
    connection->exchange_open = false;
    connection->held = false;
    if (connection->exchange.ended != NULL)
        connection->exchange.ended(&connection->exchange, aborted);
}

static void connection_free(struct connection *connection)
{
    exchange_end(connection, true);
    timer_stop(connection->server->loop, &connection->due);
    loop_unwatch(connection->server->loop, &connection->watch);
    close(connection->watch.fd);
    buffer_clear(&connection->input);
    buffer_clear(&connection->output);
    free(connection);
}

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        { 200, "OK" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].status == status)
            return known[i].text;
    return "Unnamed";
}

static void write_answer(struct connection *connection, const struct http_answer *answer)
{
    struct buffer *output = &connection->output;
    buffer_format(output, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", answer->status,
                  reason(answer->status), answer->type != NULL ? answer->type : "application/json; charset=UTF-8",
                  answer->told_bytes == 0 ? answer->body_bytes : answer->told_bytes);
    if (answer->headers != NULL)
        buffer_add_text(output, answer->headers);
    buffer_add_text(output, connection->closing ? "Connection: close\r\n\r\n" : "\r\n");
    buffer_add(output, answer->body, answer->body_bytes);
}

static void answer_broken(struct connection *connection, int status)
{
    connection->closing = true;
    const struct http_answer answer = {
        .status = status, .type = "text/plain", .body = reason(status), .body_bytes = strlen(reason(status))
    };
    write_answer(connection, &answer);
}

static void dispatch(struct connection *connection, size_t taken)
{
    connection->exchange_open = true;
    connection->closing = !connection->exchange.request.keep_alive;
    connection->handling = true;
    connection->server->handle(connection->server->context, &connection->exchange);
    connection->handling = false;
    buffer_drop_front(&connection->input, taken);
    connection->exchange.request = (struct http_request){ 0 };
}

static void say_continue(struct connection *connection)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    connection->dead = send(connection->watch.fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0;
}

/* Handles the next request that has come in; false when there is nothing to do but wait. */
static bool take_request(struct connection *connection)
{
    bool busy = connection->exchange_open || connection->closing || connection->dead;
    if (busy || connection->output.used > 0)
        return false;
    size_t taken = 0;
    int status = 400;
    connection->exchange = (struct exchange){ 0 };
    switch (http_request_read(connection->input.bytes, connection->input.used, &connection->exchange.request, &taken,
                              &status)) {
    case HTTP_WHOLE:
        dispatch(connection, taken);
        return true;
    case HTTP_BROKEN:
        answer_broken(connection, status);
        return true;
    case HTTP_WANTS_CONTINUE:
        say_continue(connection);
        return false;
    case HTTP_WANTS_MORE:
        return false;
    }
    return false;
}

static void want_writable(struct connection *connection, bool wanted)
{
    if (connection->waits_writable == wanted)
        return;
    connection->waits_writable = wanted;
    uint32_t events = EPOLLIN | EPOLLRDHUP | (wanted ? (uint32_t)EPOLLOUT : 0);
    loop_rewatch(connection->server->loop, &connection->watch, events);
}

static void send_output(struct connection *connection)
{
    struct buffer *output = &connection->output;
    while (!connection->dead && connection->output_sent < output->used) {
        ssize_t sent = send(connection->watch.fd, output->bytes + connection->output_sent,
                            output->used - connection->output_sent, MSG_NOSIGNAL);
        if (sent < 0) {
            connection->dead = errno != EAGAIN && errno != EINTR;
            want_writable(connection, true);
            return;
        }
        connection->output_sent += (size_t)sent;
    }
    output->used = 0;
    connection->output_sent = 0;
    want_writable(connection, false);
    if (output->room > IDLE_ROOM_MAX)
        buffer_clear(output);
}

/* Ends every way into a connection: goes on as far as possible, then frees it if it is done for. */
static void connection_settle(struct connection *connection)
{
    do {
        if (!connection->held)
            send_output(connection);
    } while (take_request(connection));
    if (connection->input.used == 0 && connection->input.room > IDLE_ROOM_MAX)
        buffer_clear(&connection->input);
    bool flushed = connection->output.used == 0;
    if (connection->dead || (connection->closing && !connection->exchange_open && flushed))
        connection_free(connection);
}

/* The answer's moment has come: only now has the client been served. */
static void exchange_due(struct timer *timer)
{
    struct connection *connection = container_of(timer, struct connection, due);
    connection->dead = connection->dead || connection->cut;
    exchange_end(connection, false);
    if (!connection->handling)
        connection_settle(connection);
}

static void exchange_hold(struct connection *connection, int64_t after_ms)
{
    connection->held = true;
    if (after_ms <= 0)
        exchange_due(&connection->due);
    else
        timer_start(connection->server->loop, &connection->due, after_ms);
}

void http_answer(struct exchange *exchange, int64_t after_ms, const struct http_answer *answer)
{
    struct connection *connection = container_of(exchange, struct connection, exchange);
    write_answer(connection, answer);
    exchange_hold(connection, after_ms);
}

void http_answer_json(struct exchange *exchange, int64_t after_ms, int status, struct buffer *body)
{
    const struct http_answer answer = { .status = status, .body = body->bytes, .body_bytes = body->used };
    struct buffer taken = *body;
    *body = (struct buffer){ 0 };
    http_answer(exchange, after_ms, &answer);
    buffer_clear(&taken);
}

void http_cut(struct exchange *exchange, int64_t after_ms)
{
    struct connection *connection = container_of(exchange, struct connection, exchange);
    connection->cut = true;
    exchange_hold(connection, after_ms);
}

static void receive_input(struct connection *connection)
{
    struct buffer *input = &connection->input;
    for (;;) {
        buffer_reserve(input, READ_BYTES);
        size_t room = input->room - input->used - 1;
        ssize_t received = recv(connection->watch.fd, input->bytes + input->used, room, 0);
        if (received < 0) {
            connection->dead = errno != EAGAIN && errno != EINTR;
            return;
        }
        input->used += (size_t)received;
        input->bytes[input->used] = '\0';
        connection->dead = received == 0 || input->used > BUFFERED_MAX;
        if (connection->dead || (size_t)received < room)
            return;
    }
}

/* A client that has shut its side is gone, whatever it might still read: nobody here half-closes. */
static void connection_ready(struct watch *watch, uint32_t events)
{
    struct connection *connection = container_of(watch, struct connection, watch);
    if ((events & EPOLLIN) != 0)
        receive_input(connection);
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        connection->dead = true;
    connection_settle(connection);
}

static void listener_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct http_server *server = container_of(watch, struct http_server, listener);
    for (;;) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        struct connection *connection = memory_zeroed(sizeof *connection);
        connection->watch = (struct watch){ .fd = fd, .ready = connection_ready };
        connection->due.expired = exchange_due;
        connection->server = server;
        loop_watch(server->loop, &connection->watch, EPOLLIN | EPOLLRDHUP);
    }
}

static bool learn_port(struct http_server *server)
{
    struct sockaddr_in address = { 0 };
    socklen_t length = sizeof address;
    if (getsockname(server->listener.fd, (struct sockaddr *)&address, &length) != 0)
        return false;
    server->port = ntohs(address.sin_port);
    return true;
}

bool http_server_open(struct http_server *server, struct loop *loop, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    server->loop = loop;
    server->listener = (struct watch){ .fd = fd, .ready = listener_ready };
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    return bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0 &&
           learn_port(server) && loop_watch(loop, &server->listener, EPOLLIN);
}
