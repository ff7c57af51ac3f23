#include "base/test.h"
#include "net/bus.h"

#include <pthread.h>

#include "base/limits.h"
#include "base/queue.h"
#include "base/text.h"
#include "net/test_broker.h"

static struct test_broker broker;
static struct bus *bus;
static struct arena *arena;

static const char *const subjects[] = { "things.>", NULL };
static const struct bus_stream things = {
    .name = "THINGS", .subjects = subjects, .work_queue = true, .duplicates_ms = 120000, .replicas = 1, .version = 3
};
static const struct bus_consumer taker = {
    .name = "taker", .stream = "THINGS", .filter = "things.>", .ack_wait_ms = 2000, .ack_pending_max = 65536
};

static void wait_connected(void)
{
    for (int tries = 0; !bus_connected(bus); tries++) {
        assert_true(tries < 500);
        test_pause_ms(10);
    }
}

static int open_all(void **state)
{
    (void)state;
    struct error error;
    bool created;
    test_broker_start(&broker);
    arena = arena_new(0);
    if (bus_open(&(struct bus_options){ .url = broker.url, .name = "bus_test" }, &bus, &error) != OK)
        return 1;
    wait_connected();
    if (bus_stream_ensure(bus, &things, &created, &error) != OK ||
        bus_consumer_ensure(bus, &taker, &created, &error) != OK)
        return 1;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    bus_close(bus);
    arena_free(arena);
    test_broker_stop(&broker);
    return 0;
}

static struct bus_publish thing(const char *text, const char *id)
{
    return (struct bus_publish){ .subject = "things.one", .data = text, .bytes = strlen(text), .id = id };
}

static void publish(const char *text)
{
    struct bus_publish message = thing(text, NULL);
    bus_publish_all(bus, &message, 1, 3000);
    assert_int_equal(message.status, OK);
}

static struct bus_source *pull(void)
{
    struct bus_source *source = NULL;
    struct error error;
    assert_int_equal(bus_pull_open(bus, "THINGS", "taker", &source, &error), OK);
    return source;
}

/* Waits for one message, as long as it takes within a few rounds. */
static size_t take_some(struct bus_source *source, struct bus_message *out, size_t count_max)
{
    size_t count = 0;
    struct error error = { 0 };
    for (int rounds = 0; rounds < 6 && count == 0; rounds++)
        assert_int_equal(bus_take(source, arena, out, count_max, BATCH_BYTES_MAX, 2000, &count, &error), OK);
    return count;
}

static void a_published_message_comes_with_its_headers_and_numbers(void **state)
{
    (void)state;
    struct bus_message got;
    const struct bus_header headers[] = { { "Parley-Company", "c1" }, { "Parley-Lead", NULL }, { "ce-type", "a.b" } };
    struct bus_publish message = thing("hello", "id-1");
    message.headers = headers;
    message.header_count = 3;
    bus_publish_all(bus, &message, 1, 3000);
    assert_int_equal(message.status, OK);
    struct bus_source *source = pull();
    assert_int_equal(take_some(source, &got, 1), 1);
    assert_int_equal(got.bytes, 5);
    assert_memory_equal(got.data, "hello", 6);
    assert_string_equal(bus_header(&got, "Parley-Company"), "c1");
    assert_string_equal(bus_header(&got, "Nats-Msg-Id"), "id-1");
    assert_string_equal(bus_header(&got, "ce-type"), "a.b");
    assert_int_equal(got.header_count, 3);
    assert_null(bus_header(&got, "absent"));
    assert_true(got.sequence == message.sequence && got.deliveries == 1);
    assert_true(got.published_at > moment_now() - 10000 && got.published_at <= moment_now() + 1000);
    bus_ack(bus, &got, 1);
    bus_flush(bus);
    bus_source_close(source);
}

