/*
 * media_link - a link that opens one file for whoever has it, until a moment.
 *
 * The signature covers company, file and moment, under the installation's key: none of the three can be changed in a
 * link, and a link opens nothing else. Pure.
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/moment.h"

enum { MEDIA_LINK_KEY_BYTES_MIN = 32 };

/* "/media/<id>?company=...&expires=...&signature=..." */
char *media_link(struct arena *arena, const char *key, const char *company_id, const char *media_id, moment expires_at);
/* expires is the link's own text. */
bool media_link_opens(struct arena *arena, const char *key, const char *company_id, const char *media_id,
                      const char *expires, const char *signature, moment now);
