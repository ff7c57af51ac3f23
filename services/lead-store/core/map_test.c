#include "map.h"

#include "base/test.h"
#include "base/text.h"

static void a_key_finds_the_value_it_was_given(void **state)
{
    struct arena *arena = *state;
    struct map *map = map_new(arena, 1000);
    int values[1000];
    for (int i = 0; i < 1000; i++)
        *map_at(map, text_format(arena, "key %d", i)) = &values[i];
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(map_find(map, text_format(arena, "key %d", i)), &values[i]);
}

static void an_unknown_key_finds_nothing_and_leaves_nothing_behind(void **state)
{
    struct map *map = map_new(*state, 1);
    assert_null(map_find(map, "none"));
    assert_null(map_find(map, ""));
    assert_null(*map_at(map, "only"));
    assert_ptr_equal(map_at(map, "only"), map_at(map, "only"));
}

static int setup(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_finds_the_value_it_was_given, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_key_finds_nothing_and_leaves_nothing_behind, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