static void the_same_id_is_a_duplicate_one_by_one_and_together(void **state)
{
    (void)state;
    enum { MANY = PUBLISH_SYNC_MAX + 1 };
    struct bus_publish messages[MANY];
    struct bus_publish twin = thing("twin", "twin");
    bus_publish_all(bus, &twin, 1, 3000);
    assert_false(twin.duplicate);
    bus_publish_all(bus, &twin, 1, 3000);
    assert_true(twin.status == OK && twin.duplicate);
    for (int i = 0; i < MANY; i++)
        messages[i] = thing("twin", "twin");
    bus_publish_all(bus, messages, MANY, 3000);
    for (int i = 0; i < MANY; i++)
        assert_true(messages[i].status == OK && messages[i].duplicate && messages[i].sequence == twin.sequence);
}

enum { CHAIN = 5 };

static void chain_of(struct bus_publish messages[CHAIN], char ids[CHAIN][16], const char *name)
{
    for (int i = 0; i < CHAIN; i++) {
        snprintf(ids[i], sizeof ids[i], "%s-%d", name, i);
        messages[i] = thing(ids[i], ids[i]);
        messages[i].status = RETRY;
    }
    bus_publish_chain(bus, messages, CHAIN, 3000);
    for (int i = 0; i < CHAIN; i++)
        assert_int_equal(messages[i].status, OK);
}

static uint64_t last_sequence(void)
{
    struct bus_stream_state state;
    assert_int_equal(bus_stream_state(bus, "THINGS", &state, NULL), OK);
    return state.last_sequence;
}

/* In their order, at the sequences from first on. */
static void assert_chain_stored(char ids[CHAIN][16], int from, uint64_t first)
{
    for (int i = from; i < CHAIN; i++) {
        struct bus_message got;
        assert_int_equal(bus_stream_read(bus, arena, "THINGS", first + (uint64_t)(i - from), &got, NULL), OK);
        assert_string_equal(got.data, ids[i]);
    }
}

static void a_chain_is_stored_in_order_and_whole(void **state)
{
    (void)state;
    char ids[CHAIN][16];
    struct bus_publish messages[CHAIN];
    uint64_t before = last_sequence();
    chain_of(messages, ids, "whole");
    assert_true(messages[0].sequence == 0 && messages[CHAIN - 1].sequence == 0); /* proven by one answer */
    assert_int_equal(last_sequence(), before + CHAIN);
    assert_chain_stored(ids, 0, before + 1);
}

static void a_chain_of_which_a_part_was_there_before_stores_the_rest(void **state)
{
    (void)state;
    char ids[CHAIN][16];
    struct bus_publish messages[CHAIN];
    struct bus_publish known[] = { thing("part-0", "part-0"), thing("part-1", "part-1") };
    uint64_t before = last_sequence();
    bus_publish_all(bus, known, 2, 3000);
    publish("somebody else's");
    chain_of(messages, ids, "part");
    assert_true(messages[0].duplicate && messages[1].duplicate);
    assert_int_equal(last_sequence(), before + CHAIN + 1);
    assert_chain_stored(ids, 2, before + 4);
    chain_of(messages, ids, "part"); /* all of it again */
    assert_int_equal(last_sequence(), before + CHAIN + 1);
}

static void a_chain_without_a_stream_says_retry(void **state)
{
    (void)state;
    struct bus_publish messages[2];
    for (int i = 0; i < 2; i++)
        messages[i] = (struct bus_publish){ .subject = "nobody.here", .data = "x", .bytes = 1, .id = i ? "b" : "a" };
    bus_publish_chain(bus, messages, 2, 3000);
    for (int i = 0; i < 2; i++)
        assert_true(messages[i].status == RETRY && strcmp(messages[i].error.code, "no_stream") == 0);
}

