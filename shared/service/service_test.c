/* The skeleton at work: demo services in processes of their own, over a private nats-server. Streams and calls. */
#include "service/test_stage.h"

static enum status put(const struct subject *subject, const char *id, const char *order)
{
    Pb__RawInbound raw = PB__RAW_INBOUND__INIT;
    const struct caller caller = { "c1", "k1", "" };
    raw.id = (char *)(uintptr_t)id;
    raw.account = (char *)(uintptr_t)order;
    return publish_one(arena, topology_inbound_subject(arena, subject, PB__CHANNEL__CHANNEL_SMS), NULL, &caller, &raw,
                       NULL, NULL);
}

/* -- streams */

static void a_message_is_handled_and_acknowledged(void **state)
{
    (void)state;
    struct demo ingest = demo_start("ingest");
    forget_reports();
    assert_int_equal(put(&INBOUND_MESSAGE, "a", "ok"), OK);
    expect("seen.inbound", "1 a:ok");
    expect_empty("INBOUND");
    demo_stop(&ingest);
}

static void retry_costs_no_delivery_and_keeps_what_follows_waiting(void **state)
{
    (void)state;
    struct demo ingest = demo_start("ingest");
    forget_reports();
    assert_int_equal(put(&INBOUND_MESSAGE, "r", "retry:600"), OK);
    expect("seen.inbound", "1 r:retry");
    assert_int_equal(put(&INBOUND_MESSAGE, "next", "ok"), OK);
    const char *got;
    int retries = 1;
    while (text_same(got = next_report("seen.inbound", 5000), "1 r:retry"))
        retries++;
    assert_string_equal(got, "1 r:ok");
    assert_in_range(retries, 2, 6); /* 100 ms doubling, not a busy loop */
    expect("seen.inbound", "1 next:ok");
    expect_empty("INBOUND");
    assert_non_null(strstr(consumer_info("INBOUND", "ingest-message"), "\"num_redelivered\":0"));
    demo_stop(&ingest);
}

static void one_bad_message_is_quarantined_alone(void **state)
{
    (void)state;
    struct bus_message kept;
    struct error error = { 0 };
    struct demo ingest = demo_start("ingest");
    forget_reports();
    uint64_t before = stream_state("QUARANTINE").last_sequence;
    struct bus_publish broken = { .subject = "inbound.message.sms", .data = "\xff\xff\xff", .bytes = 3 };
    bus_publish_all(process.bus, &broken, 1, 3000);
    assert_int_equal(put(&INBOUND_MESSAGE, "bad", "reject"), OK);
    assert_int_equal(put(&INBOUND_MESSAGE, "good", "ok"), OK);
    const char *got;
    while ((got = next_report("seen.inbound", 5000)) && !strstr(got, "good:ok"))
        ;
    assert_non_null(got);
    expect_empty("INBOUND");
    assert_int_equal(stream_state("QUARANTINE").last_sequence, before + 2);
    assert_int_equal(bus_stream_read(process.bus, arena, "QUARANTINE", before + 1, &kept, &error), OK);
    assert_string_equal(kept.subject, "quarantine.inbound.message.sms");
    assert_memory_equal(kept.data, "\xff\xff\xff", 3);
    assert_int_equal(bus_stream_read(process.bus, arena, "QUARANTINE", before + 2, &kept, &error), OK);
    assert_string_equal(bus_header(&kept, "Parley-Code"), "bad_thing");
    assert_string_equal(bus_header(&kept, "Parley-Error"), "told to refuse");
    assert_string_equal(bus_header(&kept, "Parley-Company"), "c1");
    demo_stop(&ingest);
}

