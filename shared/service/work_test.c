/* Jobs: the demo ai-engage asks a stub for each and reports to the demo scheduler. */
#include <poll.h>

#include "service/test_stage.h"

/* -- the stub: takes any number of calls and answers none before it is told to */

enum { CALLS_MAX = 2048 };

static struct stub {
    pthread_t thread;
    int listener, count;
    int calls[CALLS_MAX];
    atomic_int waiting, answered;
    atomic_bool release, stop;
} stub;

static void stub_answer(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    for (int i = 0; i < stub.count; i++) {
        char request[4096];
        if (recv(stub.calls[i], request, sizeof request, 0) > 0 &&
            send(stub.calls[i], answer, sizeof answer - 1, MSG_NOSIGNAL) > 0)
            stub.answered++;
        close(stub.calls[i]);
    }
    stub.count = 0;
    stub.waiting = 0;
}

static void *stub_run(void *context)
{
    struct pollfd listener = { .fd = stub.listener, .events = POLLIN };
    while (!stub.stop) {
        if (poll(&listener, 1, 10) == 1 && stub.count < CALLS_MAX) {
            stub.calls[stub.count++] = accept(stub.listener, NULL, NULL);
            stub.waiting = stub.count;
        } else if (stub.release)
            stub_answer();
    }
    stub_answer();
    close(stub.listener);
    return context;
}

static void stub_start(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof address;
    stub.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stub.listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(stub.listener, 1024), 0);
    getsockname(stub.listener, (struct sockaddr *)&address, &bytes);
    setenv("DEMO_STUB_URL", text_format(arena, "http://127.0.0.1:%d/", ntohs(address.sin_port)), 1);
    pthread_create(&stub.thread, NULL, stub_run, NULL);
}

static void wait_for_calls(int count)
{
    for (int tries = 0; tries < 1500 && stub.waiting < count; tries++)
        test_pause_ms(10);
    assert_int_equal(stub.waiting, count);
}

/* -- stage */

static struct demo ingest, scheduler, engage;

static int open_stage(void **state)
{
    if (open_all(state) != 0)
        return 1;
    stub_start();
    ingest = demo_start("ingest"); /* owns QUARANTINE */
    scheduler = demo_start("scheduler");
    engage = demo_start("ai-engage");
    return 0;
}

static int close_stage(void **state)
{
    demo_stop(&engage);
    demo_stop(&scheduler);
    demo_stop(&ingest);
    stub.stop = true;
    pthread_join(stub.thread, NULL);
    return close_all(state);
}

static int fresh(void **state)
{
    (void)state;
    stub.release = false;
    forget_reports();
    return 0;
}

static void dispatch(const char *job, const char *params)
{
    Pb__JobDispatch message = PB__JOB_DISPATCH__INIT;
    Pb__Json json = PB__JSON__INIT;
    const struct caller caller = { "c1", "k1", "" };
    json.text = (char *)(uintptr_t)params;
    message.job_id = (char *)(uintptr_t)job;
    message.task = "ai.engage";
    message.params = &json;
    PB_SET(&message, dispatch, 1);
    PB_SET(&message, attempt, 1);
    assert_int_equal(publish_one(arena, "work.ai.engage", NULL, &caller, &message, NULL, NULL), OK);
}

static void dispatch_lead(const char *job, const char *lead)
{
    dispatch(job, text_format(arena, "{\"lead_id\":\"%s\",\"message_id\":\"m\"}", lead));
}

/* -- tests */

static void a_job_is_done_reported_with_its_children_and_acknowledged(void **state)
{
    (void)state;
    stub.release = true;
    dispatch_lead("job-1", "l1");
    expect("seen.finish", "job-1 1 - 1");
    expect_empty("WORK");
}

static void bad_params_are_dead_at_once_and_a_malformed_dispatch_is_quarantined(void **state)
{
    (void)state;
    struct bus_publish broken = { .subject = "work.ai.engage", .data = "\xff", .bytes = 1 };
    dispatch("job-2", "{\"lead\":1}");
    expect("seen.finish", "job-2 3 unknown_field 0");
    bus_publish_all(process.bus, &broken, 1, 3000);
    expect_empty("WORK");
    assert_int_equal(stream_state("QUARANTINE").messages, 1);
}

static void a_result_that_the_scheduler_puts_off_is_reported_again(void **state)
{
    (void)state;
    stub.release = true;
    dispatch_lead("twice-1", "l1");
    expect("seen.finish", "twice-1 1 - 1");
    expect_empty("WORK");
}

static void a_result_that_the_scheduler_refuses_makes_the_job_dead(void **state)
{
    (void)state;
    stub.release = true;
    dispatch_lead("refused-1", "l1");
    expect("seen.finish", "refused-1 3 bad_result 0");
    expect_empty("WORK");
}

static void a_thousand_calls_wait_at_the_same_time(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    char metrics[65536];
    for (int i = 0; i < MANY; i++)
        dispatch_lead(text_format(arena, "many-%d", i), "l1");
    wait_for_calls(MANY);
    http_status(engage.admin, "/metrics", metrics, sizeof metrics);
    assert_non_null(strstr(metrics, "parley_parked{route=\"work.ai.engage\"} 1000"));
    stub.release = true;
    for (int i = 0; i < MANY; i++) {
        const char *got = next_report("seen.finish", 10000);
        assert_non_null(got);
        assert_true(text_starts(got, "many-") && text_ends(got, " 1 - 1"));
    }
    expect_empty("WORK");
}

