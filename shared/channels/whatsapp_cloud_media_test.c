#include "channels/whatsapp_cloud_media.h"

#include <string.h>

#include "base/test.h"

static struct whatsapp_cloud_media read(struct arena *arena, long status, const char *body)
{
    struct whatsapp_cloud_media media;
    whatsapp_cloud_media_read(arena, status, body, strlen(body), &media);
    return media;
}

static void a_url_comes_with_type_hash_and_size_however_they_are_spelled(void **state)
{
    struct arena *arena = arena_new(0);
    (void)state;
    struct whatsapp_cloud_media media =
        read(arena, 200,
             "{\"messaging_product\":\"whatsapp\",\"url\":\"https://lookaside.fbsbx.com/x?mid=1\",\"mime_type\":"
             "\"image/jpeg\",\"sha256\":\"abc\",\"file_size\":\"303833\",\"id\":\"2\"}");
    assert_int_equal(media.end, WHATSAPP_CLOUD_MEDIA_FOUND);
    assert_string_equal(media.url, "https://lookaside.fbsbx.com/x?mid=1");
    assert_int_equal(media.bytes, 303833);
    assert_int_equal(read(arena, 200, "{\"url\":\"https://x\",\"file_size\":7}").bytes, 7);
    assert_int_equal(read(arena, 200, "{\"url\":\"https://x\"}").bytes, 0);
    arena_free(arena);
}

static void a_refusal_is_gone_unwell_or_a_matter_for_a_person(void **state)
{
    static const struct {
        long status;
        const char *body;
        enum whatsapp_cloud_media_end end;
    } rows[] = {
        { 400, "{\"error\":{\"code\":100,\"message\":\"no\"}}", WHATSAPP_CLOUD_MEDIA_GONE },
        { 400, "{\"error\":{\"code\":33}}", WHATSAPP_CLOUD_MEDIA_GONE },
        { 400, "{\"error\":{\"code\":131052}}", WHATSAPP_CLOUD_MEDIA_GONE },
        { 401, "{\"error\":{\"code\":190}}", WHATSAPP_CLOUD_MEDIA_AUTH },
        { 400, "{\"error\":{\"code\":130429}}", WHATSAPP_CLOUD_MEDIA_RETRY },
        { 500, "{\"error\":{\"code\":131016}}", WHATSAPP_CLOUD_MEDIA_RETRY },
        { 404, "not JSON", WHATSAPP_CLOUD_MEDIA_GONE },
        { 502, "<html>", WHATSAPP_CLOUD_MEDIA_RETRY },
        { 403, "", WHATSAPP_CLOUD_MEDIA_AUTH },
        { 200, "{}", WHATSAPP_CLOUD_MEDIA_RETRY },
    };
    struct arena *arena = arena_new(0);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(read(arena, rows[i].status, rows[i].body).end, rows[i].end);
    arena_free(arena);
}

static void the_token_goes_to_the_vendor_only(void **state)
{
    static const char graph[] = "http://127.0.0.1:8090/v23.0";
    (void)state;
    assert_true(
        whatsapp_cloud_media_trusted("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", graph));
    assert_true(whatsapp_cloud_media_trusted("http://127.0.0.1:8090/_media/1", graph));
    assert_false(whatsapp_cloud_media_trusted("http://lookaside.fbsbx.com/x", graph));
    assert_false(whatsapp_cloud_media_trusted("https://lookaside.fbsbx.com.example.net/x", graph));
    assert_false(whatsapp_cloud_media_trusted("https://example.net/.fbsbx.com", graph));
    assert_false(whatsapp_cloud_media_trusted("https://lookaside.fbsbx.com@example.net/", graph));
    assert_false(whatsapp_cloud_media_trusted("https://example.net\\.fbsbx.com/", graph));
    assert_false(whatsapp_cloud_media_trusted("https://evilfbsbx.com/", graph));
    assert_false(whatsapp_cloud_media_trusted("http://127.0.0.1:8091/_media/1", graph));
    assert_false(whatsapp_cloud_media_trusted("file:///etc/passwd", graph));
    assert_false(whatsapp_cloud_media_trusted("", graph));
}

static void a_hash_fits_in_either_spelling(void **state)
{
    static const unsigned char hash[32] = { 1, 2, 3, 255 };
    struct arena *arena = arena_new(0);
    (void)state;
    assert_true(whatsapp_cloud_media_hash_fits(
        arena, "010203ff00000000000000000000000000000000000000000000000000000000", hash));
    assert_true(whatsapp_cloud_media_hash_fits(
        arena, "010203FF00000000000000000000000000000000000000000000000000000000", hash));
    assert_true(whatsapp_cloud_media_hash_fits(arena, "AQID/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", hash));
    assert_true(whatsapp_cloud_media_hash_fits(arena, "", hash));
    assert_false(whatsapp_cloud_media_hash_fits(arena, "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", hash));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_comes_with_type_hash_and_size_however_they_are_spelled),
        cmocka_unit_test(a_refusal_is_gone_unwell_or_a_matter_for_a_person),
        cmocka_unit_test(the_token_goes_to_the_vendor_only),
        cmocka_unit_test(a_hash_fits_in_either_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