/* With its reason beside it, it would be larger than the bus takes; it must not hold up what follows for that. */
static void a_bad_message_too_large_to_be_kept_whole_is_kept_cut(void **state)
{
    (void)state;
    enum { BYTES = BUS_PAYLOAD_BYTES_MAX - 4096 };
    struct bus_message kept;
    struct error error = { 0 };
    struct bus_header flood[60];
    char *large = memset(arena_alloc(arena, BYTES), 0xFF, BYTES);
    struct demo ingest = demo_start("ingest");
    forget_reports();
    uint64_t before = stream_state("QUARANTINE").last_sequence;
    flood[59] = (struct bus_header){ "Nats-Expected-Stream", "INBOUND" };
    for (size_t i = 0; i < 59; i++)
        flood[i] = (struct bus_header){ text_format(arena, "X-%zu", i), memset(arena_alloc(arena, 1001), 'x', 1000) };
    struct bus_publish broken[] = {
        { .subject = "inbound.message.sms", .data = large, .bytes = BYTES },
        { .subject = "inbound.message.sms", .data = "\xff", .bytes = 1, .headers = flood, .header_count = 60 }
    };
    bus_publish_all(process.bus, broken, 2, 3000);
    assert_int_equal(broken[0].status, OK);
    assert_int_equal(broken[1].status, OK);
    assert_int_equal(put(&INBOUND_MESSAGE, "good", "ok"), OK);
    expect("seen.inbound", "1 good:ok");
    expect_empty("INBOUND");
    assert_int_equal(bus_stream_read(process.bus, arena, "QUARANTINE", before + 1, &kept, &error), OK);
    assert_string_equal(bus_header(&kept, "Parley-Cut-From"), text_format(arena, "%d", BYTES));
    assert_string_equal(bus_header(&kept, "Parley-Subject"), "inbound.message.sms");
    assert_in_range(kept.bytes, BYTES - 128 * 1024, BYTES - 1);
    assert_memory_equal(kept.data, large, kept.bytes);
    assert_int_equal(bus_stream_read(process.bus, arena, "QUARANTINE", before + 2, &kept, &error), OK);
    assert_int_equal(kept.bytes, 1);
    assert_null(bus_header(&kept, "Parley-Cut-From"));
    assert_null(bus_header(&kept, "Nats-Expected-Stream"));
    assert_in_range(kept.header_count, 20, 40);
    demo_stop(&ingest);
}

static void a_batch_holds_at_most_what_the_route_says(void **state)
{
    (void)state;
    struct demo ingest = demo_start("ingest");
    forget_reports();
    enum { MANY = 500 };
    struct bus_publish messages[MANY] = { 0 };
    for (int i = 0; i < MANY; i++)
        messages[i] = (struct bus_publish){ .subject = "inbound.receipt.sms", .data = "", .bytes = 0 };
    bus_publish_all(process.bus, messages, MANY, 5000);
    for (long total = 0; total < MANY;) {
        const char *got = next_report("seen.receipt", 5000);
        assert_non_null(got);
        long count = strtol(got, NULL, 10);
        assert_in_range(count, 1, 10);
        total += count;
    }
    expect_empty("INBOUND");
    demo_stop(&ingest);
}

/* Both take longer than the ack wait, so they are waited for together. */
static void what_killed_a_process_comes_back_alone_and_heartbeats_hold_what_waits(void **state)
{
    (void)state;
    static const char *const orders[] = { "die", "ok", "ok" }, *const ids[] = { "x", "y", "z" };
    struct demo ingest = demo_start("ingest");
    forget_reports();
    assert_int_equal(put(&INBOUND_MESSAGE, "pulls", "ok"), OK);
    expect("seen.inbound", "1 pulls:ok");
    expect_empty("INBOUND");
    demo_freeze(&ingest); /* so that the three come as one batch */
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(&INBOUND_MESSAGE, ids[i], orders[i]), OK);
    for (int tries = 0; tries < 200 && !strstr(consumer_info("INBOUND", "ingest-message"), "\"num_ack_pending\":3");
         tries++)
        test_pause_ms(10);
    kill(ingest.pid, SIGCONT);
    assert_int_equal(demo_exit(&ingest), 9);
    ingest = demo_start("ingest");
    assert_int_equal(put(&INBOUND_RECEIPT, "unheld", "ok"), OK);
    expect("seen.receipt", "1 unheld:ok");
    assert_int_equal(put(&INBOUND_MESSAGE, "waits", "retry:18000"), OK);
    const char *got;
    while (text_same(got = next_report("seen.inbound", 20000), "1 waits:retry"))
        ;
    assert_string_equal(got, "1 waits:ok");
    expect("seen.inbound", "1 x:ok"); /* each alone, each once, in order */
    expect("seen.inbound", "1 y:ok");
    expect("seen.inbound", "1 z:ok");
    expect_empty("INBOUND");
    demo_stop(&ingest);
}

