#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "health.h"

static struct arena *arena;

static struct health_picture all_well(void)
{
    struct health_picture picture = { .database = true, .nats = true };
    for (size_t i = 0; HEALTH_SERVICES[i] != NULL; i++)
        picture.workers[i] = 1;
    return picture;
}

static const char *check_of(const struct health_picture *picture, const char *name, bool healthy)
{
    struct buffer out = { .arena = arena };
    cJSON *tree = NULL;
    const cJSON *checks = NULL;
    const char *status = NULL, *value = NULL;
    assert_int_equal(health_write(&out, picture), healthy);
    assert_int_equal(json_parse(arena, out.text, out.bytes, &tree, NULL), OK);
    assert_int_equal(json_need_text(tree, "status", &status, NULL), OK);
    assert_string_equal(status, healthy ? "healthy" : "degraded");
    assert_int_equal(json_need_object(tree, "checks", &checks, NULL), OK);
    assert_int_equal(json_need_text(checks, name, &value, NULL), OK);
    return value;
}

static void all_parts_there_is_healthy(void **state)
{
    (void)state;
    struct health_picture picture = all_well();
    assert_string_equal(check_of(&picture, "database", true), "connected");
    assert_string_equal(check_of(&picture, "nats", true), "connected");
    assert_string_equal(check_of(&picture, "ingest", true), "1 workers active");
}

static void a_part_that_is_away_is_named_in_its_place(void **state)
{
    (void)state;
    struct health_picture picture = all_well();
    picture.workers[0] = 0;
    assert_string_equal(check_of(&picture, HEALTH_SERVICES[0], false), "0 workers active");
    picture = all_well();
    picture.nats = false;
    assert_string_equal(check_of(&picture, "nats", false), "disconnected");
    picture = all_well();
    picture.database = false;
    snprintf(picture.database_why, sizeof picture.database_why, "no answer");
    assert_string_equal(check_of(&picture, "database", false), "disconnected: no answer");
}

static void a_lost_stream_degrades_until_somebody_has_looked(void **state)
{
    (void)state;
    struct health_picture picture = all_well();
    snprintf(picture.vanished, sizeof picture.vanished, "WORK");
    assert_non_null(strstr(check_of(&picture, "streams", false), "WORK"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_there_is_healthy),
        cmocka_unit_test(a_part_that_is_away_is_named_in_its_place),
        cmocka_unit_test(a_lost_stream_degrades_until_somebody_has_looked),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