static void without_a_stream_publishing_says_retry_and_too_large_says_reject(void **state)
{
    (void)state;
    enum { MANY = PUBLISH_SYNC_MAX + 2 };
    char *large = calloc(1, BUS_PAYLOAD_BYTES_MAX + 1);
    struct bus_publish messages[MANY];
    for (int i = 0; i < MANY; i++)
        messages[i] = (struct bus_publish){ .subject = "nobody.here", .data = "x", .bytes = 1 };
    messages[3] = (struct bus_publish){ .subject = "things.one", .data = large, .bytes = BUS_PAYLOAD_BYTES_MAX + 1 };
    messages[4] = thing("good neighbour", NULL);
    bus_publish_all(bus, messages, MANY, 3000);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(messages[i].status, i == 3 ? REJECT : i == 4 ? OK : RETRY);
    messages[2].subject = "things.one\r\nPUB x 0";
    bus_publish_all(bus, messages, 4, 3000);
    assert_int_equal(messages[2].status, REJECT);
    assert_int_equal(messages[0].status, RETRY);
    assert_string_equal(messages[0].error.code, "no_stream");
    assert_int_equal(messages[3].status, REJECT);
    free(large);
}

static void drop_all(struct bus_source *source)
{
    struct bus_message got[256];
    size_t count = 0;
    do {
        assert_int_equal(bus_take(source, arena, got, 256, BATCH_BYTES_MAX, 300, &count, NULL), OK);
        for (size_t i = 0; i < count; i++)
            bus_ack(bus, &got[i], 1);
    } while (count > 0);
    bus_flush(bus);
}

static struct queue untaken_told;
static _Atomic int64_t untaken_word;
static _Atomic size_t untaken_count;

static void tell_untaken(int64_t word, size_t untaken)
{
    untaken_word = word;
    untaken_count = untaken;
    queue_wake(&untaken_told);
}

static void publishing_apart_tells_once_what_no_stream_took_and_else_nothing(void **state)
{
    (void)state;
    enum { MANY = PUBLISH_SYNC_MAX + 2 };
    struct bus_publish messages[MANY], twin = thing("apart", "apart 0");
    char ids[MANY][24];
    queue_init(&untaken_told);
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "apart %d", i);
        messages[i] = thing("apart", ids[i]);
    }
    bus_publish_apart(bus, messages, MANY, 3000, tell_untaken, 7);
    messages[1].subject = messages[3].subject = "nobody.here";
    for (int many = 0; many < 2; many++) { /* one by one, and together */
        bus_publish_apart(bus, messages, many ? MANY : 4, 200, tell_untaken, 8 + many);
        while (!queue_wait(&untaken_told, 10))
            bus_publish_overdue(bus);
        assert_int_equal(untaken_word, 8 + many);
        assert_int_equal(untaken_count, 2);
    }
    bus_publish_all(bus, &twin, 1, 3000);
    assert_true(twin.status == OK && twin.duplicate);
    bus_publish_overdue(bus);
    queue_clear(&untaken_told);
}

static void a_batch_ends_at_its_count_or_its_bytes(void **state)
{
    (void)state;
    struct bus_message got[8];
    struct bus_source *source = pull();
    size_t count;
    drop_all(source);
    for (int i = 0; i < 5; i++)
        publish("0123456789");
    while (bus_source_queued(source) < 5)
        bus_take(source, arena, got, 0, 0, 10, &count, NULL);
    assert_int_equal(bus_take(source, arena, got, 2, 1000, 1000, &count, NULL), OK);
    assert_int_equal(count, 2);
    assert_int_equal(bus_take(source, arena, got, 8, 25, 1000, &count, NULL), OK);
    assert_int_equal(count, 2);
    assert_int_equal(bus_take(source, arena, got, 8, 5, 1000, &count, NULL), OK);
    assert_int_equal(count, 1); /* the first always fits */
    bus_source_close(source);
    struct error error;
    assert_int_equal(bus_request(bus, arena, "$JS.API.STREAM.PURGE.THINGS", "", 0, 2000, &got[0], &error), OK);
}

