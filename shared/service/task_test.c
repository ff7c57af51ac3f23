#include "base/test.h"

#include <string.h>

#include "service/task.h"

static void every_default_priority_lies_in_its_class(void **state)
{
    (void)state;
    for (const struct task *task = TASKS; task->name; task++) {
        assert_in_range(task->priority, task->priority_min, task->priority_max);
        assert_in_range(task->priority_max, task->priority_min, 100);
    }
}

static void no_live_class_reaches_below_and_no_other_above_ninety_but_for_sends(void **state)
{
    (void)state;
    for (const struct task *task = TASKS; task->name; task++) {
        bool send = strncmp(task->name, "channel.send.", 13) == 0;
        bool live = task->priority_min >= PRIORITY_LIVE_MIN, patient = task->priority_max < PRIORITY_LIVE_MIN;
        assert_true(send ? task->priority_min == 0 && task->priority_max == 100 : live != patient);
    }
}

static void a_ladder_has_a_step_for_every_retry_and_none_more(void **state)
{
    (void)state;
    for (const struct task *task = TASKS; task->name; task++)
        for (int step = 0; step < TASK_RETRIES_MAX; step++)
            assert_true((task->ladder_ms[step] > 0) == (step < task->attempts_max - 1));
}

static void names_are_found_once_and_others_not(void **state)
{
    (void)state;
    for (const struct task *task = TASKS; task->name; task++)
        assert_ptr_equal(task_find(task->name), task);
    assert_null(task_find("ai.engag"));
    assert_null(task_find(""));
    assert_null(task_find(NULL));
    assert_int_equal(task_find("ai.engage")->priority, 100);
    assert_int_equal(task_find("ai.engage")->ladder_ms[4], 600000);
    assert_non_null(task_find("channel.send.in_app"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_priority_lies_in_its_class),
        cmocka_unit_test(no_live_class_reaches_below_and_no_other_above_ninety_but_for_sends),
        cmocka_unit_test(a_ladder_has_a_step_for_every_retry_and_none_more),
        cmocka_unit_test(names_are_found_once_and_others_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
