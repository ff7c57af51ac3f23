/* Quiet hours against a real PostgreSQL, which knows the zones: both changes of time, both hemispheres, every hour of a
 * year's edges. */
#include "quiet.h"

#include "base/test.h"
#include "base/text.h"
#include "service/migrations.h"

#include "../../../tests/support/private_postgres.c"

static struct batch batch;

static moment at(const char *text)
{
    moment out;
    assert_int_equal(moment_from_text(text, &out, NULL), OK);
    return out;
}

/* When a message may leave; "now" if it may at once. */
static const char *opening(const char *zone, const char *now, const char *from, const char *to)
{
    struct error error;
    struct quiet_task task = { .zone = zone, .from = from, .to = to };
    batch.now = at(now);
    if (quiet_read(&batch, &task, 1, &error) != OK)
        fail_msg("%s", error.text);
    char *text = arena_alloc(batch.arena, MOMENT_BYTES);
    return task.until ? moment_text(task.until, text) : "now";
}

static void proactive_messages_leave_from_eight_to_before_twenty_two(void **state)
{
    (void)state;
    assert_string_equal(opening("UTC", "2026-03-01T07:59:59.999Z", "08:00", "22:00"), "2026-03-01T08:00:00.000Z");
    assert_string_equal(opening("UTC", "2026-03-01T08:00:00Z", "08:00", "22:00"), "now");
    assert_string_equal(opening("UTC", "2026-03-01T21:59:59.999Z", "08:00", "22:00"), "now");
    assert_string_equal(opening("UTC", "2026-03-01T22:00:00Z", "08:00", "22:00"), "2026-03-02T08:00:00.000Z");
}

static void a_span_may_pass_midnight(void **state)
{
    (void)state;
    assert_string_equal(opening("UTC", "2026-03-01T23:30:00Z", "18:00", "02:00"), "now");
    assert_string_equal(opening("UTC", "2026-03-01T01:59:00Z", "18:00", "02:00"), "now");
    assert_string_equal(opening("UTC", "2026-03-01T02:00:00Z", "18:00", "02:00"), "2026-03-01T18:00:00.000Z");
}

static void the_night_of_a_change_of_time_ends_at_eight_by_the_new_clock(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *now, *until;
    } table[] = {
        { "Europe/Berlin", "2026-03-28T22:30:00Z", "2026-03-29T06:00:00.000Z" }, /* forward at 01:00Z: 08:00 is +02 */
        { "Europe/Berlin", "2026-10-24T21:00:00Z", "2026-10-25T07:00:00.000Z" }, /* back at 01:00Z: 08:00 is +01 */
        { "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T12:00:00.000Z" }, /* forward */
        { "America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T13:00:00.000Z" }, /* back */
        { "Australia/Sydney", "2026-10-03T13:00:00Z",
          "2026-10-03T21:00:00.000Z" }, /* forward in their spring: 08:00 is +11 */
        { "Australia/Sydney", "2026-04-04T12:00:00Z",
          "2026-04-04T22:00:00.000Z" }, /* back in their autumn: 08:00 is +10 */
        { "Asia/Kathmandu", "2026-05-01T20:00:00Z", "2026-05-02T02:15:00.000Z" }, /* +05:45 */
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(opening(table[i].zone, table[i].now, "08:00", "22:00"), table[i].until);
}

static void no_hour_around_a_change_of_time_lets_a_message_out_at_night(void **state)
{
    (void)state;
    static const char *const days[][2] = { { "Europe/Berlin", "2026-03-28T00:00:00Z" },
                                           { "Europe/Berlin", "2026-10-24T00:00:00Z" },
                                           { "Australia/Sydney", "2026-10-02T12:00:00Z" },
                                           { "Australia/Sydney", "2026-04-03T12:00:00Z" } };
    enum { HALF_HOURS = 4 * 48 };
    struct quiet_task tasks[1];
    for (size_t day = 0; day < 4; day++)
        for (int i = 0; i < HALF_HOURS; i++) {
            struct error error;
            batch.now = at(days[day][1]) + i * 30LL * MINUTE_MS;
            tasks[0] = (struct quiet_task){ .zone = days[day][0], .from = "08:00", .to = "22:00" };
            assert_int_equal(quiet_read(&batch, tasks, 1, &error), OK);
            if (!tasks[0].until)
                continue;
            assert_true(tasks[0].until > batch.now && tasks[0].until <= batch.now + 11 * HOUR_MS);
            batch.now = tasks[0].until; /* when it comes again, it may leave */
            tasks[0].until = 0;
            assert_int_equal(quiet_read(&batch, tasks, 1, &error), OK);
            assert_int_equal(tasks[0].until, 0);
        }
}

static void an_unknown_zone_counts_as_utc_and_fails_nobody_else(void **state)
{
    (void)state;
    struct error error;
    struct quiet_task tasks[] = { { .zone = "Mars/Olympus", .from = "08:00", .to = "22:00" },
                                  { .zone = NULL, .from = "08:00", .to = "22:00" },
                                  { .zone = "Asia/Tokyo", .from = "08:00", .to = "22:00" } };
    batch.now = at("2026-03-01T12:00:00Z");
    assert_int_equal(quiet_read(&batch, tasks, 3, &error), OK);
    assert_string_equal(tasks[0].zone_used, "UTC");
    assert_string_equal(tasks[1].zone_used, "UTC");
    assert_string_equal(tasks[2].zone_used, "Asia/Tokyo");
    assert_int_equal(tasks[0].until, 0);
    assert_int_equal(tasks[2].until, 0); /* 21:00 there */
}

static int start(void **state)
{
    (void)state;
    batch.arena = arena_new(0);
    batch.db = db_open(private_postgres_start(), "quiet_test");
    struct error error;
    if (db_migrate(batch.db, "crm", MIGRATIONS, MIGRATION_COUNT, &error) != OK)
        fail_msg("%s", error.text);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    db_close(batch.db);
    arena_free(batch.arena);
    private_postgres_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proactive_messages_leave_from_eight_to_before_twenty_two),
        cmocka_unit_test(a_span_may_pass_midnight),
        cmocka_unit_test(the_night_of_a_change_of_time_ends_at_eight_by_the_new_clock),
        cmocka_unit_test(no_hour_around_a_change_of_time_lets_a_message_out_at_night),
        cmocka_unit_test(an_unknown_zone_counts_as_utc_and_fails_nobody_else),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
