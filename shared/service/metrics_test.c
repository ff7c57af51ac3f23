#include "base/test.h"

#include <pthread.h>
#include <string.h>

#include "service/metrics.h"

static struct metric jobs = { .name = "jobs_total", .help = "Jobs.", .kind = METRIC_COUNTER, .label = "task" };
static struct metric depth = { .name = "depth", .help = "Depth.", .kind = METRIC_GAUGE };
static struct metric wait_seconds = {
    .name = "wait_seconds", .help = "Wait.", .kind = METRIC_HISTOGRAM, .label = "route"
};
static struct metric items = { .name = "items", .help = "Items.", .kind = METRIC_HISTOGRAM };
static struct metric shared_counter = {
    .name = "shared_total", .help = "Shared.", .kind = METRIC_COUNTER, .label = "task"
};

static const char *written(struct arena *arena)
{
    struct buffer out = { .arena = arena };
    metrics_write(&out);
    return buffer_text(&out);
}

static void assert_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    assert_non_null(at);
    assert_true(at == text || at[-1] == '\n');
    assert_int_equal(at[strlen(line)], '\n');
}

static void counters_and_gauges_are_written_with_their_labels(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    metric_add(&jobs, "ai.engage", 2);
    metric_add(&jobs, "ai.engage", 3);
    metric_add(&jobs, "a\"b", 1);
    metric_set(&depth, NULL, 7);
    metric_set(&depth, NULL, -3);
    const char *text = written(arena);
    assert_line(text, "# TYPE jobs_total counter");
    assert_line(text, "jobs_total{task=\"ai.engage\"} 5");
    assert_line(text, "jobs_total{task=\"a\\\"b\"} 1");
    assert_line(text, "depth -3");
    arena_free(arena);
}

static void a_histogram_of_seconds_takes_microseconds(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    metric_observe(&wait_seconds, "r", 100);
    metric_observe(&wait_seconds, "r", 101);
    metric_observe(&wait_seconds, "r", 999000000);
    const char *text = written(arena);
    assert_line(text, "wait_seconds_bucket{route=\"r\",le=\"0.0001\"} 1");
    assert_line(text, "wait_seconds_bucket{route=\"r\",le=\"0.00025\"} 2");
    assert_line(text, "wait_seconds_bucket{route=\"r\",le=\"60\"} 2");
    assert_line(text, "wait_seconds_bucket{route=\"r\",le=\"+Inf\"} 3");
    assert_line(text, "wait_seconds_sum{route=\"r\"} 999.000201");
    assert_line(text, "wait_seconds_count{route=\"r\"} 3");
    arena_free(arena);
}

static void a_histogram_of_numbers_has_powers_of_two(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    metric_observe(&items, NULL, 1);
    metric_observe(&items, NULL, 256);
    const char *text = written(arena);
    assert_line(text, "items_bucket{le=\"1\"} 1");
    assert_line(text, "items_bucket{le=\"128\"} 1");
    assert_line(text, "items_bucket{le=\"256\"} 2");
    assert_line(text, "items_sum 257");
    arena_free(arena);
}

static void *count_many(void *context)
{
    for (int i = 0; i < 10000; i++)
        metric_add(&shared_counter, i % 2 ? "odd" : "even", 1);
    return context;
}

static void threads_that_meet_a_metric_first_lose_no_count(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_many, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    const char *text = written(arena);
    assert_line(text, "shared_total{task=\"odd\"} 20000");
    assert_line(text, "shared_total{task=\"even\"} 20000");
    assert_null(strstr(strstr(text, "# TYPE shared_total") + 1, "# TYPE shared_total"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_written_with_their_labels),
        cmocka_unit_test(a_histogram_of_seconds_takes_microseconds),
        cmocka_unit_test(a_histogram_of_numbers_has_powers_of_two),
        cmocka_unit_test(threads_that_meet_a_metric_first_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
