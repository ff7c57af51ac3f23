#include "base/test.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "keys.h"

static struct arena *arena;
static char first_text[KEY_TEXT_BYTES], second_text[KEY_TEXT_BYTES];

#define COMPANY "0190a000-0000-7000-8000-000000000001"

static Pb__ApiKey *key_row(char text[KEY_TEXT_BYTES], const char *scope)
{
    char id[KEY_ID_BYTES + 1];
    Pb__ApiKey *key = PB_NEW(arena, api_key);
    key_make(id, text);
    key->id = arena_text(arena, id);
    key->secret_hash = key_hash(arena, text);
    key->company_id = arena_text(arena, COMPANY);
    key->scopes = ARENA_ARRAY(arena, char *, 1);
    key->scopes[0] = arena_text(arena, scope);
    key->n_scopes = 1;
    return key;
}

static void set_keys(Pb__ApiKey *one, Pb__ApiKey *two)
{
    Pb__ApiKey *list[] = { one, two };
    keys_set(list, two == NULL ? 1 : 2, 1);
}

static enum status check(const char *text, moment now, int64_t rate, struct key *out, int64_t *wait_ms,
                         const char *code)
{
    struct error error = { 0 };
    enum status status = keys_check(arena, text, now, rate, out, wait_ms, &error);
    assert_string_equal(error.code, code);
    return status;
}

static void nobody_is_let_in_or_turned_away_before_the_keys_are_loaded(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    assert_false(keys_loaded());
    assert_int_equal(check("ak_live_abcdefgh_x", 0, 0, &key, &wait_ms, "keys_not_loaded"), RETRY);
    assert_int_equal(check(NULL, 0, 0, &key, &wait_ms, "unauthorised"), REJECT);
}

