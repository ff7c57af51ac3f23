#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "service/task.h"
#include "service/topology.h"

static const struct subject *const taken[] = {
    &INBOUND_MESSAGE,          &INBOUND_RECEIPT,          &WORK_AI_ENGAGE,   &WORK_BUMPUP,   &WORK_AI_SUMMARY,
    &WORK_SEND_WHATSAPP_CLOUD, &WORK_MARK_WHATSAPP_CLOUD, &WORK_MEDIA_FETCH, &WORK_KB_INDEX, NULL
};

static const struct bus_consumer *consumer_of(const struct subject *subject)
{
    for (const struct bus_consumer *consumer = TOPOLOGY_CONSUMERS; consumer->name; consumer++)
        if (text_same(consumer->name, subject->consumer) && text_same(consumer->stream, subject->stream))
            return consumer;
    return NULL;
}

static void every_taken_subject_has_its_consumer_with_its_filter(void **state)
{
    (void)state;
    for (const struct subject *const *subject = taken; *subject; subject++) {
        const struct bus_consumer *consumer = consumer_of(*subject);
        assert_non_null(consumer);
        assert_string_equal(consumer->filter, (*subject)->name);
        assert_null(strchr(consumer->name, '.'));
        assert_true(consumer->ack_wait_ms == 15000 && consumer->ack_pending_max == 65536);
    }
}

static void every_consumer_has_a_stream_that_takes_its_filter(void **state)
{
    (void)state;
    for (const struct bus_consumer *consumer = TOPOLOGY_CONSUMERS; consumer->name; consumer++) {
        const struct bus_stream *const *stream = TOPOLOGY_STREAMS;
        while (*stream && !text_same((*stream)->name, consumer->stream))
            stream++;
        assert_non_null(*stream);
        size_t prefix = strcspn((*stream)->subjects[0], ">");
        assert_memory_equal(consumer->filter, (*stream)->subjects[0], prefix);
    }
}

static void work_subjects_name_tasks_of_the_table(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    for (const struct subject *const *subject = taken; *subject; subject++) {
        if ((*subject)->carrier != CARRIER_WORK)
            continue;
        assert_non_null(task_find((*subject)->task));
        assert_string_equal(topology_work_subject(arena, (*subject)->task), (*subject)->name);
    }
    arena_free(arena);
}

static void names_are_built_from_their_parts(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    assert_string_equal(topology_inbound_subject(arena, &INBOUND_MESSAGE, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD),
                        "inbound.message.whatsapp_cloud");
    assert_string_equal(topology_inbound_subject(arena, &INBOUND_RECEIPT, PB__CHANNEL__CHANNEL_EMAIL),
                        "inbound.receipt.email");
    assert_string_equal(topology_capacity_subject(arena, "ai.engage"), "jobs.capacity.ai.engage");
    assert_string_equal(topology_event_subject(arena, "c1", "message.sent"), "events.c1.message.sent");
    assert_string_equal(topology_quarantine_subject(arena, "inbound.message.sms"), "quarantine.inbound.message.sms");
    arena_free(arena);
}

static void work_queues_refuse_when_full_and_logs_forget_the_oldest(void **state)
{
    (void)state;
    for (const struct bus_stream *const *stream = TOPOLOGY_STREAMS; *stream; stream++) {
        assert_true((*stream)->work_queue != (*stream)->discard_old);
        assert_true((*stream)->work_queue == ((*stream)->age_ms_max == 0));
        assert_true((*stream)->duplicates_ms >= ((*stream)->work_queue ? 120000 : 30000));
        assert_true((*stream)->version > 0);
        assert_non_null(topology_owner(*stream));
    }
}

static void permissions_give_each_service_its_own_and_not_another_s(void **state)
{
    (void)state;
    struct buffer out = { .arena = arena_new(0) };
    topology_permissions(&out);
    const char *text = buffer_text(&out), *engage = strstr(text, "user: \"ai-engage\"");
    assert_non_null(engage);
    const char *end = strstr(engage, "    }\n");
    const char *mine = text_format(out.arena, "%.*s", (int)(end - engage), engage);
    assert_non_null(strstr(mine, "password: $NATS_PASSWORD_AI_ENGAGE"));
    assert_non_null(strstr(mine, "\"$JS.API.CONSUMER.MSG.NEXT.WORK.ai-engage\""));
    assert_non_null(strstr(mine, "\"$JS.ACK.WORK.ai-engage.>\""));
    assert_non_null(strstr(mine, "\"jobs.capacity.ai.engage\""));
    assert_non_null(strstr(mine, "\"quarantine.work.ai.engage\""));
    assert_non_null(strstr(mine, "subscribe: [\"_INBOX.ai-engage.>\", \"$SRV.>\", \"nudge.conversation\"]"));
    assert_null(strstr(mine, "events."));
    assert_null(strstr(mine, "store.inbound"));
    assert_null(strstr(mine, "STREAM"));
    arena_free(out.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_taken_subject_has_its_consumer_with_its_filter),
        cmocka_unit_test(every_consumer_has_a_stream_that_takes_its_filter),
        cmocka_unit_test(work_subjects_name_tasks_of_the_table),
        cmocka_unit_test(names_are_built_from_their_parts),
        cmocka_unit_test(work_queues_refuse_when_full_and_logs_forget_the_oldest),
        cmocka_unit_test(permissions_give_each_service_its_own_and_not_another_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
