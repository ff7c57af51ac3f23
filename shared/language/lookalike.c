#include "language/lookalike.h"

#include <assert.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>

#include "language/language.h"

/* Opened once and only read from then on; two threads may open one each at the very start. */
static const USpoofChecker *checker(void)
{
    static _Atomic(const USpoofChecker *) opened;
    const USpoofChecker *found = opened;
    if (found)
        return found;
    UErrorCode code = U_ZERO_ERROR;
    found = uspoof_open(&code);
    assert(U_SUCCESS(code));
    opened = found;
    return found;
}

char *lookalike_fold(struct arena *arena, const char *folded)
{
    int32_t bytes = (int32_t)strlen(folded), room = 2 * bytes + 16;
    for (;;) {
        UErrorCode code = U_ZERO_ERROR;
        char *out = ARENA_ARRAY(arena, char, (size_t)room);
        int32_t wanted = uspoof_getSkeletonUTF8(checker(), 0, folded, bytes, out, room, &code);
        if (U_SUCCESS(code) && wanted < room)
            return out;
        assert(U_SUCCESS(code) || code == U_BUFFER_OVERFLOW_ERROR);
        room = wanted + 1;
    }
}

static bool mixes(struct language_word word)
{
    bool latin = false, other = false;
    for (const char *at = word.text; at < word.text + word.bytes;) {
        UErrorCode code = U_ZERO_ERROR;
        UScriptCode script = uscript_getScript(language_next_character(&at), &code);
        latin |= script == USCRIPT_LATIN;
        other |= script == USCRIPT_CYRILLIC || script == USCRIPT_GREEK;
    }
    return latin && other;
}

char *lookalike_mixed(struct arena *arena, const char *folded)
{
    struct language_word word;
    if (language_is_ascii(folded))
        return NULL;
    while (language_next_word(&folded, &word))
        if (word.bytes > word.characters && mixes(word))
            return arena_text_n(arena, word.text, word.bytes);
    return NULL;
}

bool lookalike_hides(const char *text)
{
    enum { LEFT_TO_RIGHT = 0x202D, RIGHT_TO_LEFT = 0x202E, TAG_FIRST = 0xE0000, TAG_LAST = 0xE007F, FLAG = 0x1F3F4 };
    bool flag = false; /* those of regions are written with tags */
    int32_t character;
    if (language_is_ascii(text))
        return false;
    while ((character = language_next_character(&text)) != 0) {
        bool tag = character >= TAG_FIRST && character <= TAG_LAST;
        if (character == LEFT_TO_RIGHT || character == RIGHT_TO_LEFT || (tag && !flag))
            return true;
        flag = character == FLAG || (tag && flag);
    }
    return false;
}
