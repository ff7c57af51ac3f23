#include "media/media_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "base/text.h"
#include "media/media_link.h"

#define COMPANY "0b8e55a2-0000-4000-8000-000000000001"
#define FILE_ID "0b8e55a2-0000-4000-8000-000000000002"
#define HASH    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void a_link_opens_its_own_file_until_its_moment(void **state)
{
    struct arena *arena = arena_new(0);
    static const char key[] = "thirty-two characters are enough";
    (void)state;
    char *link = media_link(arena, key, COMPANY, FILE_ID, 2000000 * SECOND_MS);
    const char *signature = strstr(link, "signature=") + strlen("signature=");
    assert_true(text_starts(link, "/media/" FILE_ID "?company=" COMPANY "&expires=2000000&"));
    assert_true(media_link_opens(arena, key, COMPANY, FILE_ID, "2000000", signature, 2000000 * SECOND_MS - 1));
    assert_false(media_link_opens(arena, key, COMPANY, FILE_ID, "2000000", signature, 2000000 * SECOND_MS));
    assert_false(media_link_opens(arena, key, COMPANY, FILE_ID, "2000001", signature, 0));
    assert_false(media_link_opens(arena, key, FILE_ID, COMPANY, "2000000", signature, 0));
    assert_false(
        media_link_opens(arena, "another key of thirty-two letters", COMPANY, FILE_ID, "2000000", signature, 0));
    assert_false(media_link_opens(arena, "", COMPANY, FILE_ID, "2000000", signature, 0));
    assert_false(media_link_opens(arena, key, COMPANY, FILE_ID, "2000000", "", 0));
    arena_free(arena);
}

static void a_file_is_kept_under_company_and_hash(void **state)
{
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    char folder[] = "/tmp/parley-place-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    const struct media_place place = { .folder = text_format(arena, "%s/a/b", folder), .s3_endpoint = "" };
    assert_int_equal(media_place_open(&place, &error), OK);
    const char *incoming = media_place_incoming(arena, &place, "piece");
    FILE *file = fopen(incoming, "w");
    assert_non_null(file);
    fputs("abc", file);
    fclose(file);
    assert_int_equal(media_place_keep(arena, &place, incoming, COMPANY, HASH, &error), OK);
    assert_int_equal(access(incoming, F_OK), -1);
    assert_int_equal(access(text_format(arena, "%s/a/b/" COMPANY "/ba/" HASH, folder), R_OK), 0);
    assert_int_equal(media_place_keep(arena, &place, incoming, COMPANY, HASH, &error), RETRY);
    arena_free(arena);
}

static void what_was_never_finished_goes_when_it_is_old(void **state)
{
    struct arena *arena = arena_new(0);
    struct error error = { 0 };
    char folder[] = "/tmp/parley-place-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    const struct media_place place = { .folder = folder, .s3_endpoint = "" };
    assert_int_equal(media_place_open(&place, &error), OK);
    fclose(fopen(media_place_incoming(arena, &place, "torn"), "w"));
    assert_int_equal(media_place_tidy(arena, &place, MINUTE_MS, moment_now()), 0);
    assert_int_equal(media_place_tidy(arena, &place, MINUTE_MS, moment_now() + 2 * MINUTE_MS), 1);
    assert_int_equal(access(media_place_incoming(arena, &place, "torn"), F_OK), -1);
    arena_free(arena);
}

static void half_a_bucket_is_refused(void **state)
{
    struct error error = { 0 };
    struct media_place place = {
        .folder = "/tmp", .s3_endpoint = "https://s3.example", .s3_bucket = "b", .s3_key = "k"
    };
    (void)state;
    place.s3_secret = "";
    assert_int_equal(media_place_open(&place, &error), REJECT);
    place.s3_secret = "s";
    place.s3_endpoint = "s3.example";
    assert_int_equal(media_place_open(&place, &error), REJECT);
}

/* Made with the vendor's algorithm by another implementation (Python's hmac). */
static void a_visit_to_a_bucket_is_one_signed_url(void **state)
{
    struct arena *arena = arena_new(0);
    const struct media_place place = { .folder = "/tmp",
                                       .s3_endpoint = "https://s3.example.net/",
                                       .s3_bucket = "files",
                                       .s3_region = "eu-west-1",
                                       .s3_key = "AKID",
                                       .s3_secret = "SECRET" };
    const struct media_place_visit visit = {
        .method = "GET", .company_id = COMPANY, .sha256 = HASH, .valid_s = 300, .answer_type = "image/jpeg"
    };
    (void)state;
    const char *url = media_place_url(arena, &place, &visit, 1700000000LL * SECOND_MS);
    assert_string_equal(
        url,
        "https://s3.example.net/files/0b8e55a2-0000-4000-8000-000000000001/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20231114%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20231114T221320Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&response-content-type=image%2Fjpeg&X-Amz-Signature=b880a77a334409849d7983861943e7a3279e692b238896f1324885d36542d2c8");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_opens_its_own_file_until_its_moment),
        cmocka_unit_test(a_file_is_kept_under_company_and_hash),
        cmocka_unit_test(what_was_never_finished_goes_when_it_is_old),
        cmocka_unit_test(half_a_bucket_is_refused),
        cmocka_unit_test(a_visit_to_a_bucket_is_one_signed_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
