#include "cursor.h"

#include <string.h>

#include "test.h"
#include "text.h"

static const char *const ID = "0193a1b2-0000-7000-8000-000000000001";

static void a_cursor_survives_the_way_to_a_client_and_back(void **state)
{
    struct arena *arena = *state;
    struct cursor back;
    const struct cursor there = { .at = 1795000000123, .position = 42, .id = ID };
    assert_int_equal(cursor_read(arena, cursor_text(arena, &there), &back, NULL), OK);
    assert_int_equal(back.at, there.at);
    assert_int_equal(back.position, there.position);
    assert_string_equal(back.id, ID);
}

static void no_cursor_means_from_the_newest(void **state)
{
    struct cursor back;
    assert_int_equal(cursor_read(*state, "", &back, NULL), OK);
    assert_int_equal(cursor_read(*state, NULL, &back, NULL), OK);
    assert_int_equal(back.at, 0);
    assert_null(back.id);
}

static void a_cursor_that_we_never_gave_out_is_refused(void **state)
{
    struct arena *arena = *state;
    static const char *const plain[] = { "1/2",
                                         "1/2/3/4",
                                         "x/2/",
                                         "1/x/",
                                         "-1/2/",
                                         "1/-2/",
                                         "1/2/no-uuid",
                                         "99999999999999999/1/",
                                         "1/99999999999999999999/" };
    static const char *const raw[] = { "0", "zz", "31 2f", "GG", "not hex at all" };
    struct cursor back;
    struct error error;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const char *hex = text_hex(arena, plain[i], strlen(plain[i]));
        assert_int_equal(cursor_read(arena, hex, &back, &error), REJECT);
        assert_string_equal(error.code, "bad_value");
    }
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
        assert_int_equal(cursor_read(arena, raw[i], &back, &error), REJECT);
}

static void an_id_that_is_no_uuid_is_read_by_who_expects_one(void **state)
{
    struct arena *arena = *state;
    struct cursor back;
    struct error error;
    const char *key = cursor_text(arena, &(struct cursor){ .at = 1, .id = "abcd2345" });
    const char *odd = cursor_text(arena, &(struct cursor){ .at = 1, .id = "a\xff" });
    assert_int_equal(cursor_read_named(arena, key, &back, NULL), OK);
    assert_string_equal(back.id, "abcd2345");
    assert_int_equal(cursor_read(arena, key, &back, &error), REJECT);
    assert_int_equal(cursor_read_named(arena, odd, &back, &error), REJECT);
    assert_string_equal(error.code, "bad_value");
}

static int start(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int stop(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_survives_the_way_to_a_client_and_back),
        cmocka_unit_test(no_cursor_means_from_the_newest),
        cmocka_unit_test(a_cursor_that_we_never_gave_out_is_refused),
        cmocka_unit_test(an_id_that_is_no_uuid_is_read_by_who_expects_one),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
