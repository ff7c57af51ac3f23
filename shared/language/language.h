/*
 * language - text as people write it, in any script: made comparable, cut into words and sentences. The one room that
 * knows ICU.
 *
 * What is compared is folded text on both sides: compatibility forms, case, invisible characters and digits of all
 * scripts are the same there. Words are runs of letters, marks and digits, so that every release of ICU finds the same.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* NFKC with case folded and digits as 0-9. Text must be valid UTF-8, and so is the answer. */
char *language_fold(struct arena *arena, const char *text);

/* What has no other letters needs no look at alphabets. */
bool language_is_ascii(const char *text);

struct language_word {
    const char *text; /* points into what was read */
    size_t bytes, characters;
};
/* The next word at or after *at, which moves behind it; false at the end. */
bool language_next_word(const char **at, struct language_word *out);
/* The code point at *at, which moves behind it; 0 at the end. */
int32_t language_next_character(const char **at);
/* Letters, marks and digits are a word's. */
bool language_in_word(int32_t character);
static inline bool language_ascii_in_word(unsigned char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26 || (unsigned char)(c - '0') < 10;
}

/* Where sentences end, as offsets in bytes; the last one is the text's length. White space belongs to the sentence
 * before it. Returns how many. */
size_t language_sentences(struct arena *arena, const char *text, size_t **ends);

/* How many words a reader counts, by Unicode's word borders: those with a letter or a digit in them. */
size_t language_word_count(const char *text);

/* ISO 639-1 code of the language that most of the letters are used for, as far as a script tells; NULL: none, or one
 * that many languages share (Latin). */
const char *language_of_script(const char *text);
