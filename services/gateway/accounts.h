/*
 * accounts - secrets of the companies' channel accounts, kept in memory: who may sign a webhook, and for whom.
 *
 * A company's own secret vouches for its own accounts only: it must not sign what is said to another company's number.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "wire/pb.h"

/* Replaces all accounts. */
void accounts_set(Pb__ChannelAccount *const *list, size_t count);
bool accounts_loaded(void);
bool accounts_any_secret(void); /* an account has a secret of its own */

/* Accounts whose own secret has signed these bytes. */
struct signers {
    const char **accounts; /* provider's names, in the arena */
    size_t count;
};
struct signers accounts_signers(struct arena *arena, const char *signature, const void *body, size_t bytes);
bool signers_vouch(const struct signers *signers, const char *account);
bool accounts_verify_token(const char *token);
