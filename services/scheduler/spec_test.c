#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "spec.h"

static const char company[] = "0190f5fe-7c00-7a00-8000-0123456789ab";
static const struct caller nobody = { "", "", "" };
static const moment now = 1700000000000;

struct bench {
    struct arena *arena;
    Pb__JobSpec *job;
    struct spec spec;
    struct error error;
};

static int open_bench(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bench->arena = arena_new(0);
    bench->job = PB_NEW(bench->arena, job_spec);
    bench->job->company_id = arena_text(bench->arena, company);
    bench->job->task = arena_text(bench->arena, "channel.send.whatsapp_cloud");
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    arena_free(bench->arena);
    free(bench);
    return 0;
}

static enum status read_spec(struct bench *bench)
{
    return spec_from(bench->arena, bench->job, &nobody, now, &bench->spec, &bench->error);
}

static void what_is_not_said_is_the_tasks(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(read_spec(bench), OK);
    assert_true(ident_valid(bench->spec.id));
    assert_int_equal(bench->spec.priority, 100);
    assert_int_equal(bench->spec.attempts_max, 6);
    assert_int_equal(bench->spec.run_at, now);
    assert_string_equal(bench->spec.params, "{}");
    assert_null(bench->spec.key);
    assert_null(bench->spec.skipped);
}

static void the_caller_lends_company_and_trace(void **state)
{
    struct bench *bench = *state;
    bench->job->company_id = NULL;
    struct caller caller = { company, "c-1", "00-t" };
    assert_int_equal(spec_from(bench->arena, bench->job, &caller, now, &bench->spec, &bench->error), OK);
    assert_string_equal(bench->spec.company_id, company);
    assert_string_equal(bench->spec.correlation_id, "c-1");
    assert_string_equal(bench->spec.traceparent, "00-t");
    assert_int_equal(read_spec(bench), REJECT);
    assert_string_equal(bench->error.code, "bad_value");
}

static void the_later_of_delay_and_time_wins_and_the_past_is_now(void **state)
{
    struct bench *bench = *state;
    PB_SET(bench->job, delay_ms, 500);
    PB_SET(bench->job, run_at, now + 400);
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.run_at, now + 500);
    bench->job->run_at = now + 600;
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.run_at, now + 600);
    bench->job->run_at = 5;
    bench->job->delay_ms = 0;
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.run_at, now);
}

static void a_priority_stays_inside_its_tasks_class(void **state)
{
    struct bench *bench = *state;
    bench->job->task = arena_text(bench->arena, "ai.engage");
    const struct {
        int priority;
        enum status status;
    } cases[] = { { 89, REJECT }, { 90, OK }, { 100, OK }, { 101, REJECT } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PB_SET(bench->job, priority, cases[i].priority);
        assert_int_equal(read_spec(bench), cases[i].status);
    }
}

static void attempts_are_at_least_one_and_at_most_the_tasks(void **state)
{
    struct bench *bench = *state;
    PB_SET(bench->job, attempts_max, 0);
    assert_int_equal(read_spec(bench), REJECT);
    bench->job->attempts_max = 1;
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.attempts_max, 1);
    bench->job->attempts_max = 7;
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.attempts_max, 6);
}

static void params_are_one_object_of_at_most_64_kib(void **state)
{
    struct bench *bench = *state;
    const char *const bad[] = { "[]", "1", "{", "{} {}", "\"{}\"", "" };
    for (size_t i = 0; i + 1 < sizeof bad / sizeof *bad; i++) {
        bench->job->params = pb_json(bench->arena, arena_text(bench->arena, bad[i]));
        assert_int_equal(read_spec(bench), REJECT);
    }
    char *text = arena_alloc(bench->arena, PARAMS_BYTES_MAX + 2);
    memset(text, ' ', PARAMS_BYTES_MAX);
    memcpy(text, "{}", 2);
    bench->job->params = pb_json(bench->arena, text);
    assert_int_equal(read_spec(bench), OK);
    text[PARAMS_BYTES_MAX] = ' ';
    bench->job->params = pb_json(bench->arena, text);
    assert_int_equal(read_spec(bench), REJECT);
    assert_string_equal(bench->error.code, "too_long");
}

static Pb__Lane *lane(struct bench *bench, const char *name, int interval_ms, int in_flight_max)
{
    Pb__Lane *lane = PB_NEW(bench->arena, lane);
    lane->name = arena_text(bench->arena, name);
    PB_SET(lane, interval_ms, interval_ms);
    PB_SET(lane, in_flight_max, in_flight_max);
    return lane;
}

static void two_lanes_and_no_more_and_idle_ones_are_left_out(void **state)
{
    struct bench *bench = *state;
    Pb__Lane *lanes[3] = { lane(bench, "recipient", 0, 0), lane(bench, "number", 12, 0), lane(bench, "third", 1, 1) };
    bench->job->lanes = lanes;
    bench->job->n_lanes = 2;
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.lane_count, 1);
    assert_string_equal(bench->spec.lanes[0].name, "number");
    PB_SET(lanes[0], in_flight_max, 1);
    assert_int_equal(read_spec(bench), OK);
    assert_int_equal(bench->spec.lane_count, 2);
    bench->job->n_lanes = 3;
    assert_int_equal(read_spec(bench), REJECT);
    bench->job->n_lanes = 2;
    lanes[1]->name = lanes[0]->name;
    assert_int_equal(read_spec(bench), REJECT);
    lanes[1]->name = arena_text(bench->arena, "number");
    PB_SET(lanes[1], interval_ms, LANE_MS_MAX);
    assert_int_equal(read_spec(bench), OK);
    PB_SET(lanes[1], interval_ms, LANE_MS_MAX + 1);
    assert_int_equal(read_spec(bench), REJECT);
}

#define BENCH(test) cmocka_unit_test_setup_teardown(test, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH(what_is_not_said_is_the_tasks),
        BENCH(the_caller_lends_company_and_trace),
        BENCH(the_later_of_delay_and_time_wins_and_the_past_is_now),
        BENCH(a_priority_stays_inside_its_tasks_class),
        BENCH(attempts_are_at_least_one_and_at_most_the_tasks),
        BENCH(params_are_one_object_of_at_most_64_kib),
        BENCH(two_lanes_and_no_more_and_idle_ones_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