static void a_nak_waits_as_many_milliseconds_as_it_says(void **state)
{
    (void)state;
    struct bus_message got;
    struct bus_source *source = pull();
    drop_all(source);
    publish("again");
    assert_int_equal(take_some(source, &got, 1), 1);
    int64_t began_us = moment_monotonic_us();
    bus_nak(bus, &got, 500);
    assert_int_equal(take_some(source, &got, 1), 1);
    int64_t took_ms = (moment_monotonic_us() - began_us) / 1000;
    assert_true(took_ms >= 450 && took_ms < 1900);
    assert_int_equal(got.deliveries, 2);
    bus_ack(bus, &got, 1);
    bus_source_close(source);
}

/* The pull that a closed source leaves behind must not swallow what comes back: it would come 2 s later, as a first. */
static void what_a_closed_source_gives_back_comes_at_once_and_once(void **state)
{
    (void)state;
    struct bus_message got[4];
    struct bus_source *source = pull();
    size_t count;
    drop_all(source);
    for (int i = 0; i < 3; i++)
        publish("back");
    while (bus_source_queued(source) < 3)
        bus_take(source, arena, got, 0, 0, 10, &count, NULL);
    bus_source_close(source);
    bus_flush(bus);
    test_pause_ms(100);
    int64_t began_us = moment_monotonic_us();
    source = pull();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take_some(source, &got[i], 1), 1);
        assert_int_equal(got[i].deliveries, 2);
        assert_int_equal(got[i].sequence, got[0].sequence + (uint64_t)i);
        bus_ack(bus, &got[i], 1);
    }
    assert_true(moment_monotonic_us() - began_us < 1000000);
    assert_int_equal(bus_take(source, arena, got, 1, 1000, 2500, &count, NULL), OK);
    assert_int_equal(count, 0);
    bus_source_close(source);
}

static void progress_keeps_a_message_past_its_ack_wait(void **state)
{
    (void)state;
    struct bus_message got, second;
    struct bus_source *source = pull();
    size_t count;
    drop_all(source);
    publish("slow");
    assert_int_equal(take_some(source, &got, 1), 1);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bus_take(source, arena, &second, 1, 1000, 600, &count, NULL), OK);
        assert_int_equal(count, 0);
        bus_progress(bus, got.reply);
    }
    bus_ack(bus, &got, 1);
    bus_source_close(source);
}

static void *wake_soon(void *source)
{
    test_pause_ms(50);
    bus_source_wake(source);
    return NULL;
}

static void a_wake_ends_a_take_and_is_remembered(void **state)
{
    (void)state;
    struct bus_message got;
    struct bus_source *source = pull();
    size_t count;
    pthread_t thread;
    drop_all(source);
    int64_t began_us = moment_monotonic_us();
    pthread_create(&thread, NULL, wake_soon, source);
    assert_int_equal(bus_take(source, arena, &got, 1, 1000, 3000, &count, NULL), OK);
    pthread_join(thread, NULL);
    bus_source_wake(source);
    assert_int_equal(bus_take(source, arena, &got, 0, 0, 3000, &count, NULL), OK);
    assert_int_equal(count, 0);
    assert_true(moment_monotonic_us() - began_us < 1500000);
    bus_source_close(source);
}

static void an_idle_take_hands_over_a_message_at_once(void **state)
{
    (void)state;
    struct bus_message got;
    struct bus_source *source = pull();
    size_t count;
    drop_all(source);
    bus_take(source, arena, &got, 1, 1000, 200, &count, NULL);
    struct bus_publish message = thing("quick", NULL);
    bus_publish_all(bus, &message, 1, 3000);
    int64_t began_us = moment_monotonic_us();
    assert_int_equal(take_some(source, &got, 1), 1);
    assert_true(moment_monotonic_us() - began_us < 100000);
    bus_ack(bus, &got, 1);
    bus_source_close(source);
}

