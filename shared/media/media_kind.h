/*
 * media_kind - what a file may be: by its kind the types and sizes that WhatsApp knows, by its type how it must begin.
 *
 * What a stranger declares is believed only where the file's first bytes agree. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { MEDIA_HEAD_BYTES = 512 }; /* of a file: enough to know its type by */

/* A Content-Type without its parameters, in lower case. */
char *media_type_bare(struct arena *arena, const char *declared);
/* "image/jpeg" -> "image"; NULL: no kind takes this type. */
const char *media_kind_of_type(const char *bare);
bool media_kind_takes(const char *kind, const char *bare);
bool media_kind_known(const char *kind);
int64_t media_bytes_max(const char *kind); /* the vendor's limit; 0: unknown kind */
/* Whether the file's beginning fits its type. */
bool media_begins_as(const char *bare, const char *head, size_t bytes);
/* Whether a browser may show it in place: pictures, sound and film. Everything else is saved. */
bool media_shown_inline(const char *bare);
