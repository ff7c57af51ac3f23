#include "base/test.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ident.h"

static int make_arena(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int free_arena(void **state)
{
    moment_thaw();
    arena_free(*state);
    return 0;
}

/* First, so that no later moment has been seen by this thread. */
static void a_fresh_id_holds_its_moment(void **state)
{
    char id[IDENT_BYTES];
    moment_freeze(1700000000123);
    assert_ptr_equal(ident_new(id), id);
    assert_true(ident_valid(id));
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
    assert_true(ident_moment(id) == 1700000000123);
    assert_true(ident_moment(ident_fresh(*state)) == 1700000000123);
}

static void ids_of_a_thread_ascend_even_when_the_clock_stands_or_goes_back(void **state)
{
    (void)state;
    char before[IDENT_BYTES], id[IDENT_BYTES];
    moment at = 1700000000500;
    ident_new(before);
    for (int i = 0; i < 30000; i++) {
        if (i % 10000 == 0)
            moment_freeze(at -= 100);
        ident_new(id);
        if (strcmp(before, id) >= 0)
            fail_msg("%s then %s", before, id);
        memcpy(before, id, sizeof id);
    }
    moment_thaw();
    ident_new(id);
    assert_true(strcmp(before, id) < 0);
    assert_true(moment_now() - ident_moment(id) < 1000);
}

static void a_forked_child_makes_other_ids(void **state)
{
    (void)state;
    char warm[IDENT_BYTES], own[IDENT_BYTES], childs[IDENT_BYTES] = "";
    moment_freeze(moment_now() + 5000);
    ident_new(warm);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        ident_new(childs);
        _exit(write(ends[1], childs, sizeof childs) == sizeof childs ? 0 : 1);
    }
    ident_new(own);
    assert_int_equal(read(ends[0], childs, sizeof childs), sizeof childs);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(ident_valid(childs));
    assert_string_not_equal(own + 19, childs + 19);
    moment_thaw();
    close(ends[0]);
    close(ends[1]);
}

static void the_same_name_gets_the_same_id_for_ever(void **state)
{
    const char *id = ident_named(*state, "lead", "a", "bc", NULL);
    assert_string_equal(id, ident_named(*state, "lead", "a", "bc", NULL));
    assert_string_equal(id, "2e6f1913-1a0a-5644-af55-769fb7018973");
    assert_true(ident_valid(id));
    assert_int_equal(id[14], '5');
    assert_non_null(strchr("89ab", id[19]));
    assert_true(ident_moment(id) == 0);
}

static void other_parts_get_another_id(void **state)
{
    const char *const ids[] = { ident_named(*state, "lead", "a", "bc", NULL),
                                ident_named(*state, "lead", "ab", "c", NULL),
                                ident_named(*state, "lead", "abc", NULL),
                                ident_named(*state, "lead", "abc", "", NULL),
                                ident_named(*state, "lead", "", "abc", NULL),
                                ident_named(*state, "leada", "bc", NULL),
                                ident_named(*state, "lead", NULL),
                                ident_named(*state, "lead", "bc", "a", NULL) };
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
}

static void an_id_is_valid_with_36_characters_in_either_case(void **state)
{
    (void)state;
    static const char good[] = "0190f3d2-7abc-7def-8123-456789abcdef";
    char text[40];
    assert_true(ident_valid(good));
    for (size_t i = 0; i < sizeof good - 1; i++) {
        memcpy(text, good, sizeof good);
        text[i] = (char)toupper(text[i]);
        assert_true(ident_valid(text));
        text[i] = 'g';
        assert_false(ident_valid(text));
        text[i] = good[i] == '-' ? 'a' : '-';
        assert_false(ident_valid(text));
        text[i] = '\0';
        assert_false(ident_valid(text));
    }
    assert_false(ident_valid("0190f3d2-7abc-7def-8123-456789abcdef0"));
    assert_false(ident_valid(NULL));
    assert_true(ident_moment("018BCFE5-687B-7def-8123-456789abcdef") == 1700000000123);
    assert_true(ident_moment("018bcfe5-687b-4def-8123-456789abcdef") == 0);
    assert_true(ident_moment("018bcfe5-687b-7def-c123-456789abcdef") == 0);
    assert_true(ident_moment(NULL) == 0);
}

static void random_bytes_of_any_count_are_filled_and_nothing_past_them(void **state)
{
    (void)state;
    static const size_t counts[] = { 0, 1, 16, 1000, 1024, 1025, 4096 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        unsigned char bytes[4100] = { 0 };
        unsigned char seen[4096] = { 0 };
        for (int round = 0; round < 64; round++) {
            ident_random(bytes, counts[i]);
            for (size_t at = 0; at < counts[i]; at++)
                seen[at] |= bytes[at];
        }
        for (size_t at = 0; at < counts[i]; at++)
            assert_int_not_equal(seen[at], 0);
        assert_memory_equal(bytes + counts[i], "\0\0\0\0", 4);
    }
}

static void the_bytes_of_an_ident_are_its_digits(void **state)
{
    (void)state;
    static const unsigned char expected[16] = { 0x01, 0x8f, 0x4e, 0x3a, 0x5b, 0x6c, 0x7d, 0x8e,
                                                0x9f, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66 };
    unsigned char bytes[16];
    ident_bytes("018f4e3a-5b6c-7d8E-9f00-112233445566", bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

static void a_number_is_the_head_of_a_hash(void **state)
{
    (void)state;
    assert_true(ident_number("018f4e3a-5b6c-7d8e-9f00-112233445566", "whatsapp_cloud:770:1500") ==
                INT64_C(5875968719677990472));
    assert_true(ident_number("a", "b/c") == ident_number("a/b", "c"));
    assert_false(ident_number("a", "b") == ident_number("a", "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_id_holds_its_moment),
        cmocka_unit_test(ids_of_a_thread_ascend_even_when_the_clock_stands_or_goes_back),
        cmocka_unit_test(a_forked_child_makes_other_ids),
        cmocka_unit_test(the_same_name_gets_the_same_id_for_ever),
        cmocka_unit_test(other_parts_get_another_id),
        cmocka_unit_test(an_id_is_valid_with_36_characters_in_either_case),
        cmocka_unit_test(the_bytes_of_an_ident_are_its_digits),
        cmocka_unit_test(a_number_is_the_head_of_a_hash),
        cmocka_unit_test(random_bytes_of_any_count_are_filled_and_nothing_past_them),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