static void an_older_declaration_never_replaces_a_newer_one(void **state)
{
    (void)state;
    static const char *const fewer[] = { "things.one", NULL };
    struct bus_stream older = things;
    struct error error = { 0 };
    bool created = true;
    older.version = 2;
    older.subjects = fewer;
    assert_int_equal(bus_stream_ensure(bus, &older, &created, &error), OK);
    assert_false(created);
    struct bus_publish message = { .subject = "things.two", .data = "x", .bytes = 1 };
    bus_publish_all(bus, &message, 1, 3000);
    assert_int_equal(message.status, OK);
}

static void a_stored_message_is_read_and_deleted_by_its_sequence(void **state)
{
    (void)state;
    struct bus_message got;
    struct error error = { 0 };
    struct bus_stream_state before, after;
    struct bus_publish message = thing("kept", NULL);
    assert_int_equal(bus_request(bus, arena, "$JS.API.STREAM.PURGE.THINGS", "", 0, 2000, &got, &error), OK);
    bus_publish_all(bus, &message, 1, 3000);
    assert_int_equal(bus_stream_state(bus, "THINGS", &before, &error), OK);
    assert_int_equal(bus_stream_read(bus, arena, "THINGS", message.sequence, &got, &error), OK);
    assert_string_equal(got.data, "kept");
    assert_int_equal(bus_stream_delete_message(bus, "THINGS", message.sequence, &error), OK);
    assert_int_equal(bus_stream_read(bus, arena, "THINGS", message.sequence, &got, &error), OK);
    assert_null(got.data);
    assert_int_equal(bus_stream_state(bus, "THINGS", &after, &error), OK);
    assert_int_equal(after.messages + 1, before.messages);
    assert_int_equal(bus_stream_state(bus, "NOTHING", &after, &error), RETRY);
    assert_string_equal(error.code, "no_stream");
}

static bool is_there(void)
{
    struct error error = { 0 };
    bool there = false;
    assert_int_equal(bus_consumer_there(bus, &taker, &there, &error), OK);
    return there;
}

static void a_missing_consumer_is_told_and_its_return_too(void **state)
{
    (void)state;
    struct bus_message got;
    struct bus_source *source = pull();
    struct error error = { 0 };
    bool created;
    size_t count = 0;
    drop_all(source);
    assert_int_equal(bus_request(bus, arena, "$JS.API.STREAM.DELETE.THINGS", "", 0, 2000, &got, &error), OK);
    enum status status = OK;
    for (int rounds = 0; rounds < 5 && status == OK; rounds++)
        status = bus_take(source, arena, &got, 1, 1000, 2000, &count, &error);
    assert_int_equal(status, RETRY);
    assert_string_equal(error.code, "consumer_gone");
    assert_false(is_there());
    assert_int_equal(bus_stream_ensure(bus, &things, &created, &error), OK);
    assert_true(created);
    assert_false(is_there());
    assert_int_equal(bus_consumer_ensure(bus, &taker, &created, &error), OK);
    assert_true(created);
    assert_true(is_there());
    publish("back");
    do
        status = bus_take(source, arena, &got, 1, 1000, 2000, &count, &error);
    while (status == RETRY || count == 0);
    assert_string_equal(got.data, "back");
    bus_ack(bus, &got, 1);
    bus_source_close(source);
}

static void a_killed_server_loses_nothing_acknowledged_and_taking_goes_on(void **state)
{
    (void)state;
    struct bus_message got;
    struct bus_source *source = pull();
    drop_all(source);
    publish("survivor");
    test_broker_down(&broker, SIGKILL);
    struct bus_publish message = thing("nobody listens", NULL);
    bus_publish_all(bus, &message, 1, 500);
    assert_int_equal(message.status, RETRY);
    test_broker_up(&broker);
    wait_connected();
    assert_true(take_some(source, &got, 1) == 1);
    assert_string_equal(got.data, "survivor");
    bus_ack(bus, &got, 1);
    bus_source_close(source);
}

