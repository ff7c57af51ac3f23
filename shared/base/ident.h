/*
 * ident - UUIDs in text, 36 lower-case characters.
 *
 * Version 7 (RFC 9562: time-ordered, for rows) and version 5 (name-based SHA-1, for whatever must get the same id when
 * it comes again).
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/moment.h"

enum { IDENT_BYTES = 37 }; /* with the NUL */

/* Fresh, unique across processes, ordered within this thread. Returns out. */
char *ident_new(char out[IDENT_BYTES]);
char *ident_fresh(struct arena *arena);

/* Same namespace and parts, same id, for ever. parts end with NULL; each is hashed with its length, so ("a","bc")
 * differs from ("ab","c"). */
char *ident_named(struct arena *arena, const char *namespace_text, ...) __attribute__((sentinel));

/* A number instead: the first eight bytes of SHA-256("<a>/<b>") with their sign, as SQL can make it too. */
int64_t ident_number(const char *a, const char *b);

/* The company of whoever names none: one per installation, the same id in every process. */
char *ident_default_company(struct arena *arena);

bool ident_valid(const char *text);                        /* 8-4-4-4-12 hex, any case, any version */
void ident_bytes(const char *text, unsigned char out[16]); /* of a valid one */
moment ident_moment(const char *ident);                    /* of a version 7 id; 0 otherwise */
/* Random bytes from getrandom(2); aborts when the kernel has none. */
void ident_random(void *out, size_t bytes);
