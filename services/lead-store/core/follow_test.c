#include "follow.h"

#include "base/test.h"
#include "config.h"

static struct arena *arena;

static struct follow_send a_send(bool automated)
{
    return (struct follow_send){
        .company_id = "c",
        .message_id = "m",
        .channel = "whatsapp_cloud",
        .account = "770",
        .recipient = "1500",
        .automated = automated,
        .priority = 100,
    };
}

static void an_engage_job_has_the_natural_key_of_its_message(void **state)
{
    (void)state;
    const struct follow_engage engage = {
        .company_id = "c", .lead_id = "l", .message_id = "m", .job_id = "j", .delay_ms = 2000
    };
    const Pb__JobSpec *job = follow_engage_job(arena, &engage);
    assert_string_equal(job->idempotency_key, "ai_engage_l_m");
    assert_string_equal(job->task, "ai.engage");
    assert_string_equal(job->id, "j");
    assert_string_equal(job->params->text, "{\"lead_id\":\"l\",\"message_id\":\"m\"}");
    assert_int_equal(job->delay_ms, 2000);
    assert_null(job->skipped);
    assert_string_equal(follow_engage_key(arena, "l", "m", "3"), "ai_engage_l_m_3");
}

static void a_skipped_job_waits_for_nothing(void **state)
{
    (void)state;
    const struct follow_engage engage = {
        .company_id = "c", .lead_id = "l", .message_id = "m", .delay_ms = 2000, .skipped = "opt_out"
    };
    const Pb__JobSpec *job = follow_engage_job(arena, &engage);
    assert_string_equal(job->skipped, "opt_out");
    assert_false(job->has_delay_ms);
    assert_null(job->id);
}

static void a_send_says_where_its_message_stands_as_far_as_that_is_known(void **state)
{
    (void)state;
    struct follow_send send = a_send(true);
    assert_string_equal(pb_json_text(follow_send_job(arena, &send)->params), "{\"message_id\":\"m\"}");
    send.lead_id = "l";
    send.conversation_id = "c";
    assert_string_equal(pb_json_text(follow_send_job(arena, &send)->params),
                        "{\"message_id\":\"m\",\"lead_id\":\"l\",\"conversation_id\":\"c\"}");
    send.turn_id = "t";
    assert_string_equal(pb_json_text(follow_send_job(arena, &send)->params),
                        "{\"message_id\":\"m\",\"lead_id\":\"l\",\"conversation_id\":\"c\",\"turn_id\":\"t\"}");
}

static void an_automated_send_is_paced_by_person_and_by_number(void **state)
{
    (void)state;
    config_pacing_ms = 15000;
    const struct follow_send send = a_send(true);
    const Pb__JobSpec *job = follow_send_job(arena, &send);
    assert_string_equal(job->task, "channel.send.whatsapp_cloud");
    assert_string_equal(job->idempotency_key, "send_m");
    assert_int_equal(job->n_lanes, 2);
    assert_string_equal(job->lanes[0]->name, "whatsapp_cloud:770:1500");
    assert_int_equal(job->lanes[0]->interval_ms, 15000);
    assert_int_equal(job->lanes[0]->in_flight_max, 1);
    assert_string_equal(job->lanes[1]->name, "whatsapp_cloud:770");
}

static void a_persons_send_has_a_lane_of_its_own_without_the_pacing(void **state)
{
    (void)state;
    config_pacing_ms = 15000;
    const struct follow_send send = a_send(false);
    const Pb__JobSpec *job = follow_send_job(arena, &send);
    assert_string_equal(job->lanes[0]->name, "whatsapp_cloud:770:1500:operator");
    assert_int_equal(job->lanes[0]->interval_ms, 0);
}

static void pacing_zero_leaves_only_the_order_to_one_person(void **state)
{
    (void)state;
    config_pacing_ms = 0;
    const struct follow_send send = a_send(true);
    const Pb__JobSpec *job = follow_send_job(arena, &send);
    assert_int_equal(job->n_lanes, 1);
    assert_int_equal(job->lanes[0]->interval_ms, 0);
    assert_int_equal(job->lanes[0]->in_flight_max, 1);
}

static void a_send_job_has_the_same_id_for_ever_and_another_with_a_suffix(void **state)
{
    (void)state;
    struct follow_send send = a_send(true);
    const char *id = follow_send_job(arena, &send)->id;
    assert_string_equal(follow_send_job(arena, &send)->id, id);
    send.suffix = "s1";
    assert_string_not_equal(follow_send_job(arena, &send)->id, id);
    assert_string_equal(follow_send_job(arena, &send)->idempotency_key, "send_m_s1");
}

static void whatsapp_web_never_sends_faster_than_once_a_minute(void **state)
{
    (void)state;
    config_pacing_ms = 15000;
    struct follow_send send = a_send(true);
    send.channel = "whatsapp_web";
    const Pb__JobSpec *job = follow_send_job(arena, &send);
    assert_int_equal(job->n_lanes, 1);
    assert_int_equal(job->lanes[0]->interval_ms, 60000);
    assert_int_equal(job->lanes[0]->jitter_ms, 30000);
    send.channel = "email";
    assert_int_equal(follow_send_job(arena, &send)->n_lanes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engage_job_has_the_natural_key_of_its_message),
        cmocka_unit_test(a_skipped_job_waits_for_nothing),
        cmocka_unit_test(a_send_says_where_its_message_stands_as_far_as_that_is_known),
        cmocka_unit_test(an_automated_send_is_paced_by_person_and_by_number),
        cmocka_unit_test(a_persons_send_has_a_lane_of_its_own_without_the_pacing),
        cmocka_unit_test(pacing_zero_leaves_only_the_order_to_one_person),
        cmocka_unit_test(a_send_job_has_the_same_id_for_ever_and_another_with_a_suffix),
        cmocka_unit_test(whatsapp_web_never_sends_faster_than_once_a_minute),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
