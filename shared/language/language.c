#include "language/language.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

/* -- folding */

/* ICU refuses only what is no text of ours: sizes are asked for first, and memory is the arena's. */
static UChar *utf16_of(struct arena *arena, const char *text, int32_t *units)
{
    UErrorCode code = U_ZERO_ERROR;
    int32_t room = (int32_t)strlen(text) + 1; /* never more units than bytes */
    UChar *out = ARENA_ARRAY(arena, UChar, (size_t)room);
    u_strFromUTF8Lenient(out, room, units, text, -1, &code);
    assert(U_SUCCESS(code));
    return out;
}

static UChar *folded_units(struct arena *arena, const UChar *in, int32_t units, int32_t *out_units)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *normalizer = unorm2_getNFKCCasefoldInstance(&code);
    assert(U_SUCCESS(code));
    int32_t room = units + units / 2 + 16;
    for (;;) {
        UChar *out = ARENA_ARRAY(arena, UChar, (size_t)room);
        code = U_ZERO_ERROR;
        *out_units = unorm2_normalize(normalizer, in, units, out, room, &code);
        if (U_SUCCESS(code))
            return out;
        assert(code == U_BUFFER_OVERFLOW_ERROR);
        room = *out_units + 1;
    }
}

static char *utf8_with_digits(struct arena *arena, UChar *text, int32_t units)
{
    UErrorCode code = U_ZERO_ERROR;
    int32_t room = units * 3 + 1; /* bytes of a unit at most */
    char *out = ARENA_ARRAY(arena, char, (size_t)room);
    for (int32_t i = 0; i < units; i++) {
        int32_t digit = text[i] < 0x80 ? -1 : u_charDigitValue(text[i]);
        text[i] = digit >= 0 ? (UChar)('0' + digit) : text[i];
    }
    u_strToUTF8WithSub(out, room, NULL, text, units, ' ', NULL, &code);
    assert(U_SUCCESS(code));
    return out;
}

bool language_is_ascii(const char *text)
{
    const uint64_t tops = 0x8080808080808080u;
    size_t left = strlen(text);
    uint64_t any = 0, eight;
    for (; left >= sizeof eight; left -= sizeof eight, text += sizeof eight) {
        memcpy(&eight, text, sizeof eight);
        any |= eight;
    }
    eight = 0;
    memcpy(&eight, text, left);
    return !((any | eight) & tops);
}

