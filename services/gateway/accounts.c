#include "accounts.h"

#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "channels/whatsapp_cloud.h"

struct account {
    const char *name, *verify_token;
    const char **secrets;
    size_t secret_count;
};

static struct {
    pthread_mutex_t lock;
    struct arena *arena; /* holds all of the current list */
    struct account *accounts;
    size_t count;
    bool loaded;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct account account_copy(struct arena *arena, const Pb__ChannelAccount *from)
{
    struct account account = { .name = arena_text(arena, text_or(from->account, "")),
                               .verify_token = arena_text(arena, text_or(from->verify_token, "")),
                               .secrets = ARENA_ARRAY(arena, const char *, from->n_webhook_secrets + 1),
                               .secret_count = from->n_webhook_secrets };
    for (size_t i = 0; i < from->n_webhook_secrets; i++)
        account.secrets[i] = arena_text(arena, from->webhook_secrets[i]);
    return account;
}

void accounts_set(Pb__ChannelAccount *const *list, size_t listed)
{
    struct arena *arena = arena_new(4096);
    struct account *accounts = ARENA_ARRAY(arena, struct account, listed + 1);
    size_t count = 0;
    for (size_t i = 0; i < listed; i++)
        if (list[i]->channel == PB__CHANNEL__CHANNEL_WHATSAPP_CLOUD)
            accounts[count++] = account_copy(arena, list[i]);
    pthread_mutex_lock(&known.lock);
    struct arena *before = known.arena;
    known.arena = arena;
    known.accounts = accounts;
    known.count = count;
    known.loaded = true;
    pthread_mutex_unlock(&known.lock);
    arena_free(before);
}

bool accounts_loaded(void)
{
    pthread_mutex_lock(&known.lock);
    bool loaded = known.loaded;
    pthread_mutex_unlock(&known.lock);
    return loaded;
}

bool accounts_any_secret(void)
{
    bool any = false;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < known.count; i++)
        any = any || known.accounts[i].secret_count > 0;
    pthread_mutex_unlock(&known.lock);
    return any;
}

static bool account_signed(const struct account *account, const char *signature, const void *body, size_t bytes)
{
    for (size_t i = 0; i < account->secret_count; i++)
        if (whatsapp_cloud_signed(account->secrets[i], signature, body, bytes))
            return true;
    return false;
}

struct signers accounts_signers(struct arena *arena, const char *signature, const void *body, size_t bytes)
{
    pthread_mutex_lock(&known.lock);
    struct signers signers = { .accounts = ARENA_ARRAY(arena, const char *, known.count + 1) };
    for (size_t i = 0; i < known.count; i++)
        if (known.accounts[i].name[0] != '\0' && account_signed(&known.accounts[i], signature, body, bytes))
            signers.accounts[signers.count++] = arena_text(arena, known.accounts[i].name);
    pthread_mutex_unlock(&known.lock);
    return signers;
}

bool signers_vouch(const struct signers *signers, const char *account)
{
    for (size_t i = 0; i < signers->count; i++)
        if (strcmp(signers->accounts[i], account) == 0)
            return true;
    return false;
}

bool accounts_verify_token(const char *token)
{
    bool known_token = false;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < known.count; i++)
        known_token = text_same_secret(known.accounts[i].verify_token, token) || known_token;
    pthread_mutex_unlock(&known.lock);
    return known_token;
}
