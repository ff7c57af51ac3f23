/*
 * graph_limits - the vendor's own limits: the pair bucket, the number's bucket, the 24-hour window.
 *
 * A refused send consumes nothing.
 */
#ifndef SIMULATOR_GRAPH_LIMITS_H
#define SIMULATOR_GRAPH_LIMITS_H

#include "table.h"

#include <stdbool.h>
#include <stdint.h>

struct graph_limits {
    struct table pairs;   /* phone number id and recipient */
    struct table numbers; /* phone number id */
    struct table windows; /* phone number id and user: the last inbound */
};

/* 0, or the code of the limit that is reached. */
int graph_limits_take(struct graph_limits *limits, const char *phone_id, const char *recipient);

/* An inbound of the user at that moment; an older one than the last known changes nothing. */
void graph_limits_open_window(struct graph_limits *limits, const char *phone_id, const char *user, int64_t at_s);
void graph_limits_close_window(struct graph_limits *limits, const char *phone_id, const char *user);
bool graph_limits_window_is_open(const struct graph_limits *limits, const char *phone_id, const char *user,
                                 int64_t now_s);

void graph_limits_reset(struct graph_limits *limits);

#endif
