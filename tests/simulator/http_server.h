/*
 * http_server - HTTP/1.1 on a loopback port: thousands of connections, answers that come at once or later.
 *
 * A handler gets an exchange and must, now or later, either answer or cut it, once. Until then the exchange
 * stays good, and `ended` tells exactly once how it went: answered, or the client left first (aborted). The
 * request is good only while the handler runs.
 */
#ifndef SIMULATOR_HTTP_SERVER_H
#define SIMULATOR_HTTP_SERVER_H

#include "buffer.h"
#include "http_request.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange {
    struct http_request request;
    void (*ended)(struct exchange *exchange, bool aborted); /* may be NULL */
    void *owner;                                            /* for `ended` */
};

struct http_answer {
    int status;
    const char *type;    /* NULL: application/json */
    const char *headers; /* further header lines, each with its CRLF; NULL: none */
    const char *body;
    size_t body_bytes;
    size_t told_bytes; /* Content-Length, when it is to be more than comes; 0: the true one */
};

struct http_server {
    struct loop *loop;
    struct watch listener;
    uint16_t port;
    void (*handle)(void *context, struct exchange *exchange);
    void *context;
};

/* Listens on 127.0.0.1; port 0 takes a free one and says which. False with errno set. */
bool http_server_open(struct http_server *server, struct loop *loop, uint16_t port);

/* The answer is copied at once and leaves `after_ms` later. */
void http_answer(struct exchange *exchange, int64_t after_ms, const struct http_answer *answer);

/* Takes the buffer over and clears it. */
void http_answer_json(struct exchange *exchange, int64_t after_ms, int status, struct buffer *body);

/* Closes the connection without a byte of answer. */
void http_cut(struct exchange *exchange, int64_t after_ms);

#endif
