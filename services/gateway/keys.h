/*
 * keys - who may ask for what: API keys by id, kept in memory, with a token bucket each.
 *
 * A key is `ak_live_<8 id>_<secret>`; only the SHA-256 of the whole is known. Until the list was loaded once nobody is
 * let in: 503, not 401.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/moment.h"
#include "wire/pb.h"

enum scope {
    SCOPE_NONE = 0, /* open to everybody */
    SCOPE_INBOUND = 1,
    SCOPE_READ = 2,
    SCOPE_WRITE = 4,
    SCOPE_OPERATOR = 8,
    SCOPE_ADMIN = 16, /* holds the others */
};
const char *scope_word(enum scope scope);
/* REJECT unknown_scope by name. */
enum status scopes_read(char *const *words, size_t count, unsigned *out, struct error *error);

enum { KEY_ID_BYTES = 8, KEY_HASH_BYTES = 64, KEY_TEXT_BYTES = 8 + KEY_ID_BYTES + 1 + 64 + 1 };

/* What a key allows; its texts live in the request's arena. */
struct key {
    const char *id;         /* "" while auth is off */
    const char *company_id; /* "" for the default company */
    unsigned scopes;
    bool every_company;
};

/* A fresh key: id and whole text. */
void key_make(char id[KEY_ID_BYTES + 1], char text[KEY_TEXT_BYTES]);
/* Gives a fresh key the id that follows from seed. */
void key_rename(const char *seed, char id[KEY_ID_BYTES + 1], char text[KEY_TEXT_BYTES]);
/* SHA-256 of the whole key in lower-case hex. */
char *key_hash(struct arena *arena, const char *text);
/* The id inside a well-formed key, in the arena; NULL otherwise. */
char *key_id(struct arena *arena, const char *text);

/* Replaces all keys by what was asked for at asked_at; buckets of those that stay go on. */
void keys_set(Pb__ApiKey *const *list, size_t count, moment asked_at);
bool keys_loaded(void);
/* What was let in since the last list was asked for: how many, and which. */
size_t keys_used(struct arena *arena, Pb__ApiKeyUse ***out);
bool keys_allow(const char *id, moment now); /* what was let in by this key may stay */
/* text NULL: none was given. REJECT unauthorised or too_many (then *wait_ms says how long), RETRY while not loaded. */
enum status keys_check(struct arena *arena, const char *text, moment now, int64_t rate_per_minute, struct key *out,
                       int64_t *wait_ms, struct error *error);