static void a_crowd_of_answers_does_not_keep_a_new_job_waiting(void **state)
{
    (void)state;
    enum { MANY = 1200 };
    for (int i = 0; i < MANY; i++)
        dispatch_lead(text_format(arena, "crowd-%d", i), "l1");
    wait_for_calls(MANY);
    stub.release = true;
    const char *first = next_report("seen.finish", 10000);
    assert_true(first && text_starts(first, "crowd-"));
    dispatch_lead("new-1", "seen");
    expect("seen.taken", "seen");
    const char *later = next_report("seen.finish", 10000);
    assert_true(later && text_starts(later, "crowd-"));
    while (!text_starts(later, "new-1"))
        assert_non_null(later = next_report("seen.finish", 10000));
    expect_empty("WORK");
}

static void a_nudge_aborts_the_calls_of_its_label_and_no_others(void **state)
{
    (void)state;
    Pb__ConversationNudge told = PB__CONVERSATION_NUDGE__INIT;
    told.lead_id = "l7";
    dispatch_lead("abort-1", "l7");
    dispatch_lead("stays-1", "l8");
    wait_for_calls(2);
    nudge(arena, &NUDGE_CONVERSATION, &told);
    expect("seen.finish", "abort-1 5 - 0");
    stub.release = true;
    expect("seen.finish", "stays-1 1 - 1");
    expect_empty("WORK");
}

static void what_cant_be_told_yet_stays_held_and_is_resumed_again_as_it_was(void **state)
{
    (void)state;
    stub.release = true;
    dispatch_lead("later-1", "later");
    expect("seen.later", "1 told");
    assert_int_equal(stream_state("WORK").messages, 1);
    expect("seen.later", "2 told");
    expect("seen.later", "3 told");
    expect("seen.finish", "later-1 1 - 1");
    expect_empty("WORK");
}

static void an_item_may_be_resumed_before_it_has_called(void **state)
{
    (void)state;
    dispatch_lead("later-2", "call-later");
    expect("seen.later", "1 -");
    expect("seen.later", "2 -");
    expect("seen.later", "3 -");
    wait_for_calls(1);
    stub.release = true;
    expect("seen.finish", "later-2 1 - 1");
    expect_empty("WORK");
}

static void a_drain_still_resumes_what_could_not_be_told(void **state)
{
    (void)state;
    stub.release = true;
    dispatch_lead("later-3", "later");
    expect("seen.later", "1 told");
    demo_stop(&engage);
    expect("seen.finish", "later-3 1 - 1");
    expect_empty("WORK");
    engage = demo_start("ai-engage");
}

static int64_t capacity_heard(struct bus_source *source)
{
    struct bus_message message;
    size_t count = 0;
    void *capacity = NULL;
    for (int rounds = 0; rounds < 5 && count == 0; rounds++)
        assert_int_equal(bus_take(source, arena, &message, 1, 4096, 2000, &count, NULL), OK);
    assert_int_equal(count, 1);
    assert_string_equal(message.subject, "jobs.capacity.ai.engage");
    assert_int_equal(pb_unpack(arena, &pb__job_capacity__descriptor, message.data, message.bytes, &capacity, NULL), OK);
    return ((Pb__JobCapacity *)capacity)->free;
}

static void capacity_is_told_and_a_draining_worker_has_none(void **state)
{
    (void)state;
    struct bus_source *source = NULL;
    assert_int_equal(bus_serve_open(process.bus, JOBS_CAPACITY.name, "test", &source, NULL), OK);
    assert_int_equal(capacity_heard(source), PARKED_MAX);
    demo_stop(&engage);
    int64_t told = PARKED_MAX;
    while (told == PARKED_MAX)
        told = capacity_heard(source);
    assert_int_equal(told, 0);
    bus_source_close(source);
    engage = demo_start("ai-engage");
}

static void a_drain_gives_parked_jobs_to_another_worker(void **state)
{
    (void)state;
    dispatch_lead("moved-1", "l1");
    wait_for_calls(1);
    demo_stop(&engage);
    assert_int_equal(stream_state("WORK").messages, 1);
    engage = demo_start("ai-engage");
    stub.release = true;
    expect("seen.finish", "moved-1 1 - 1");
    expect_empty("WORK");
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--demo") == 0)
        return demo_main(argv[2], NULL);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_job_is_done_reported_with_its_children_and_acknowledged, fresh),
        cmocka_unit_test_setup(bad_params_are_dead_at_once_and_a_malformed_dispatch_is_quarantined, fresh),
        cmocka_unit_test_setup(a_result_that_the_scheduler_puts_off_is_reported_again, fresh),
        cmocka_unit_test_setup(a_result_that_the_scheduler_refuses_makes_the_job_dead, fresh),
        cmocka_unit_test_setup(a_thousand_calls_wait_at_the_same_time, fresh),
        cmocka_unit_test_setup(a_crowd_of_answers_does_not_keep_a_new_job_waiting, fresh),
        cmocka_unit_test_setup(a_nudge_aborts_the_calls_of_its_label_and_no_others, fresh),
        cmocka_unit_test_setup(what_cant_be_told_yet_stays_held_and_is_resumed_again_as_it_was, fresh),
        cmocka_unit_test_setup(an_item_may_be_resumed_before_it_has_called, fresh),
        cmocka_unit_test_setup(a_drain_still_resumes_what_could_not_be_told, fresh),
        cmocka_unit_test_setup(capacity_is_told_and_a_draining_worker_has_none, fresh),
        cmocka_unit_test_setup(a_drain_gives_parked_jobs_to_another_worker, fresh),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