static char *ascii_fold(struct arena *arena, const char *text)
{
    char *out = arena_text(arena, text);
    for (char *c = out; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
    return out;
}

char *language_fold(struct arena *arena, const char *text)
{
    int32_t units = 0, folded = 0;
    if (language_is_ascii(text))
        return ascii_fold(arena, text);
    const UChar *in = utf16_of(arena, text, &units);
    UChar *out = folded_units(arena, in, units, &folded);
    return utf8_with_digits(arena, out, folded);
}

/* -- words */

int32_t language_next_character(const char **at)
{
    const uint8_t *bytes = (const uint8_t *)*at;
    if (*bytes < 0x80) {
        *at += *bytes != 0;
        return *bytes;
    }
    int32_t read = 0;
    UChar32 character;
    U8_NEXT_OR_FFFD(bytes, read, -1, character);
    *at += read;
    return character;
}

bool language_in_word(int32_t character)
{
    if (character < 0x80)
        return language_ascii_in_word((unsigned char)character);
    return u_isalnum(character) || (U_GET_GC_MASK(character) & (U_GC_M_MASK | U_GC_N_MASK)) != 0;
}

bool language_next_word(const char **at, struct language_word *out)
{
    const char *before = *at, *after = *at;
    int32_t character;
    while ((character = language_next_character(&after)) != 0 && !language_in_word(character))
        before = after;
    *out = (struct language_word){ .text = before };
    for (; character != 0 && language_in_word(character); character = language_next_character(&after)) {
        out->characters++;
        out->bytes = (size_t)(after - before);
    }
    *at = before + out->bytes;
    return out->bytes > 0;
}

/* -- sentences */

size_t language_sentences(struct arena *arena, const char *text, size_t **ends)
{
    UErrorCode code = U_ZERO_ERROR;
    size_t bytes = strlen(text), count = 0, room = 64;
    UText *utf8 = utext_openUTF8(NULL, text, (int64_t)bytes, &code);
    UBreakIterator *borders = ubrk_open(UBRK_SENTENCE, "", NULL, 0, &code);
    assert(U_SUCCESS(code));
    ubrk_setUText(borders, utf8, &code);
    assert(U_SUCCESS(code));
    *ends = ARENA_ARRAY(arena, size_t, room);
    for (int32_t end = ubrk_next(borders); end != UBRK_DONE; end = ubrk_next(borders)) {
        if (count == room) {
            size_t *wider = ARENA_ARRAY(arena, size_t, room * 2);
            memcpy(wider, *ends, room * sizeof *wider);
            *ends = wider;
            room *= 2;
        }
        (*ends)[count++] = (size_t)end;
    }
    ubrk_close(borders);
    utext_close(utf8);
    return count;
}

size_t language_word_count(const char *text)
{
    UErrorCode code = U_ZERO_ERROR;
    size_t count = 0;
    UText *utf8 = utext_openUTF8(NULL, text, (int64_t)strlen(text), &code);
    UBreakIterator *borders = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    assert(U_SUCCESS(code));
    ubrk_setUText(borders, utf8, &code);
    assert(U_SUCCESS(code));
    for (int32_t end = ubrk_next(borders); end != UBRK_DONE; end = ubrk_next(borders))
        count += ubrk_getRuleStatus(borders) >= UBRK_WORD_NONE_LIMIT;
    ubrk_close(borders);
    utext_close(utf8);
    return count;
}

/* -- scripts */

/* Of the scripts that one language stands for in practice, or one by far the most. */
static const struct {
    UScriptCode script;
    const char *language;
} SCRIPTS[] = {
    { USCRIPT_BENGALI, "bn" },  { USCRIPT_DEVANAGARI, "hi" }, { USCRIPT_ARABIC, "ar" },   { USCRIPT_CYRILLIC, "ru" },
    { USCRIPT_GREEK, "el" },    { USCRIPT_HEBREW, "he" },     { USCRIPT_TAMIL, "ta" },    { USCRIPT_TELUGU, "te" },
    { USCRIPT_GUJARATI, "gu" }, { USCRIPT_GURMUKHI, "pa" },   { USCRIPT_KANNADA, "kn" },  { USCRIPT_MALAYALAM, "ml" },
    { USCRIPT_ORIYA, "or" },    { USCRIPT_SINHALA, "si" },    { USCRIPT_THAI, "th" },     { USCRIPT_LAO, "lo" },
    { USCRIPT_KHMER, "km" },    { USCRIPT_MYANMAR, "my" },    { USCRIPT_HIRAGANA, "ja" }, { USCRIPT_KATAKANA, "ja" },
    { USCRIPT_HANGUL, "ko" },   { USCRIPT_HAN, "zh" },        { USCRIPT_ARMENIAN, "hy" }, { USCRIPT_GEORGIAN, "ka" },
};
enum { SCRIPTS_KNOWN = sizeof SCRIPTS / sizeof *SCRIPTS, SAMPLE_CHARACTERS = 4000 };

const char *language_of_script(const char *text)
{
    size_t counts[SCRIPTS_KNOWN] = { 0 }, letters = 0;
    int32_t character;
    for (size_t i = 0; i < SAMPLE_CHARACTERS && (character = language_next_character(&text)) != 0; i++) {
        UErrorCode code = U_ZERO_ERROR;
        if (!u_isalpha(character))
            continue;
        letters++;
        UScriptCode script = uscript_getScript(character, &code);
        for (size_t k = 0; k < SCRIPTS_KNOWN; k++)
            counts[k] += SCRIPTS[k].script == script;
    }
    for (size_t k = 0; k < SCRIPTS_KNOWN; k++)
        if (counts[k] * 2 > letters)
            return SCRIPTS[k].language;
    return NULL;
}