static void what_no_process_survives_is_quarantined_unhandled(void **state)
{
    (void)state;
    struct bus_source *source = NULL;
    struct bus_message message;
    struct error error = { 0 };
    size_t count = 0;
    struct demo ingest = demo_start("ingest"); /* makes the streams */
    demo_stop(&ingest);
    uint64_t before = stream_state("QUARANTINE").last_sequence;
    assert_int_equal(put(&INBOUND_MESSAGE, "poison", "ok"), OK);
    assert_int_equal(bus_pull_open(process.bus, "INBOUND", "ingest-message", &source, &error), OK);
    int64_t ends_us = moment_monotonic_us() + 30000000;
    for (int deliveries = 0; deliveries < DELIVERIES_ALONE_MAX; deliveries += (int)count) {
        assert_true(moment_monotonic_us() < ends_us);
        assert_int_equal(bus_take(source, arena, &message, 1, 4096, 2000, &count, &error), OK);
        if (count > 0 && deliveries < DELIVERIES_ALONE_MAX - 1)
            bus_nak(process.bus, &message, 0);
    }
    assert_int_equal(message.deliveries, DELIVERIES_ALONE_MAX);
    bus_source_close(source);
    bus_nak(process.bus, &message, 0); /* the eleventh delivery is not ours */
    forget_reports();
    ingest = demo_start("ingest");
    expect_empty("INBOUND");
    expect_nothing("seen.inbound", 200);
    assert_int_equal(bus_stream_read(process.bus, arena, "QUARANTINE", before + 1, &message, &error), OK);
    assert_string_equal(bus_header(&message, "Parley-Code"), "deliveries");
    demo_stop(&ingest);
}

static void a_service_waits_for_its_bus_and_outlives_its_restart(void **state)
{
    (void)state;
    test_broker_down(&broker, SIGKILL);
    int64_t ends_us = moment_monotonic_us() + 30000000;
    struct demo ingest = demo_launch("ingest");
    assert_int_equal(http_status(ingest.admin, "/readyz", NULL, 0), 503);
    assert_int_equal(http_status(ingest.admin, "/healthz", NULL, 0), 200);
    for (int round = 0; round < 2; round++) {
        test_broker_up(&broker);
        wait_ready(&ingest);
        wait_connected();
        while (put(&INBOUND_MESSAGE, "b", "ok") != OK && moment_monotonic_us() < ends_us)
            test_pause_ms(10);
        expect("seen.inbound", "1 b:ok");
        expect_empty("INBOUND"); /* an ack that dies with the broker is a redelivery, 15 s later */
        if (round == 0)
            test_broker_down(&broker, SIGKILL);
    }
    demo_stop(&ingest);
}

static void a_service_told_to_end_before_it_is_ready_ends_well(void **state)
{
    (void)state;
    test_broker_down(&broker, SIGTERM);
    struct demo ingest = demo_launch("ingest");
    demo_stop(&ingest);
    test_broker_up(&broker);
    wait_connected();
}

static void a_stream_deleted_under_load_comes_back_and_is_reported(void **state)
{
    (void)state;
    struct bus_message reply;
    struct error error = { 0 };
    char metrics[65536];
    struct demo ingest = demo_start("ingest");
    forget_reports();
    assert_int_equal(bus_request(process.bus, arena, "$JS.API.STREAM.DELETE.INBOUND", "", 0, 3000, &reply, &error), OK);
    int64_t began_us = moment_monotonic_us();
    while (put(&INBOUND_MESSAGE, "after", "ok") != OK)
        assert_true(moment_monotonic_us() - began_us < 5000000);
    expect("seen.inbound", "1 after:ok");
    assert_int_equal(put(&INBOUND_RECEIPT, "after", "ok"), OK);
    expect("seen.receipt", "1 after:ok");
    http_status(ingest.admin, "/metrics", metrics, sizeof metrics);
    assert_non_null(strstr(metrics, "parley_streams_vanished_total{name=\"INBOUND\"} 1"));
    demo_stop(&ingest);
}

/* -- the process */

/* The exit code of a service told to probe; its sentence is in the log. */
static int probe_at(int port)
{
    struct demo demo = { 0 };
    setenv("ADMIN_PORT", text_format(arena, "%d", port), 1);
    demo.pid = test_spawn((char *[]){ "/proc/self/exe", "--demo", "ingest", "--probe", NULL },
                          text_format(arena, "%s/probe.log", broker.folder));
    unsetenv("ADMIN_PORT");
    return demo_exit(&demo);
}

static void a_probe_says_whether_the_service_beside_it_is_ready(void **state)
{
    (void)state;
    struct demo ingest = demo_start("ingest");
    assert_int_equal(probe_at(ingest.admin), 0);
    test_broker_down(&broker, SIGTERM);
    for (int tries = 0; tries < 500 && probe_at(ingest.admin) == 0; tries++)
        test_pause_ms(10);
    assert_int_equal(probe_at(ingest.admin), 1);
    assert_non_null(strstr(log_text("probe"), "not ready: the message bus is not connected\n"));
    test_broker_up(&broker);
    wait_connected();
    demo_stop(&ingest);
    assert_int_equal(probe_at(ingest.admin), 1);
    assert_non_null(strstr(log_text("probe"), "not ready: no answer from 127.0.0.1 at ADMIN_PORT\n"));
    assert_int_equal(probe_at(0), 2);
    assert_non_null(strstr(log_text("probe"), "ingest: --probe needs ADMIN_PORT: at 0 the port is any free one\n"));
}

