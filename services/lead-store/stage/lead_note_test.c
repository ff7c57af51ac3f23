#include "base/test.h"

#include "base/text.h"
#include "stage/lead_note.h"

static int make_arena(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static const char POLICY[] = "{\"collect\":[\"city\"],\"moves\":[{\"to\":\"Contacted\",\"score_min\":25},"
                             "{\"to\":\"Qualified\",\"score_min\":75},{\"to\":\"Closed\",\"when\":\"they buy\"}]}";

static void each_of_the_four_that_is_known_is_a_quarter_of_the_score(void **state)
{
    struct lead_notes notes;
    lead_notes_read(*state, POLICY, NULL, NULL, &notes);
    assert_int_equal(lead_notes_score(&notes), 0);
    assert_null(lead_notes_move(&notes));
    assert_true(lead_note_take(&notes, "Budget", "500 USD", "m1"));
    assert_string_equal(lead_notes_move(&notes), "Contacted");
    assert_true(lead_note_take(&notes, "need", "a haircut", "m2"));
    assert_true(lead_note_take(&notes, "timing", "next week", "m3"));
    assert_int_equal(lead_notes_score(&notes), 75);
    assert_string_equal(lead_notes_move(&notes), "Qualified");
    assert_true(lead_note_take(&notes, "budget", "600 USD", "m4")); /* in the place of the older one */
    assert_int_equal(lead_notes_score(&notes), 75);
}

static void a_stage_collects_what_it_names_and_nothing_else(void **state)
{
    struct lead_notes notes;
    lead_notes_read(*state, POLICY, "{\"need\":{\"value\":\"x\",\"message_id\":\"m0\"},\"score\":25}", "[]", &notes);
    assert_false(lead_note_take(&notes, "shoe size", "43", "m1"));
    assert_false(lead_note_take(&notes, "city", "", "m1"));
    assert_false(notes.changed);
    assert_true(lead_note_take(&notes, "City", "Dhaka \"old\"", "m1"));
    assert_true(notes.changed);
    assert_string_equal(lead_notes_json(*state, &notes),
                        "{\"bant\":{\"need\":{\"value\":\"x\",\"message_id\":\"m0\"},\"score\":25},"
                        "\"collected\":{\"city\":{\"value\":\"Dhaka \\\"old\\\"\",\"message_id\":\"m1\"}}}");
}

static void what_is_no_policy_and_no_notes_is_nothing(void **state)
{
    struct lead_notes notes;
    lead_notes_read(*state, "[1]", "5", "{\"a\":1}", &notes);
    assert_int_equal(notes.count, 0);
    assert_false(lead_note_take(&notes, "city", "Dhaka", "m1"));
    assert_null(lead_notes_move(&notes));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_of_the_four_that_is_known_is_a_quarter_of_the_score),
        TEST(a_stage_collects_what_it_names_and_nothing_else),
        TEST(what_is_no_policy_and_no_notes_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
