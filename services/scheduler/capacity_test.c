#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "capacity.h"

static int forget(void **state)
{
    (void)state;
    capacity_forget();
    return 0;
}

static void what_all_workers_of_a_task_can_hold_is_added_up(void **state)
{
    (void)state;
    assert_true(capacity_hear("a", "one", 10, 1000));
    assert_true(capacity_hear("a", "two", 5, 1000));
    assert_true(capacity_hear("b", "one", 7, 1000));
    assert_int_equal(capacity_of("a", 1000), 15);
    assert_int_equal(capacity_of("b", 1000), 7);
    assert_int_equal(capacity_of("c", 1000), 0);
}

static void a_worker_that_is_silent_for_three_seconds_counts_no_more(void **state)
{
    (void)state;
    capacity_hear("a", "one", 10, 1000);
    assert_int_equal(capacity_of("a", 1000 + CAPACITY_AGE_MS_MAX), 10);
    assert_int_equal(capacity_of("a", 1001 + CAPACITY_AGE_MS_MAX), 0);
    assert_true(capacity_hear("a", "one", 10, 9000));
}

static void only_more_room_is_news(void **state)
{
    (void)state;
    assert_true(capacity_hear("a", "one", 10, 1000));
    assert_false(capacity_hear("a", "one", 10, 1100));
    assert_false(capacity_hear("a", "one", 4, 1200));
    assert_true(capacity_hear("a", "one", 5, 1300));
    assert_int_equal(capacity_of("a", 1300), 5);
}

static void nonsense_is_not_heard(void **state)
{
    (void)state;
    char name[CAPACITY_NAME_BYTES_MAX + 1];
    memset(name, 'x', CAPACITY_NAME_BYTES_MAX);
    name[CAPACITY_NAME_BYTES_MAX] = 0;
    assert_false(capacity_hear(NULL, "one", 1, 1000));
    assert_false(capacity_hear("a", "", 1, 1000));
    assert_false(capacity_hear(name, "one", 1, 1000));
    assert_false(capacity_hear("a", "one", -1, 1000));
    assert_false(capacity_hear("a", "one", CAPACITY_JOBS_MAX + 1, 1000));
    assert_int_equal(capacity_of("a", 1000), 0);
}

static void a_full_table_takes_new_workers_for_silent_ones(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < CAPACITY_WORKERS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        assert_true(capacity_hear("a", name, 1, 1000));
    }
    assert_false(capacity_hear("a", "late", 1, 1000));
    assert_true(capacity_hear("a", "late", 1, 1001 + CAPACITY_AGE_MS_MAX));
    assert_int_equal(capacity_of("a", 1001 + CAPACITY_AGE_MS_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_all_workers_of_a_task_can_hold_is_added_up, forget),
        cmocka_unit_test_setup(a_worker_that_is_silent_for_three_seconds_counts_no_more, forget),
        cmocka_unit_test_setup(only_more_room_is_news, forget),
        cmocka_unit_test_setup(nonsense_is_not_heard, forget),
        cmocka_unit_test_setup(a_full_table_takes_new_workers_for_silent_ones, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
