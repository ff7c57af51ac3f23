#include "base/test.h"

#include "base/moment.h"
#include "base/queue.h"

struct thing {
    struct queue_entry entry;
    int number;
};

static struct queue queue;

static int open_queue(void **state)
{
    (void)state;
    queue_init(&queue);
    return 0;
}

static int close_queue(void **state)
{
    (void)state;
    queue_clear(&queue);
    return 0;
}

static int pop_number(void)
{
    struct thing *thing = (struct thing *)queue_pop(&queue);
    return thing ? thing->number : 0;
}

static void what_is_pushed_first_is_popped_first(void **state)
{
    (void)state;
    struct thing one = { .number = 1 }, two = { .number = 2 }, three = { .number = 3 };
    queue_push(&queue, &one.entry);
    queue_push(&queue, &two.entry);
    assert_int_equal(queue_count(&queue), 2);
    assert_int_equal(pop_number(), 1);
    queue_push(&queue, &three.entry);
    assert_int_equal(pop_number(), 2);
    assert_int_equal(pop_number(), 3);
    assert_null(queue_pop(&queue));
}

static void what_is_put_back_comes_before_all_else(void **state)
{
    (void)state;
    struct thing one = { .number = 1 }, two = { .number = 2 };
    queue_push_back(&queue, &one.entry);
    assert_ptr_equal(queue_pop(&queue), &one.entry);
    queue_push(&queue, &two.entry);
    queue_push_back(&queue, &one.entry);
    struct queue_entry *all = queue_pop_all(&queue);
    assert_ptr_equal(all, &one.entry);
    assert_ptr_equal(all->next, &two.entry);
    assert_null(all->next->next);
    assert_int_equal(queue_count(&queue), 0);
}

static void an_offer_is_refused_when_full_and_taken_below(void **state)
{
    (void)state;
    struct thing one = { .number = 1 }, two = { .number = 2 };
    assert_false(queue_offer(&queue, &one.entry, 0));
    assert_true(queue_offer(&queue, &one.entry, 1));
    assert_false(queue_offer(&queue, &two.entry, 1));
    assert_int_equal(pop_number(), 1);
    assert_int_equal(pop_number(), 0);
}

static void a_wake_is_remembered_until_the_next_wait(void **state)
{
    (void)state;
    struct thing one = { .number = 1 };
    queue_wake(&queue);
    assert_true(queue_wait(&queue, 10000));
    assert_false(queue_wait(&queue, 0));
    queue_push(&queue, &one.entry);
    assert_false(queue_wait(&queue, 10000)); /* something is there: no wait, no wake */
    int64_t began_us = moment_monotonic_us();
    assert_false(queue_wait_wake(&queue, 30));
    assert_true(moment_monotonic_us() - began_us >= 29000);
    queue_wake(&queue);
    assert_true(queue_wait_wake(&queue, 10000));
    assert_int_equal(pop_number(), 1);
}

enum { PUSHERS = 4, EACH = 5000 };
static struct thing things[PUSHERS][EACH];

static void *push_many(void *context)
{
    struct thing *mine = context;
    for (int i = 0; i < EACH; i++) {
        mine[i].number = i + 1;
        queue_push(&queue, &mine[i].entry);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    pthread_t threads[PUSHERS];
    for (int i = 0; i < PUSHERS; i++)
        pthread_create(&threads[i], NULL, push_many, things[i]);
    int64_t sum = 0;
    for (int got = 0; got < PUSHERS * EACH;) {
        int number = pop_number();
        if (number == 0)
            queue_wait(&queue, 1000);
        got += number > 0;
        sum += number;
    }
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sum, (int64_t)PUSHERS * EACH * (EACH + 1) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_pushed_first_is_popped_first, open_queue, close_queue),
        cmocka_unit_test_setup_teardown(what_is_put_back_comes_before_all_else, open_queue, close_queue),
        cmocka_unit_test_setup_teardown(an_offer_is_refused_when_full_and_taken_below, open_queue, close_queue),
        cmocka_unit_test_setup_teardown(a_wake_is_remembered_until_the_next_wait, open_queue, close_queue),
        cmocka_unit_test_setup_teardown(nothing_is_lost_between_threads, open_queue, close_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
