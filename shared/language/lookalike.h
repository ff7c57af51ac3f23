/*
 * lookalike - writing that is meant to deceive the eye: letters of another alphabet, text that can't be seen.
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

/* Of folded text: letters that look alike become one ("раypal" with a Cyrillic beginning is "paypal"). For comparing
 * only. */
char *lookalike_fold(struct arena *arena, const char *folded);

/* The first word that mixes Latin letters with Cyrillic or Greek ones; NULL: none. */
char *lookalike_mixed(struct arena *arena, const char *folded);

/* A direction that is overridden, or text in invisible tag characters. */
bool lookalike_hides(const char *text);
