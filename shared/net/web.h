/*
 * web - an HTTP server over civetweb, the only room that knows it.
 *
 * One handler gets every request whole (body read, capped, checked for smuggling) on one of the server's threads and
 * fills in a response, written with one write. The server never serves files by itself.
 *
 * Draining: after web_drain new requests are refused with 503; web_close waits until those in flight are answered.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct web;

struct web_request {
    struct arena *arena; /* of this request */
    const char *method;  /* "GET" */
    const char *path;    /* decoded, without the query; always starts with "/" */
    const char *query;   /* raw, without "?"; "" when absent */
    const char *body;    /* ends with NUL */
    size_t body_bytes;
    const char
        *body_file;     /* the file that the body stands in instead; the handler's to move or to remove. NULL: none */
    const char *remote; /* peer's address */
    void *connection;   /* web.c's own */
};
const char *web_header(const struct web_request *request, const char *name); /* NULL when absent */
/* Decoded value of a query parameter; NULL when absent. REJECT for bad encoding or a repeated name. */
enum status web_query(const struct web_request *request, const char *name, const char **out, struct error *error);
/* One query parameter after the other: *at NULL at first; false after the last. name or value is NULL where it is badly
 * encoded. */
bool web_query_next(const struct web_request *request, const char **at, const char **name, const char **value);

struct web_response {
    int status;
    const char *content_type; /* NULL: application/json */
    const char *body;
    size_t body_bytes;
    const char *headers[16]; /* "Name: value" lines, NULL-terminated */
    /* A body without an end: once the head is out the socket is its taker's, who closes it; no thread of the server is
     * held. fd -1: the peer is gone already. NULL: an ordinary answer. */
    void (*take)(void *taken, int fd);
    void *taken;
    /* Instead of body: a part of a file, read as it leaves. NULL: none. A file that can't be read becomes a 500. */
    const char *file;
    int64_t file_from, file_bytes;
};

/* body_max: called with method and path before the body is read, answers the cap in bytes. refuse: the request has path
   "/" and no headers where its head could not be read. */
struct web_options {
    const char *listen;      /* "8000" or "127.0.0.1:8000" */
    unsigned threads;        /* 0: 64; while half of them are held, no connection is kept */
    int64_t keep_alive_ms;   /* 0: 5000; clients are told a second less */
    int64_t request_wait_ms; /* 0: 10000: slow senders are cut off */
    size_t (*body_max)(const char *method, const char *path);
    /* Asked before a body is read, with what the head says: the path of a file to take it into, of at most
     * body_file_max bytes, or NULL: in memory. May be NULL. */
    const char *(*body_file)(void *context, const struct web_request *request);
    size_t body_file_max;
    void (*handle)(void *context, const struct web_request *request, struct web_response *response);
    /* Fills in the response for what the server refuses itself: 400 malformed, 408, 411, 413, 417, 431, 503 draining,
     * 505. NULL: plain text. */
    void (*refuse)(void *context, const struct web_request *request, int status, const char *why,
                   struct web_response *response);
    void *context;
};
enum status web_open(const struct web_options *options, struct web **out, struct error *error);
int web_port(const struct web *web); /* the one bound; for tests with port 0 */
void web_drain(struct web *web);
size_t web_in_flight(const struct web *web);
void web_close(struct web *web); /* waits up to 10 s for requests in flight */