static void a_fresh_key_has_the_contracts_form(void **state)
{
    (void)state;
    char id[KEY_ID_BYTES + 1], text[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES];
    key_make(id, text);
    assert_true(text_starts(text, "ak_live_"));
    assert_string_equal(key_id(arena, text), id);
    assert_int_equal(strlen(text), 8 + 8 + 1 + 64);
    key_make(id, other);
    assert_string_not_equal(text, other);
    key_rename("a seed", id, text);
    key_rename("a seed", id, other);
    assert_string_equal(key_id(arena, text), id);
    assert_string_equal(key_id(arena, other), id);
    assert_string_not_equal(text, other);
    assert_int_equal(strlen(key_hash(arena, text)), KEY_HASH_BYTES);
    assert_string_equal(key_hash(arena, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_malformed_key_has_no_id(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "ak_live_",
                                       "ak_live_abcdefgh",
                                       "ak_live_abcdefgh_",
                                       "ak_live_abcdefg_x",
                                       "ak_live_abcdefghi_x",
                                       "AK_LIVE_abcdefgh_x",
                                       "abcdefgh_x" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(key_id(arena, bad[i]));
}

static void a_known_key_says_whose_it_is_and_what_it_may(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    set_keys(key_row(first_text, "read"), key_row(second_text, "admin"));
    assert_int_equal(check(first_text, 1000, 0, &key, &wait_ms, ""), OK);
    assert_string_equal(key.company_id, COMPANY);
    assert_int_equal(key.scopes, SCOPE_READ);
    assert_false(key.every_company);
    assert_int_equal(check(second_text, 1000, 0, &key, &wait_ms, ""), OK);
    assert_int_equal(key.scopes, SCOPE_ADMIN);
}

static void a_wrong_secret_an_unknown_id_and_a_revoked_key_are_told_alike(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    char wrong[KEY_TEXT_BYTES];
    Pb__ApiKey *revoked = key_row(second_text, "read");
    PB_SET(revoked, revoked, true);
    set_keys(key_row(first_text, "read"), revoked);
    memcpy(wrong, first_text, sizeof wrong);
    wrong[sizeof wrong - 2] = wrong[sizeof wrong - 2] == '0' ? '1' : '0';
    assert_int_equal(check(wrong, 1000, 0, &key, &wait_ms, "unauthorised"), REJECT);
    assert_int_equal(check("ak_live_zzzzzzzz_x", 1000, 0, &key, &wait_ms, "unauthorised"), REJECT);
    assert_int_equal(check(second_text, 1000, 0, &key, &wait_ms, "unauthorised"), REJECT);
    assert_int_equal(check("", 1000, 0, &key, &wait_ms, "unauthorised"), REJECT);
}

static void a_key_ends_at_its_expiry(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    Pb__ApiKey *row = key_row(first_text, "read");
    PB_SET(row, expires_at, 5000);
    set_keys(row, NULL);
    assert_int_equal(check(first_text, 4999, 0, &key, &wait_ms, ""), OK);
    assert_int_equal(check(first_text, 5000, 0, &key, &wait_ms, "unauthorised"), REJECT);
}

static void a_limit_is_a_burst_and_then_a_rate_that_a_reload_does_not_refill(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    Pb__ApiKey *row = key_row(first_text, "read");
    PB_SET(row, requests_per_minute, 5); /* one in twelve seconds, five at once */
    set_keys(row, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(check(first_text, 1, 0, &key, &wait_ms, ""), OK);
    assert_int_equal(check(first_text, 1, 0, &key, &wait_ms, "too_many"), REJECT);
    assert_in_range(wait_ms, 11000, 12001);
    set_keys(row, key_row(second_text, "read"));
    assert_int_equal(check(first_text, 1, 0, &key, &wait_ms, "too_many"), REJECT);
    assert_int_equal(check(second_text, 1, 0, &key, &wait_ms, ""), OK);
}

static void the_installations_limit_holds_for_keys_without_their_own(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    set_keys(key_row(first_text, "read"), NULL);
    assert_int_equal(check(first_text, 1, 1, &key, &wait_ms, ""), OK);
    assert_int_equal(check(first_text, 1, 1, &key, &wait_ms, "too_many"), REJECT);
}

static void a_use_is_told_until_a_later_list_has_come(void **state)
{
    (void)state;
    struct key key;
    int64_t wait_ms;
    Pb__ApiKeyUse **uses;
    Pb__ApiKey *list[] = { key_row(first_text, "read"), key_row(second_text, "read") };
    keys_set(list, 2, 1000);
    assert_int_equal(keys_used(arena, &uses), 0);
    assert_int_equal(check(second_text, 1500, 0, &key, &wait_ms, ""), OK);
    assert_int_equal(check(second_text, 2000, 0, &key, &wait_ms, ""), OK);
    for (int i = 0; i < 2; i++) { /* not told before the list has come */
        assert_int_equal(keys_used(arena, &uses), 1);
        assert_string_equal(uses[0]->id, list[1]->id);
        assert_int_equal(uses[0]->used_at, 2000);
    }
    keys_set(list, 2, 2000); /* in the same moment: once too often rather than never */
    assert_int_equal(keys_used(arena, &uses), 1);
    keys_set(list, 2, 2001);
    assert_int_equal(keys_used(arena, &uses), 0);
}

static void scopes_are_words_from_a_list(void **state)
{
    (void)state;
    struct error error = { 0 };
    unsigned scopes = 0;
    char *good[] = { (char[]){ "inbound" }, (char[]){ "write" } }, *bad[] = { (char[]){ "root" } };
    assert_int_equal(scopes_read(good, 2, &scopes, &error), OK);
    assert_int_equal(scopes, SCOPE_INBOUND | SCOPE_WRITE);
    assert_int_equal(scopes_read(bad, 1, &scopes, &error), REJECT);
    assert_string_equal(scope_word(SCOPE_OPERATOR), "operator");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_let_in_or_turned_away_before_the_keys_are_loaded),
        cmocka_unit_test(a_fresh_key_has_the_contracts_form),
        cmocka_unit_test(a_malformed_key_has_no_id),
        cmocka_unit_test(a_known_key_says_whose_it_is_and_what_it_may),
        cmocka_unit_test(a_wrong_secret_an_unknown_id_and_a_revoked_key_are_told_alike),
        cmocka_unit_test(a_key_ends_at_its_expiry),
        cmocka_unit_test(a_limit_is_a_burst_and_then_a_rate_that_a_reload_does_not_refill),
        cmocka_unit_test(the_installations_limit_holds_for_keys_without_their_own),
        cmocka_unit_test(a_use_is_told_until_a_later_list_has_come),
        cmocka_unit_test(scopes_are_words_from_a_list),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
