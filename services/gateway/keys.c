#include "keys.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"

#define PREFIX "ak_live_"

enum { SECRET_BYTES = 32 };

struct entry {
    char id[KEY_ID_BYTES + 1];
    char hash[KEY_HASH_BYTES + 1];
    char company_id[IDENT_BYTES];
    unsigned scopes;
    bool every_company;
    moment expires_at; /* 0: never */
    moment used_at;    /* 0: not since it is known here */
    int64_t requests_per_minute;
    double tokens;
    int64_t filled_us; /* 0: never used */
};

static struct {
    pthread_mutex_t lock;
    struct entry *entries; /* by id */
    size_t count;
    moment asked_at; /* when the list was asked for; 0: never loaded */
} keys = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* -- scopes */

static const struct {
    const char *word;
    enum scope scope;
} SCOPES[] = {
    { "inbound", SCOPE_INBOUND },   { "read", SCOPE_READ },   { "write", SCOPE_WRITE },
    { "operator", SCOPE_OPERATOR }, { "admin", SCOPE_ADMIN },
};

enum { SCOPE_COUNT = sizeof SCOPES / sizeof *SCOPES };

const char *scope_word(enum scope scope)
{
    for (size_t i = 0; i < SCOPE_COUNT; i++)
        if (SCOPES[i].scope == scope)
            return SCOPES[i].word;
    return "";
}

enum status scopes_read(char *const *words, size_t count, unsigned *out, struct error *error)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < SCOPE_COUNT && strcmp(SCOPES[at].word, words[i]) != 0)
            at++;
        if (at == SCOPE_COUNT)
            return error_code(error, REJECT, "unknown_scope",
                              "'scopes' may hold inbound, read, write, operator and admin.");
        *out |= SCOPES[at].scope;
    }
    return OK;
}

/* -- a key's text */

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz234567"; /* 32: no bias */

void key_make(char id[KEY_ID_BYTES + 1], char text[KEY_TEXT_BYTES])
{
    unsigned char bytes[KEY_ID_BYTES], secret[SECRET_BYTES];
    ident_random(bytes, sizeof bytes);
    ident_random(secret, sizeof secret);
    for (int i = 0; i < KEY_ID_BYTES; i++)
        id[i] = LETTERS[bytes[i] % 32];
    id[KEY_ID_BYTES] = '\0';
    int at = snprintf(text, KEY_TEXT_BYTES, PREFIX "%s_", id);
    for (int i = 0; i < SECRET_BYTES; i++)
        at += snprintf(text + at, (size_t)(KEY_TEXT_BYTES - at), "%02x", secret[i]);
    explicit_bzero(secret, sizeof secret);
}

void key_rename(const char *seed, char id[KEY_ID_BYTES + 1], char text[KEY_TEXT_BYTES])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)seed, strlen(seed), digest);
    for (int i = 0; i < KEY_ID_BYTES; i++)
        id[i] = LETTERS[digest[i] % 32];
    memcpy(text + strlen(PREFIX), id, KEY_ID_BYTES);
}

char *key_hash(struct arena *arena, const char *text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, strlen(text), digest);
    return text_hex(arena, digest, sizeof digest);
}

char *key_id(struct arena *arena, const char *text)
{
    if (!text_starts(text, PREFIX))
        return NULL;
    const char *id = text + strlen(PREFIX);
    if (strcspn(id, "_") != KEY_ID_BYTES || id[KEY_ID_BYTES] != '_' || id[KEY_ID_BYTES + 1] == '\0')
        return NULL;
    return arena_text_n(arena, id, KEY_ID_BYTES);
}

/* -- the list */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

/* Under the lock. */
static struct entry *find(const char *id)
{
    struct entry wanted = { 0 };
    snprintf(wanted.id, sizeof wanted.id, "%s", id);
    return keys.count == 0 ? NULL : bsearch(&wanted, keys.entries, keys.count, sizeof wanted, by_id);
}

static bool entry_read(const Pb__ApiKey *key, struct entry *out)
{
    *out = (struct entry){ .every_company = key->every_company, .requests_per_minute = key->requests_per_minute };
    if (key->revoked || text_empty(key->id) || strlen(key->id) != KEY_ID_BYTES || text_empty(key->secret_hash) ||
        strlen(key->secret_hash) != KEY_HASH_BYTES)
        return false;
    snprintf(out->id, sizeof out->id, "%s", key->id);
    snprintf(out->hash, sizeof out->hash, "%s", key->secret_hash);
    snprintf(out->company_id, sizeof out->company_id, "%s", text_or(key->company_id, ""));
    out->expires_at = key->has_expires_at ? key->expires_at : 0;
    return scopes_read(key->scopes, key->n_scopes, &out->scopes, NULL) == OK;
}

