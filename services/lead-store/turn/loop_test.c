#include "base/test.h"

#include "core/config.h"
#include "turn/loop.h"

enum { WINDOW_MS = 60000, NOW = 1000000 };

static struct held_conversation conversation_with(struct reach *reach, struct reach_sender *sender, int64_t replies_max)
{
    config_loop_guard = true;
    *sender = (struct reach_sender){ .replies_max = replies_max, .window_ms = WINDOW_MS };
    *reach = (struct reach){ .sender = sender };
    return (struct held_conversation){ .reach = reach };
}

static void so_many_answers_are_given_and_no_more(void **state)
{
    struct reach reach;
    struct reach_sender sender;
    struct held_conversation conversation = conversation_with(&reach, &sender, 3);
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_false(loop_reached(&conversation, NOW + i));
        loop_answered(&conversation, NOW + i);
    }
    assert_true(loop_reached(&conversation, NOW + WINDOW_MS - 1));
    assert_true(conversation.changed);
}

static void the_window_begins_anew_after_its_end(void **state)
{
    struct reach reach;
    struct reach_sender sender;
    struct held_conversation conversation = conversation_with(&reach, &sender, 1);
    (void)state;
    loop_answered(&conversation, NOW);
    assert_true(loop_reached(&conversation, NOW));
    assert_false(loop_reached(&conversation, NOW + WINDOW_MS));
    loop_answered(&conversation, NOW + WINDOW_MS);
    assert_int_equal(conversation.ai_replies, 1);
    assert_int_equal(conversation.ai_replies_since, NOW + WINDOW_MS);
}

static void without_a_limit_there_is_no_end(void **state)
{
    struct reach reach;
    struct reach_sender sender;
    struct held_conversation conversation = conversation_with(&reach, &sender, 0);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_false(loop_reached(&conversation, NOW));
        loop_answered(&conversation, NOW);
    }
}

static void answers_faster_than_a_person_writes_end_it_too(void **state)
{
    struct reach reach;
    struct reach_sender sender;
    struct held_conversation conversation = conversation_with(&reach, &sender, 0);
    (void)state;
    sender.quick_max = 3;
    conversation.quick_count = 2;
    assert_false(loop_reached(&conversation, NOW));
    conversation.quick_count = 3;
    assert_true(loop_reached(&conversation, NOW));
    sender.quick_max = 0;
    assert_false(loop_reached(&conversation, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_answers_are_given_and_no_more),
        cmocka_unit_test(the_window_begins_anew_after_its_end),
        cmocka_unit_test(without_a_limit_there_is_no_end),
        cmocka_unit_test(answers_faster_than_a_person_writes_end_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