static void a_usual_start_tells_nothing_to_worry_about_and_a_stop_is_quick(void **state)
{
    (void)state;
    int64_t took_us = 0;
    size_t before = strlen(log_text("ingest"));
    for (int i = 0; i < 3; i++) {
        struct demo ingest = demo_start("ingest");
        int64_t began_us = moment_monotonic_us();
        demo_stop(&ingest);
        took_us += moment_monotonic_us() - began_us;
    }
    const char *said = log_text("ingest") + before;
    assert_non_null(strstr(said, "level=info"));
    assert_null(strstr(said, "level=warn"));
    assert_null(strstr(said, "level=error"));
    assert_true(took_us < 3 * 700000); /* civetweb alone would take up to 2 s each */
}

/* -- calls */

static void every_call_gets_its_own_answer(void **state)
{
    (void)state;
    static char *ids[] = { "one", "later", "two", "never", "three" };
    struct demo store = demo_start("lead-store");
    Pb__LeadGetRequest requests[5];
    struct call calls[5] = { 0 };
    for (int i = 0; i < 5; i++) {
        pb__lead_get_request__init(&requests[i]);
        requests[i].id = ids[i];
        calls[i].request = &requests[i];
    }
    Pb__Json wrong = PB__JSON__INIT;
    wrong.text = "\xc3("; /* field 1 as well, but no text */
    calls[4].request = &wrong;
    ask(arena, &STORE_LEAD_GET, calls, 5);
    static const enum status expected[] = { OK, RETRY, OK, REJECT, REJECT };
    for (int i = 0; i < 5; i++)
        assert_int_equal(calls[i].status, expected[i]);
    assert_string_equal(((Pb__Lead *)calls[2].reply)->id, "two");
    assert_string_equal(calls[3].error.code, "unknown_lead");
    assert_string_equal(calls[3].error.text, "there is no such lead");
    demo_stop(&store);
}

static void more_calls_than_a_request_holds_are_all_answered_in_order(void **state)
{
    (void)state;
    enum { MANY = BATCH_ITEMS_MAX * 2 + 1 };
    static Pb__LeadGetRequest requests[MANY];
    static struct call calls[MANY];
    struct demo store = demo_start("lead-store");
    for (int i = 0; i < MANY; i++) {
        pb__lead_get_request__init(&requests[i]);
        requests[i].id = text_format(arena, "id-%d", i);
        calls[i].request = &requests[i];
    }
    ask(arena, &STORE_LEAD_GET, calls, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(calls[i].status, OK);
        assert_string_equal(((Pb__Lead *)calls[i].reply)->id, requests[i].id);
    }
    demo_stop(&store);
}