/* What a gateway itself knows of a key outlives the list. Under the lock. */
static void entry_go_on(struct entry *entry)
{
    const struct entry *before = find(entry->id);
    if (before == NULL)
        return;
    entry->tokens = before->tokens;
    entry->filled_us = before->filled_us;
    entry->used_at = before->used_at;
}

void keys_set(Pb__ApiKey *const *list, size_t listed, moment asked_at)
{
    struct entry *entries = calloc(listed + 1, sizeof *entries);
    size_t count = 0;
    if (entries == NULL)
        abort();
    for (size_t i = 0; i < listed; i++)
        count += entry_read(list[i], &entries[count]);
    qsort(entries, count, sizeof *entries, by_id);
    pthread_mutex_lock(&keys.lock);
    for (size_t i = 0; i < count; i++)
        entry_go_on(&entries[i]);
    free(keys.entries);
    keys.entries = entries;
    keys.count = count;
    keys.asked_at = asked_at;
    pthread_mutex_unlock(&keys.lock);
}

bool keys_loaded(void)
{
    pthread_mutex_lock(&keys.lock);
    bool loaded = keys.asked_at != 0;
    pthread_mutex_unlock(&keys.lock);
    return loaded;
}

static Pb__ApiKeyUse *use_of(struct arena *arena, const struct entry *entry)
{
    Pb__ApiKeyUse *use = PB_NEW(arena, api_key_use);
    use->id = arena_text(arena, entry->id);
    PB_SET(use, used_at, entry->used_at);
    return use;
}

size_t keys_used(struct arena *arena, Pb__ApiKeyUse ***out)
{
    size_t count = 0;
    pthread_mutex_lock(&keys.lock);
    *out = ARENA_ARRAY(arena, Pb__ApiKeyUse *, keys.count + 1);
    for (size_t i = 0; i < keys.count; i++)
        if (keys.entries[i].used_at != 0 && keys.entries[i].used_at >= keys.asked_at)
            (*out)[count++] = use_of(arena, &keys.entries[i]);
    pthread_mutex_unlock(&keys.lock);
    return count;
}

/* Holds a minute's worth. Returns 0 when a token was taken, else ms until there is one. Under the lock. */
static int64_t bucket_take(struct entry *entry, int64_t per_minute)
{
    double most = (double)per_minute, per_second = most / 60.0;
    int64_t now_us = moment_monotonic_us();
    entry->tokens += entry->filled_us == 0 ? most : (double)(now_us - entry->filled_us) / 1e6 * per_second;
    entry->tokens = entry->tokens > most ? most : entry->tokens;
    entry->filled_us = now_us;
    if (entry->tokens >= 1.0) {
        entry->tokens -= 1.0;
        return 0;
    }
    return (int64_t)((1.0 - entry->tokens) / per_second * 1000.0) + 1;
}

/* Under the lock. */
static enum status check(struct arena *arena, struct entry *entry, const char *hash, moment now,
                         int64_t rate_per_minute, struct key *out, int64_t *wait_ms, struct error *error)
{
    if (keys.asked_at == 0)
        return error_code(error, RETRY, "keys_not_loaded", "The API keys are not loaded yet.");
    if (entry == NULL || !text_same_secret(entry->hash, hash) || (entry->expires_at != 0 && entry->expires_at <= now))
        return error_code(error, REJECT, "unauthorised", "The API key is not known, revoked or expired.");
    int64_t limit = entry->requests_per_minute > 0 ? entry->requests_per_minute : rate_per_minute;
    *wait_ms = limit > 0 ? bucket_take(entry, limit) : 0;
    if (*wait_ms > 0)
        return error_code(error, REJECT, "too_many", "The API key may make %lld requests per minute.",
                          (long long)limit);
    entry->used_at = now;
    out->id = arena_text(arena, entry->id);
    out->company_id = arena_text(arena, entry->company_id);
    out->scopes = entry->scopes;
    out->every_company = entry->every_company;
    return OK;
}

bool keys_allow(const char *id, moment now)
{
    pthread_mutex_lock(&keys.lock);
    const struct entry *entry = find(id);
    bool allowed = entry != NULL && (entry->expires_at == 0 || entry->expires_at > now);
    pthread_mutex_unlock(&keys.lock);
    return allowed;
}

enum status keys_check(struct arena *arena, const char *text, moment now, int64_t rate_per_minute, struct key *out,
                       int64_t *wait_ms, struct error *error)
{
    *wait_ms = 0;
    if (text == NULL)
        return error_code(error, REJECT, "unauthorised", "An API key is needed: Authorization: Bearer or X-Api-Key.");
    const char *id = key_id(arena, text), *hash = key_hash(arena, text);
    pthread_mutex_lock(&keys.lock);
    enum status status = check(arena, id == NULL ? NULL : find(id), hash, now, rate_per_minute, out, wait_ms, error);
    pthread_mutex_unlock(&keys.lock);
    return status;
}
