/*
 * graph_errors - the vendor's error codes: what they are called and which HTTP status they come with.
 */
#ifndef SIMULATOR_GRAPH_ERRORS_H
#define SIMULATOR_GRAPH_ERRORS_H

#include "buffer.h"

enum {
    GRAPH_BAD_ID = 33,
    GRAPH_INVALID_PARAMETER = 100,
    GRAPH_BAD_TOKEN = 190,
    GRAPH_RATE_LIMIT = 130429,
    GRAPH_MISSING = 131008,
    GRAPH_BAD_VALUE = 131009,
    GRAPH_TO_SELF = 131021,
    GRAPH_UNDELIVERABLE = 131026,
    GRAPH_WINDOW_CLOSED = 131047,
    GRAPH_TYPE_UNKNOWN = 131051,
    GRAPH_PAIR_LIMIT = 131056,
    GRAPH_TEMPLATE_COUNT = 132000,
    GRAPH_TEMPLATE_UNKNOWN = 132001,
    GRAPH_TEMPLATE_LONG = 132005,
    GRAPH_TEMPLATE_FORMAT = 132012,
    GRAPH_TEMPLATE_PAUSED = 132015,
    GRAPH_TEMPLATE_DISABLED = 132016,
};

int graph_error_http_status(int code);

/* The whole error body of an HTTP answer. */
void graph_error_write(struct buffer *body, int code, const char *details);

/* The entry of `errors` in a failed status. */
void graph_error_write_status(struct buffer *body, int code);

#endif