static void a_request_without_anybody_there_is_retry_at_once(void **state)
{
    (void)state;
    struct bus_message reply;
    struct error error = { 0 };
    int64_t began_us = moment_monotonic_us();
    assert_int_equal(bus_request(bus, arena, "nobody.home", "", 0, 3000, &reply, &error), RETRY);
    assert_string_equal(error.code, "nobody_there");
    assert_true(moment_monotonic_us() - began_us < 1000000);
}

/* Takes a question, and answers it long after its asker has given up. */
static void *answer_late(void *context)
{
    struct bus_source *source = context;
    struct arena *own = arena_new(0);
    struct bus_message question;
    struct error error = { 0 };
    size_t count = 0;
    for (int rounds = 0; rounds < 6 && count == 0; rounds++)
        bus_take(source, own, &question, 1, BATCH_BYTES_MAX, 2000, &count, &error);
    test_pause_ms(700);
    if (count > 0)
        bus_send(bus, question.reply, "late", 4, &error);
    arena_free(own);
    return NULL;
}

static void who_asks_alone_waits_no_longer_than_he_said(void **state)
{
    (void)state;
    struct bus_source *source = NULL;
    struct bus_message reply;
    struct error error = { 0 };
    pthread_t late;
    assert_int_equal(bus_serve_open(bus, "late.answers", "late", &source, &error), OK);
    bus_flush(bus);
    assert_int_equal(pthread_create(&late, NULL, answer_late, source), 0);
    assert_int_equal(bus_request(bus, arena, "late.answers", "", 0, 400, &reply, &error), RETRY);
    assert_string_equal(error.code, "no_answer");
    pthread_join(late, NULL);
    bus_source_close(source);
}

static void the_server_version_is_known_and_a_bad_url_refused(void **state)
{
    (void)state;
    struct bus *other = NULL;
    struct error error = { 0 };
    assert_true(strchr(bus_server_version(bus), '.') != NULL);
    assert_int_equal(bus_open(&(struct bus_options){ .url = "nats://127.0.0.1:port" }, &other, &error), REJECT);
    assert_null(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_message_comes_with_its_headers_and_numbers),
        cmocka_unit_test(the_same_id_is_a_duplicate_one_by_one_and_together),
        cmocka_unit_test(a_chain_is_stored_in_order_and_whole),
        cmocka_unit_test(a_chain_of_which_a_part_was_there_before_stores_the_rest),
        cmocka_unit_test(a_chain_without_a_stream_says_retry),
        cmocka_unit_test(without_a_stream_publishing_says_retry_and_too_large_says_reject),
        cmocka_unit_test(publishing_apart_tells_once_what_no_stream_took_and_else_nothing),
        cmocka_unit_test(a_batch_ends_at_its_count_or_its_bytes),
        cmocka_unit_test(a_nak_waits_as_many_milliseconds_as_it_says),
        cmocka_unit_test(what_a_closed_source_gives_back_comes_at_once_and_once),
        cmocka_unit_test(progress_keeps_a_message_past_its_ack_wait),
        cmocka_unit_test(a_wake_ends_a_take_and_is_remembered),
        cmocka_unit_test(an_idle_take_hands_over_a_message_at_once),
        cmocka_unit_test(an_older_declaration_never_replaces_a_newer_one),
        cmocka_unit_test(a_stored_message_is_read_and_deleted_by_its_sequence),
        cmocka_unit_test(a_request_without_anybody_there_is_retry_at_once),
        cmocka_unit_test(who_asks_alone_waits_no_longer_than_he_said),
        cmocka_unit_test(the_server_version_is_known_and_a_bad_url_refused),
        cmocka_unit_test(a_missing_consumer_is_told_and_its_return_too),
        cmocka_unit_test(a_killed_server_loses_nothing_acknowledged_and_taking_goes_on),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
