#include "base/test.h"

#include "base/text.h"
#include "waiting.h"

enum { COVERED = 5, ANSWER_BY = 15000 };

static struct waiting entry_of(const char *conversation_id)
{
    return (struct waiting){
        .conversation_id = conversation_id, .label = "l", .covered_position = COVERED, .answer_by_at = ANSWER_BY
    };
}

static size_t vain(const char *conversation_id, const char *cause, int64_t position, moment now)
{
    size_t count = 0;
    for (struct waiting *entry = NULL; (entry = waiting_vain(entry, conversation_id, cause, position, now));)
        count++;
    return count;
}

static void a_newer_inbound_ends_a_call_only_while_there_is_time_to_wait(void **state)
{
    struct waiting entry = entry_of("a");
    (void)state;
    waiting_add(&entry);
    assert_int_equal(vain("a", "inbound", COVERED + 1, ANSWER_BY - 1), 1);
    assert_int_equal(vain("a", "inbound", COVERED + 1, ANSWER_BY), 0);
    assert_int_equal(vain("a", "inbound", COVERED, ANSWER_BY - 1), 0);
    assert_int_equal(vain("b", "inbound", COVERED + 1, ANSWER_BY - 1), 0);
    waiting_remove(&entry);
}

static void a_takeover_an_opt_out_or_an_erasure_always_ends_it(void **state)
{
    struct waiting entry = entry_of("a");
    (void)state;
    waiting_add(&entry);
    assert_int_equal(vain("a", "takeover", 0, ANSWER_BY + 1), 1);
    assert_int_equal(vain("a", "opt_out", 0, 0), 1);
    assert_int_equal(vain("a", "erasure", 0, 0), 1);
    assert_int_equal(vain("a", "handback", 99, 0), 0);
    assert_int_equal(vain("a", NULL, 99, 0), 0);
    waiting_remove(&entry);
    assert_int_equal(vain("a", "takeover", 0, 0), 0);
}

static void thousands_come_and_go_in_any_order(void **state)
{
    enum { COUNT = 10000 };
    struct arena *arena = arena_new(0);
    struct waiting *entries = ARENA_ARRAY(arena, struct waiting, COUNT);
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        entries[i] = entry_of(text_format(arena, "conversation-%d", i / 2));
        waiting_add(&entries[i]);
    }
    for (int i = 0; i < COUNT / 2; i++)
        assert_int_equal(vain(entries[2 * i].conversation_id, "takeover", 0, 0), 2);
    for (int i = 0; i < COUNT; i += 3)
        waiting_remove(&entries[i]);
    for (int i = 0; i < COUNT; i += 3)
        waiting_remove(&entries[i]);
    size_t left = 0;
    for (int i = 0; i < COUNT / 2; i++)
        left += vain(entries[2 * i].conversation_id, "takeover", 0, 0);
    assert_int_equal(left, COUNT - (COUNT + 2) / 3);
    for (int i = 0; i < COUNT; i++)
        waiting_remove(&entries[i]);
    assert_int_equal(vain("conversation-1", "takeover", 0, 0), 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_inbound_ends_a_call_only_while_there_is_time_to_wait),
        cmocka_unit_test(a_takeover_an_opt_out_or_an_erasure_always_ends_it),
        cmocka_unit_test(thousands_come_and_go_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
