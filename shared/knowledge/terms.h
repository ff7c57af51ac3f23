/*
 * terms - what full text looks for: the words of a question, and for scripts that PostgreSQL has no rules for, every
 * three characters of a word.
 *
 * A language's own forms of a word are PostgreSQL's business (regconfig). The other scripts' terms are made here, for
 * chunk and question in the same way, and begin with '~', which no word does.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { TERM_WORDS_MAX = 48, TERM_PIECES_MAX = 96 }; /* of a question */

/* PostgreSQL's name for a language by its ISO 639-1 code ("bn-BD" too); "simple" where it has none. */
const char *terms_config(const char *language);
/* "en" of "en_GB"; NULL: no such code. */
const char *terms_language(struct arena *arena, const char *code);

/* All different pieces of a text, separated by blanks; "" when it is written in letters that have rules. */
const char *terms_pieces(struct arena *arena, const char *text);

struct terms_question {
    const char *words[TERM_WORDS_MAX]; /* folded, each once, the last ones of a long text */
    size_t word_count;
    struct {
        const char *text;
        size_t word; /* that it is of */
    } pieces[TERM_PIECES_MAX];
    size_t piece_count;
};
void terms_of_question(struct arena *arena, const char *text, struct terms_question *out);