static void a_reply_that_would_grow_too_large_says_retry_for_the_rest(void **state)
{
    (void)state;
    Pb__LeadGetRequest request = PB__LEAD_GET_REQUEST__INIT;
    struct call calls[8] = { 0 };
    struct demo store = demo_start("lead-store");
    request.id = "large";
    for (int i = 0; i < 8; i++)
        calls[i].request = &request;
    ask(arena, &STORE_LEAD_GET, calls, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(calls[i].status, i < 5 ? OK : RETRY);
    assert_string_equal(calls[7].error.code, "reply_full");
    demo_stop(&store);
}

static void whoever_asks_for_the_whole_gets_what_did_not_fit_and_what_was_refused(void **state)
{
    (void)state;
    enum { LARGE = 12 };
    Pb__LeadGetRequest requests[LARGE + 2];
    struct call calls[LARGE + 2] = { 0 };
    struct demo store = demo_start("lead-store");
    for (int i = 0; i < LARGE + 2; i++) {
        requests[i] = (Pb__LeadGetRequest)PB__LEAD_GET_REQUEST__INIT;
        requests[i].id = i == 3 ? "never" : i == 7 ? "later" : text_format(arena, "large %d", i);
        calls[i].request = &requests[i];
    }
    ask_whole(arena, &STORE_LEAD_GET, calls, LARGE + 2);
    for (int i = 0; i < LARGE + 2; i++)
        if (i == 3 || i == 7)
            assert_int_equal(calls[i].status, i == 3 ? REJECT : RETRY);
        else
            assert_string_equal(((Pb__Lead *)calls[i].reply)->id, requests[i].id);
    assert_string_equal(calls[7].error.code, "busy");
    demo_stop(&store);
    ask_whole(arena, &STORE_LEAD_GET, calls, LARGE + 2);
    assert_true(call_away(&calls[0]) && call_away(&calls[LARGE + 1]));
}

static void a_request_past_its_deadline_is_dropped_and_a_malformed_one_refused(void **state)
{
    (void)state;
    Pb__CallBatch batch = PB__CALL_BATCH__INIT;
    ProtobufCBinaryData bytes;
    struct bus_message reply;
    struct error error = { 0 };
    void *answers = NULL;
    struct demo store = demo_start("lead-store");
    PB_SET(&batch, deadline_at, moment_now() - 1000);
    pb_pack(arena, &batch, &bytes);
    assert_int_equal(bus_request(process.bus, arena, STORE_LEAD_GET.name, bytes.data, bytes.len, 300, &reply, &error),
                     RETRY);
    assert_string_equal(error.code, "no_answer");
    assert_int_equal(bus_request(process.bus, arena, STORE_LEAD_GET.name, "\xff", 1, 3000, &reply, &error), OK);
    assert_int_equal(pb_unpack(arena, &pb__answer_batch__descriptor, reply.data, reply.bytes, &answers, &error), OK);
    assert_int_equal(((Pb__AnswerBatch *)answers)->answers[0]->status, PB__STATUS__STATUS_REJECT);
    demo_stop(&store);
}

static void nobody_there_is_retry_for_each_call(void **state)
{
    (void)state;
    Pb__LeadGetRequest request = PB__LEAD_GET_REQUEST__INIT;
    struct call calls[2] = { { .request = &request }, { .request = &request } };
    ask(arena, &STORE_LEAD_GET, calls, 2);
    assert_true(calls[0].status == RETRY && calls[1].status == RETRY);
    assert_string_equal(calls[1].error.code, "nobody_there");
}

static void a_duty_runs_at_start_and_when_nudged_and_micro_answers(void **state)
{
    (void)state;
    Pb__Empty empty = PB__EMPTY__INIT;
    struct bus_message reply;
    struct error error = { 0 };
    forget_reports();
    struct demo store = demo_start("lead-store");
    expect("seen.duty", "1");
    expect_nothing("seen.duty", 200);
    nudge(arena, &NUDGE_RELAY, &empty);
    expect("seen.duty", "1");
    assert_int_equal(bus_request(process.bus, arena, "$SRV.INFO.lead-store", "", 0, 3000, &reply, &error), OK);
    assert_non_null(strstr(reply.data, "\"subject\":\"store.lead.get\""));
    assert_int_equal(http_status(store.admin, "/healthz", NULL, 0), 200);
    assert_int_equal(http_status(store.admin, "/other", NULL, 0), 404);
    demo_stop(&store);
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--demo") == 0)
        return demo_main(argv[2], argv[3]);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_start_tells_nothing_to_worry_about_and_a_stop_is_quick),
        cmocka_unit_test(a_probe_says_whether_the_service_beside_it_is_ready),
        cmocka_unit_test(a_message_is_handled_and_acknowledged),
        cmocka_unit_test(retry_costs_no_delivery_and_keeps_what_follows_waiting),
        cmocka_unit_test(one_bad_message_is_quarantined_alone),
        cmocka_unit_test(a_bad_message_too_large_to_be_kept_whole_is_kept_cut),
        cmocka_unit_test(a_batch_holds_at_most_what_the_route_says),
        cmocka_unit_test(every_call_gets_its_own_answer),
        cmocka_unit_test(more_calls_than_a_request_holds_are_all_answered_in_order),
        cmocka_unit_test(a_reply_that_would_grow_too_large_says_retry_for_the_rest),
        cmocka_unit_test(whoever_asks_for_the_whole_gets_what_did_not_fit_and_what_was_refused),
        cmocka_unit_test(a_request_past_its_deadline_is_dropped_and_a_malformed_one_refused),
        cmocka_unit_test(nobody_there_is_retry_for_each_call),
        cmocka_unit_test(a_duty_runs_at_start_and_when_nudged_and_micro_answers),
        cmocka_unit_test(a_stream_deleted_under_load_comes_back_and_is_reported),
        cmocka_unit_test(what_no_process_survives_is_quarantined_unhandled),
        cmocka_unit_test(a_service_waits_for_its_bus_and_outlives_its_restart),
        cmocka_unit_test(a_service_told_to_end_before_it_is_ready_ends_well),
        cmocka_unit_test(what_killed_a_process_comes_back_alone_and_heartbeats_hold_what_waits),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
