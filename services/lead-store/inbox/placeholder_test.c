#include "base/test.h"

#include "placeholder.h"

static struct arena *arena;

static const struct placeholder_values ines = {
    .name = "Ines Álvarez", .phone = "+15005550177", .operator= "ana", .company = "Blue Shop"
};

static void what_is_known_is_filled_in(void **state)
{
    (void)state;
    assert_string_equal(placeholder_fill(arena, "Hello {first_name}, {operator} of {company} here.", &ines),
                        "Hello Ines, ana of Blue Shop here.");
    assert_string_equal(placeholder_fill(arena, "{name}{phone}", &ines), "Ines Álvarez+15005550177");
    assert_string_equal(placeholder_fill(arena, "", &ines), "");
}

static void what_is_not_known_is_left_out_with_the_blank_before_it(void **state)
{
    const struct placeholder_values nobody = { 0 };
    (void)state;
    assert_string_equal(placeholder_fill(arena, "Hello {name}, welcome.", &nobody), "Hello, welcome.");
    assert_string_equal(placeholder_fill(arena, "{name}: hi", &nobody), ": hi");
}

static void what_is_filled_in_is_not_read_again(void **state)
{
    const struct placeholder_values sly = { .name = "{phone}", .phone = "+15005550177" };
    (void)state;
    assert_string_equal(placeholder_fill(arena, "Hello {name}", &sly), "Hello {phone}");
}

static void a_brace_alone_is_a_brace(void **state)
{
    (void)state;
    assert_int_equal(placeholder_check("{ } {} {Name} {name", NULL), OK);
    assert_string_equal(placeholder_fill(arena, "{ } {} {Name} {name", &ines), "{ } {} {Name} {name");
}

static void a_placeholder_that_there_is_none_of_is_refused(void **state)
{
    struct error error = { 0 };
    (void)state;
    assert_int_equal(placeholder_check("Hello {name}, your {order}", &error), REJECT);
    assert_string_equal(error.code, "bad_value");
    assert_int_equal(placeholder_check("{first_name} {phone} {operator} {company}", &error), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_is_filled_in),
        cmocka_unit_test(what_is_not_known_is_left_out_with_the_blank_before_it),
        cmocka_unit_test(what_is_filled_in_is_not_read_again),
        cmocka_unit_test(a_brace_alone_is_a_brace),
        cmocka_unit_test(a_placeholder_that_there_is_none_of_is_refused),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
