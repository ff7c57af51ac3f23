/*
 * metrics - counters, gauges and histograms, shown in Prometheus' text format on the admin port.
 *
 * A metric is a static struct; it registers itself when first used. Updates are atomic, without locks. Labels are fixed
 * at declaration or few in number (task, route, status): never ids.
 */
#pragma once
#include <stdint.h>

#include "base/text.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_BUCKETS = 16 };

struct metric {
    const char *name; /* "parley_batch_items" */
    const char *help;
    enum metric_kind kind;
    const char *label;     /* name of its one label; NULL: none */
    struct series *series; /* metrics.c's own */
    struct metric *next;   /* likewise */
};

/* value: of the label; NULL without one. */
void metric_add(struct metric *metric, const char *value, int64_t amount);
void metric_set(struct metric *metric, const char *value, int64_t amount);
/* Histograms are in microseconds inside and seconds outside when the name ends in _seconds; plain numbers otherwise. */
void metric_observe(struct metric *metric, const char *value, int64_t amount);
void metrics_write(struct buffer *out);
