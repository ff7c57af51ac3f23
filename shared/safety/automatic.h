/*
 * automatic - whether a message looks as if a machine had written it: an auto-reply, an answering machine, another bot.
 * Pure, and cheap enough for every inbound message.
 *
 * It is a guess: whoever acts on it waits for a second one in a row.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* It says so itself ("this is an automated message", "out of office"). */
bool automatic_says(struct arena *arena, const char *text);

/* A number for what it says, to find the same again; 0: too short to mean anything ("ok" may be said twice). */
int64_t automatic_mark(struct arena *arena, const char *text);
