#include "knowledge/terms.h"

#include <string.h>

#include "base/text.h"
#include "language/language.h"

enum { PIECE_CHARACTERS = 3, PIECE_SCRIPTS_FROM = 0x0590 }; /* behind Latin, Greek, Cyrillic and Armenian */

/* -- languages */

static const char *const CONFIGS[][2] = {
    { "ar", "arabic" },    { "ca", "catalan" },    { "da", "danish" },    { "de", "german" },   { "el", "greek" },
    { "en", "english" },   { "es", "spanish" },    { "eu", "basque" },    { "fi", "finnish" },  { "fr", "french" },
    { "ga", "irish" },     { "hi", "hindi" },      { "hu", "hungarian" }, { "hy", "armenian" }, { "id", "indonesian" },
    { "it", "italian" },   { "lt", "lithuanian" }, { "nb", "norwegian" }, { "ne", "nepali" },   { "nl", "dutch" },
    { "no", "norwegian" }, { "pt", "portuguese" }, { "ro", "romanian" },  { "ru", "russian" },  { "sr", "serbian" },
    { "sv", "swedish" },   { "ta", "tamil" },      { "tr", "turkish" },   { "yi", "yiddish" },
};

const char *terms_config(const char *language)
{
    for (size_t i = 0; i < sizeof CONFIGS / sizeof *CONFIGS; i++)
        if (text_starts(text_or(language, ""), CONFIGS[i][0]) &&
            (!language[2] || language[2] == '-' || language[2] == '_'))
            return CONFIGS[i][1];
    return "simple";
}

const char *terms_language(struct arena *arena, const char *code)
{
    char *lower = text_lower(arena, text_or(code, ""));
    for (size_t i = 0; i < 2; i++)
        if (lower[i] < 'a' || lower[i] > 'z')
            return NULL;
    if (lower[2] && lower[2] != '-' && lower[2] != '_')
        return NULL;
    lower[2] = '\0';
    return lower;
}

/* -- pieces */

static bool wants_pieces(const struct language_word *word)
{
    const char *at = word->text;
    return language_next_character(&at) >= PIECE_SCRIPTS_FROM;
}

/* The pieces of a word one after the other: start with *at at the word. A word that is too short is its own piece. */
static bool piece_next(const struct language_word *word, const char **at, size_t *bytes)
{
    const char *end = word->text + word->bytes, *to = *at, *after = *at;
    size_t characters = 0;
    if (*at >= end)
        return false;
    for (; to < end && characters < PIECE_CHARACTERS; characters++) {
        language_next_character(&to);
        after = characters ? after : to;
    }
    *bytes = (size_t)(to - *at);
    if (characters < PIECE_CHARACTERS && *at != word->text)
        return false;
    *at = characters < PIECE_CHARACTERS ? end : after;
    return true;
}

const char *terms_pieces(struct arena *arena, const char *text)
{
    struct buffer out = { .arena = arena };
    struct language_word word;
    const char *at = language_fold(arena, text);
    while (language_next_word(&at, &word)) {
        const char *piece = word.text, *start = piece;
        for (size_t bytes; wants_pieces(&word) && piece_next(&word, &piece, &bytes); start = piece)
            buffer_format(&out, "%s~%.*s", out.bytes ? " " : "", (int)bytes, start);
    }
    return buffer_text(&out);
}

/* -- questions */

struct words {
    struct language_word list[TERM_WORDS_MAX];
    size_t count, next; /* a ring: the last ones stay */
};

static bool words_have(const struct words *words, const struct language_word *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (words->list[i].bytes == word->bytes && memcmp(words->list[i].text, word->text, word->bytes) == 0)
            return true;
    return false;
}

static void add_pieces(struct arena *arena, const struct language_word *word, size_t place, struct terms_question *out)
{
    const char *piece = word->text, *start = piece;
    size_t bytes;
    for (; out->piece_count < TERM_PIECES_MAX && piece_next(word, &piece, &bytes); start = piece) {
        out->pieces[out->piece_count].text = text_format(arena, "~%.*s", (int)bytes, start);
        out->pieces[out->piece_count++].word = place;
    }
}

void terms_of_question(struct arena *arena, const char *text, struct terms_question *out)
{
    struct words words = { 0 };
    struct language_word word;
    const char *at = language_fold(arena, text);
    *out = (struct terms_question){ 0 };
    while (language_next_word(&at, &word)) {
        if (words_have(&words, &word))
            continue;
        words.list[words.next] = word;
        words.next = (words.next + 1) % TERM_WORDS_MAX;
        words.count += words.count < TERM_WORDS_MAX;
    }
    for (size_t i = 0; i < words.count; i++) {
        out->words[out->word_count++] = arena_text_n(arena, words.list[i].text, words.list[i].bytes);
        if (wants_pieces(&words.list[i]))
            add_pieces(arena, &words.list[i], i, out);
    }
}
