/*
 * health - GET /health, /stats and /metrics, from a picture that a duty takes once a second: asking often costs
 * nothing.
 */
#pragma once
#include "exchange.h"
#include "service/service.h"

int64_t health_look(struct batch *batch); /* the duty */
void health_get(struct exchange *exchange);
void health_stats(struct exchange *exchange);
void health_metrics(struct exchange *exchange);

/* What the duty saw. */
struct health_picture {
    bool database, nats;
    char database_why[ERROR_BYTES_MAX];
    unsigned workers[8]; /* by HEALTH_SERVICES */
    int64_t active_buffers;
    char vanished[256]; /* streams, comma separated; "" none */
    moment taken_at;
};
extern const char *const HEALTH_SERVICES[]; /* NULL-terminated */
/* {"status","checks",...} of a picture; false: degraded. */
bool health_write(struct buffer *out, const struct health_picture *picture);
