#include "base/test.h"

#include <string.h>

#include "accounts.h"
#include "base/text.h"
#include "webhook.h"

static struct arena *arena;

#define SECRET "wa-demo-app-secret-7c1f"
static const char BODY[] = "{\"object\":\"whatsapp_business_account\",\"entry\":[]}";
static const char SIGNATURE[] = "sha256=c4d79b068a67c74b696a98657900136aa1322b487e8ca12ddf8c50573472977a";

static bool is_signed(const char *secrets, const char *signature, const char *body)
{
    return webhook_signed_by_any(arena, secrets, signature, body, strlen(body));
}

static void metas_own_vectors_pass(void **state)
{
    (void)state;
    assert_int_equal(strlen(BODY), 49);
    assert_true(is_signed(SECRET, SIGNATURE, BODY));
    assert_true(is_signed(SECRET, "sha256=dc85b3c7510765900f3b071908e7858d76c732e8b24c8d8650fb5fee4c848da2",
                          "{\"t\":\"\\u00e4\\u00f6\"}"));
    assert_true(is_signed(SECRET, "sha256=6fb4cc8d47eeb89fceed7737367c5729b04aa8454e68c9d7d0ff7d48aec50407",
                          "{\"t\":\"\xc3\xa4\xc3\xb6\"}"));
}

static void any_of_a_list_may_sign_while_secrets_rotate(void **state)
{
    (void)state;
    assert_true(is_signed("new," SECRET, SIGNATURE, BODY));
    assert_true(is_signed(" " SECRET " ,old", SIGNATURE, BODY));
    assert_false(is_signed("new,old", SIGNATURE, BODY));
}

static void nothing_signs_without_a_secret_or_a_signature(void **state)
{
    (void)state;
    assert_false(is_signed("", SIGNATURE, BODY));
    assert_false(is_signed(",,", SIGNATURE, BODY));
    assert_false(is_signed(NULL, SIGNATURE, BODY));
    assert_false(is_signed(SECRET, NULL, BODY));
    assert_false(is_signed(SECRET, "", BODY));
    assert_false(is_signed(SECRET, SIGNATURE + 7, BODY));
    assert_false(is_signed(SECRET, SIGNATURE, "{\"object\":\"whatsapp_business_account\",\"entry\":[] }"));
}

static Pb__ChannelAccount *account(const char *name, const char *secret, const char *token)
{
    Pb__ChannelAccount *account = PB_NEW(arena, channel_account);
    PB_SET(account, channel, PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD);
    account->account = arena_text(arena, name);
    account->verify_token = arena_text(arena, token);
    account->webhook_secrets = ARENA_ARRAY(arena, char *, 1);
    account->webhook_secrets[0] = arena_text(arena, secret);
    account->n_webhook_secrets = 1;
    return account;
}

static void an_accounts_secret_vouches_for_that_account_only(void **state)
{
    (void)state;
    Pb__ChannelAccount *items[] = { account("111", SECRET, "token-1"), account("222", "other", "") };
    assert_false(accounts_loaded());
    accounts_set(items, 2);
    assert_true(accounts_loaded());
    struct signers signers = accounts_signers(arena, SIGNATURE, BODY, strlen(BODY));
    assert_int_equal(signers.count, 1);
    assert_true(signers_vouch(&signers, "111"));
    assert_false(signers_vouch(&signers, "222"));
    assert_false(signers_vouch(&signers, ""));
}

static void a_verify_token_is_known_exactly_and_an_empty_one_never(void **state)
{
    (void)state;
    assert_true(accounts_verify_token("token-1"));
    assert_false(accounts_verify_token("token-"));
    assert_false(accounts_verify_token(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metas_own_vectors_pass),
        cmocka_unit_test(any_of_a_list_may_sign_while_secrets_rotate),
        cmocka_unit_test(nothing_signs_without_a_secret_or_a_signature),
        cmocka_unit_test(an_accounts_secret_vouches_for_that_account_only),
        cmocka_unit_test(a_verify_token_is_known_exactly_and_an_empty_one_never),
    };
    arena = arena_new(0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    accounts_set(NULL, 0);
    arena_free(arena);
    return failed;
}
