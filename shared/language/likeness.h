/*
 * likeness - how much two texts say the same, by the runs of letters and digits that both have. Spaces, punctuation and
 * case don't count, in any script.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* 0 to 1: of the different runs of four characters of both, the share that both have. Two texts without a letter are
 * alike if they are equal. */
double likeness(struct arena *arena, const char *a, const char *b);

/* The different runs of so many letters and digits in a folded text, as sorted numbers. */
size_t likeness_runs(struct arena *arena, const char *folded, size_t characters, uint64_t **out);
size_t likeness_shared(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count);
/* Its letters and digits alone, one after the other; the answer is how many bytes they are. */
size_t likeness_letters(struct arena *arena, const char *folded, char **out);
/* Whether a folded text has any of those runs, of so many characters. */
bool likeness_any(struct arena *arena, const uint64_t *runs, size_t count, const char *folded, size_t characters);
