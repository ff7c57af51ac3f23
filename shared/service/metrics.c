#include "service/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One labelled value. Series are added and never removed, so that readers and writers need no lock. */
struct series {
    struct series *next;
    const char *value;      /* of the label; "" without one */
    _Atomic int64_t amount; /* counter, gauge; sum of a histogram */
    _Atomic int64_t buckets[METRIC_BUCKETS];
};

/* Upper bounds: of times in microseconds, 100 us to 60 s; of plain numbers powers of two. The last one is infinity. */
static const int64_t times_us[METRIC_BUCKETS - 1] = { 100,   250,    500,    1000,    2500,    5000,     10000,   25000,
                                                      50000, 100000, 250000, 1000000, 5000000, 15000000, 60000000 };

static struct metric *metrics;   /* lists grow at the head, by compare and set */
static struct metric registered; /* marks the end of the list: a metric with next NULL is not in it yet */

static bool is_time(const struct metric *metric)
{
    size_t bytes = strlen(metric->name);
    return bytes > 8 && strcmp(metric->name + bytes - 8, "_seconds") == 0;
}

static void join(struct metric *metric)
{
    if (__atomic_load_n(&metric->next, __ATOMIC_ACQUIRE))
        return;
    struct metric *unset = NULL;
    if (!__atomic_compare_exchange_n(&metric->next, &unset, &registered, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return; /* another thread is at it */
    struct metric *head = __atomic_load_n(&metrics, __ATOMIC_ACQUIRE);
    do
        __atomic_store_n(&metric->next, head ? head : &registered, __ATOMIC_RELEASE);
    while (!__atomic_compare_exchange_n(&metrics, &head, metric, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static struct series *find(struct series *from, const char *value)
{
    for (; from; from = from->next)
        if (strcmp(from->value, value) == 0)
            return from;
    return NULL;
}

static struct series *series_of(struct metric *metric, const char *value)
{
    join(metric);
    value = value ? value : "";
    struct series *head = __atomic_load_n(&metric->series, __ATOMIC_ACQUIRE);
    struct series *found = find(head, value);
    if (found)
        return found;
    struct series *fresh = calloc(1, sizeof *fresh);
    char *copy = strdup(value);
    if (!fresh || !copy)
        abort();
    fresh->value = copy;
    do {
        fresh->next = head;
        if ((found = find(head, value))) {
            free(copy);
            free(fresh);
            return found;
        }
    } while (!__atomic_compare_exchange_n(&metric->series, &head, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return fresh;
}

void metric_add(struct metric *metric, const char *value, int64_t amount)
{
    atomic_fetch_add_explicit(&series_of(metric, value)->amount, amount, memory_order_relaxed);
}

void metric_set(struct metric *metric, const char *value, int64_t amount)
{
    atomic_store_explicit(&series_of(metric, value)->amount, amount, memory_order_relaxed);
}

static int64_t bound(bool time, int bucket)
{
    return time ? times_us[bucket] : (int64_t)1 << bucket;
}

void metric_observe(struct metric *metric, const char *value, int64_t amount)
{
    struct series *series = series_of(metric, value);
    bool time = is_time(metric);
    int bucket = 0;
    while (bucket < METRIC_BUCKETS - 1 && amount > bound(time, bucket))
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->amount, amount, memory_order_relaxed);
}

/* -- text */

static void write_number(struct buffer *out, bool time, int64_t number)
{
    if (time)
        buffer_format(out, "%.15g\n", (double)number / 1e6);
    else
        buffer_format(out, "%" PRId64 "\n", number);
}

static void write_label_value(struct buffer *out, const char *value)
{
    for (; *value; value++)
        if (*value == '"' || *value == '\\')
            buffer_format(out, "\\%c", *value);
        else if (*value == '\n')
            buffer_add(out, "\\n");
        else
            buffer_add_char(out, *value);
}

/* name{label="value",le="bound"}; parts that aren't there are left out. */
static void write_name(struct buffer *out, const struct metric *metric, const char *suffix, const struct series *series,
                       const char *le)
{
    buffer_format(out, "%s%s", metric->name, suffix);
    if (!metric->label && !le) {
        buffer_add_char(out, ' ');
        return;
    }
    buffer_add_char(out, '{');
    if (metric->label) {
        buffer_format(out, "%s=\"", metric->label);
        write_label_value(out, series->value);
        buffer_add_char(out, '"');
    }
    if (le)
        buffer_format(out, "%sle=\"%s\"", metric->label ? "," : "", le);
    buffer_add(out, "} ");
}

static void write_histogram(struct buffer *out, const struct metric *metric, const struct series *series)
{
    bool time = is_time(metric);
    int64_t below = 0;
    for (int bucket = 0; bucket < METRIC_BUCKETS; bucket++) {
        char le[32] = "+Inf";
        if (bucket < METRIC_BUCKETS - 1)
            snprintf(le, sizeof le, "%g", time ? (double)bound(time, bucket) / 1e6 : (double)bound(time, bucket));
        below += series->buckets[bucket];
        write_name(out, metric, "_bucket", series, le);
        buffer_format(out, "%" PRId64 "\n", below);
    }
    write_name(out, metric, "_sum", series, NULL);
    write_number(out, time, series->amount);
    write_name(out, metric, "_count", series, NULL);
    buffer_format(out, "%" PRId64 "\n", below);
}

static void write_metric(struct buffer *out, const struct metric *metric)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
    };
    buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
    for (const struct series *series = __atomic_load_n(&metric->series, __ATOMIC_ACQUIRE); series;
         series = series->next)
        if (metric->kind == METRIC_HISTOGRAM)
            write_histogram(out, metric, series);
        else {
            write_name(out, metric, "", series, NULL);
            write_number(out, is_time(metric), series->amount);
        }
}

void metrics_write(struct buffer *out)
{
    const struct metric *metric = __atomic_load_n(&metrics, __ATOMIC_ACQUIRE);
    for (; metric && metric != &registered; metric = __atomic_load_n(&metric->next, __ATOMIC_ACQUIRE))
        write_metric(out, metric);
}
