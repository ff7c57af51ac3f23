/*
 * http - outgoing HTTP over libcurl's multi interface, the only room that knows curl.
 *
 * One thread drives thousands of transfers; a call is handed over whole and comes back whole through the `done`
 * callback, which runs on that thread and must only pass it on. How a call ended is told so that a caller knows whether
 * the peer can have seen it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"

struct http;
struct http_call;

struct http_request {
    const char *method; /* "GET", "POST" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const char *body;
    size_t body_bytes;
    const char *body_file;   /* instead of body: PUTs this file's content, read as it leaves */
    int64_t connect_wait_ms; /* 0: 5000 */
    int64_t wait_ms;         /* whole call; 0: 30000 */
    moment start_by; /* checked after the connection stands and before a byte of the request goes out; 0: any time */
    size_t response_bytes_max; /* 0: 1 MiB; a larger answer is cut off and ends HTTP_BROKEN */
    /* Gets each piece of a 2xx answer's body instead of `body`, on the driving thread; false ends the call. NULL: kept
     * in memory. */
    bool (*take)(void *context, const char *bytes, size_t count);
    void *take_context;
};

enum http_end {
    HTTP_ANSWERED,    /* status and body are the peer's whole answer */
    HTTP_NOT_STARTED, /* no byte of the request left: not connected, or start_by had passed */
    HTTP_BROKEN,      /* bytes left (or may have) and no whole answer came: time-out, cut */
    HTTP_ABORTED,     /* by http_abort; started tells whether bytes had left */
};

struct http_response {
    enum http_end end;
    bool started;     /* bytes of the request may have left */
    bool late;        /* NOT_STARTED because start_by had passed */
    bool too_large;   /* BROKEN because the answer is larger than response_bytes_max */
    long status;      /* 0 unless ANSWERED */
    const char *body; /* ends with NUL; in the call's arena */
    size_t body_bytes;
    const char *content_type; /* "" when absent */
    int64_t retry_after_ms;   /* Retry-After (seconds or date) or retry-after-ms; 0: none */
    const char *request_id;   /* x-request-id, request-id or x-fb-trace-id; "" */
    int64_t took_us;
    struct error error; /* one sentence unless ANSWERED */
};

typedef void http_done(void *context, struct http_call *call, const struct http_response *response);

struct http_options {
    size_t in_flight_max; /* 0: 4096 */
    const char *user_agent;
};
struct http *http_open(const struct http_options *options); /* starts the thread */
void http_close(struct http *http); /* aborts what is under way; every done has been called on return */

/* arena must live until done was called; request is copied into it. Never blocks. Returns the call's handle, valid
 * until done was called. */
struct http_call *http_start(struct http *http, struct arena *arena, const struct http_request *request,
                             http_done *done, void *context);
/* Any thread, before or while done runs: ends the call as HTTP_ABORTED unless it is over already. */
void http_abort(struct http *http, struct http_call *call);
size_t http_in_flight(const struct http *http);

/* Waits for the answer; for tools and tests. */
void http_call_now(struct http *http, struct arena *arena, const struct http_request *request,
                   struct http_response *response);
