/*
 * http_request - reads one HTTP/1.1 request out of received bytes, without changing them.
 *
 * The request points into those bytes: it is good only until they change.
 */
#ifndef SIMULATOR_HTTP_REQUEST_H
#define SIMULATOR_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_HEAD_MAX = 16 * 1024, HTTP_BODY_MAX = 4 * 1024 * 1024 };

struct http_request {
    char method[8];
    char path[256];
    char query[1024];
    const char *head; /* request line and header lines */
    size_t head_bytes;
    const char *body;
    size_t body_bytes;
    bool keep_alive;
};

enum http_reading {
    HTTP_WHOLE,
    HTTP_WANTS_MORE,
    HTTP_WANTS_CONTINUE, /* wants more, and the client waits for a 100 before it sends the body */
    HTTP_BROKEN,         /* answer `status` and close */
};

/* `taken` is how many bytes a whole request had; `status` why it is broken. */
enum http_reading http_request_read(const char *bytes, size_t count, struct http_request *request, size_t *taken,
                                    int *status);

/* Copies the value of a header; false when it is absent or longer than `room`. */
bool http_request_header(const struct http_request *request, const char *name, char *value, size_t room);

/* Copies the token of "Authorization: Bearer ..."; false when there is none. */
bool http_request_bearer(const struct http_request *request, char *token, size_t room);

/* Copies a percent-decoded query value; false when it is absent or too long. */
bool http_request_query(const struct http_request *request, const char *name, char *value, size_t room);

#endif
