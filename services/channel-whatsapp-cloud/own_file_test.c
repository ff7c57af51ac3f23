#include "own_file.h"

#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "media/media_link.h"

#define COMPANY "0b8e55a2-0000-4000-8000-000000000001"
#define FILE_ID "0b8e55a2-0000-4000-8000-000000000002"
static const char KEY[] = "thirty-two characters are enough";

static enum status linked(struct arena *arena, const char *media, const char **out, struct error *error)
{
    Pb__Outgoing *outgoing = pb_new(arena, &pb__outgoing__descriptor);
    outgoing->media = pb_json(arena, media);
    enum status status = own_file_link(arena, COMPANY, outgoing, 1000 * SECOND_MS, error);
    *out = pb_json_text(outgoing->media);
    return status;
}

static void our_own_file_becomes_a_link_that_opens_it(void **state)
{
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    const char *media;
    (void)state;
    own_file_public_url = "https://parley.example/";
    own_file_link_key = KEY;
    assert_int_equal(
        linked(arena, "{\"type\":\"image\",\"id\":\"" FILE_ID "\",\"caption\":\"Our \\\"offer\\\"\"}", &media, &error),
        OK);
    assert_string_equal(media, text_format(arena,
                                           "{\"link\":\"https://parley.example%s\",\"type\":\"image\",\"caption\":"
                                           "\"Our \\\"offer\\\"\"}",
                                           media_link(arena, KEY, COMPANY, FILE_ID, 4600 * SECOND_MS)));
    arena_free(arena);
}

static void a_file_of_metas_or_elsewhere_stays_as_it_is(void **state)
{
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    const char *media;
    (void)state;
    own_file_public_url = own_file_link_key = "";
    assert_int_equal(linked(arena, "{\"type\":\"image\",\"id\":\"1234567890\"}", &media, &error), OK);
    assert_string_equal(media, "{\"type\":\"image\",\"id\":\"1234567890\"}");
    assert_int_equal(linked(arena, "{\"type\":\"image\",\"link\":\"https://x/y\"}", &media, &error), OK);
    assert_string_equal(media, "{\"type\":\"image\",\"link\":\"https://x/y\"}");
    assert_int_equal(linked(arena, "null", &media, &error), OK);
    arena_free(arena);
}

static void without_an_address_of_ours_it_is_refused(void **state)
{
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    const char *media;
    (void)state;
    own_file_public_url = "";
    own_file_link_key = KEY;
    assert_int_equal(linked(arena, "{\"type\":\"image\",\"id\":\"" FILE_ID "\"}", &media, &error), REJECT);
    assert_string_equal(error.code, "no_link");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_file_becomes_a_link_that_opens_it),
        cmocka_unit_test(a_file_of_metas_or_elsewhere_stays_as_it_is),
        cmocka_unit_test(without_an_address_of_ours_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
