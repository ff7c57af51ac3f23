/*
 * words - a text as its words: lower case, single spaces, no punctuation, symbols or emoji. So that what somebody wrote
 * can be compared with what somebody listed. Texts are valid UTF-8.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* Ends soon after bytes_max. */
const char *words_of(struct arena *arena, const char *text, size_t bytes_max);
/* Both as words_of gives them: the phrase stands there, not inside another word. Scripts without spaces: anywhere. */
bool words_hold(const char *words, const char *phrase);
