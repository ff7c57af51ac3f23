#include "media/media_kind.h"

#include "base/test.h"

static void a_declared_type_loses_its_parameters_and_its_case(void **state)
{
    struct arena *arena = arena_new(0);
    (void)state;
    assert_string_equal(media_type_bare(arena, "audio/ogg; codecs=opus"), "audio/ogg");
    assert_string_equal(media_type_bare(arena, " Image/JPEG "), "image/jpeg");
    assert_string_equal(media_type_bare(arena, NULL), "");
    arena_free(arena);
}

static void a_kind_takes_its_own_types_and_no_others(void **state)
{
    (void)state;
    assert_true(media_kind_takes("image", "image/png"));
    assert_false(media_kind_takes("image", "image/webp"));
    assert_true(media_kind_takes("sticker", "image/webp"));
    assert_false(media_kind_takes("image", "image/svg+xml"));
    assert_false(media_kind_takes("document", "text/html"));
    assert_false(media_kind_takes("film", "video/mp4"));
    assert_int_equal(media_bytes_max("image"), 5 * 1024 * 1024);
    assert_int_equal(media_bytes_max("film"), 0);
    assert_string_equal(media_kind_of_type("video/3gpp"), "video");
    assert_null(media_kind_of_type("application/zip"));
}

static void a_file_must_begin_as_its_type_does(void **state)
{
    static const struct {
        const char *type, *head;
        size_t bytes;
        bool fits;
    } rows[] = {
        { "image/jpeg", "\xff\xd8\xff\xe0", 4, true },
        { "image/jpeg", "\xff\xd8", 2, false },
        { "image/png", "\x89PNG\r\n\x1a\n", 8, true },
        { "image/png", "<svg", 4, false },
        { "image/webp", "RIFF\x10\0\0\0WEBP", 12, true },
        { "audio/ogg", "OggS", 4, true },
        { "audio/amr", "#!AMR\n", 6, true },
        { "audio/mpeg", "ID3\x04", 4, true },
        { "audio/mpeg", "\xff\xfb\x90", 3, true },
        { "audio/mpeg", "\xff\xf1\x50", 3, false },
        { "audio/aac", "\xff\xf1\x50", 3, true },
        { "audio/mp4",
          "\0\0\0\x18"
          "ftypM4A ",
          12, true },
        { "video/mp4", "MZ\x90\0\x03\0\0\0", 8, false },
        { "application/pdf", "%PDF-1.4", 8, true },
        { "application/pdf", "MZ", 2, false },
        { "application/msword", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, true },
        { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04", 4, true },
        { "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "%PDF", 4, false },
        { "text/plain", "words", 5, true },
        { "text/plain", "wo\0rds", 6, false },
        { "text/html", "<html>", 6, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(media_begins_as(rows[i].type, rows[i].head, rows[i].bytes), rows[i].fits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declared_type_loses_its_parameters_and_its_case),
        cmocka_unit_test(a_kind_takes_its_own_types_and_no_others),
        cmocka_unit_test(a_file_must_begin_as_its_type_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
