#include "words.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* A character's code point; the bytes are valid UTF-8. */
static uint32_t point_of(const unsigned char *at, size_t bytes)
{
    if (bytes == 1)
        return at[0];
    uint32_t point = at[0] & (0xFFu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++)
        point = point << 6 | (at[i] & 0x3Fu);
    return point;
}

/* Spaces, punctuation, symbols and emoji, with the invisible characters that come along with them. */
static bool separates(uint32_t point)
{
    if (point < 0x80)
        return !((point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z') || (point >= '0' && point <= '9') ||
                 point == '\'');
    return (point < 0xC0 && point != 0xAA && point != 0xBA) || point == 0xD7 || point == 0xF7 || point == 0x0964 ||
           point == 0x0965 || point == 0x060C || point == 0x061F ||
           (point >= 0x2000 && point <= 0x206F && point != 0x200C && point != 0x200D) ||
           (point >= 0x2190 && point <= 0x2BFF) || (point >= 0x3000 && point <= 0x3002) ||
           (point >= 0xFE00 && point <= 0xFE0F) || point == 0xFEFF || point == 0xFF01 || point == 0xFF0E ||
           point >= 0x1F000;
}

/* Latin-1 and Cyrillic capitals; most other scripts have none. Both cases have the same number of bytes. */
static uint32_t lower_of(uint32_t point)
{
    if ((point >= 'A' && point <= 'Z') || (point >= 0xC0 && point <= 0xDE) || (point >= 0x410 && point <= 0x42F))
        return point + 0x20;
    return point;
}

static void add_point(struct buffer *folded, uint32_t point, const char *as, size_t bytes)
{
    uint32_t lower = lower_of(point);
    if (lower == point)
        buffer_add_n(folded, as, bytes);
    else if (bytes == 1)
        buffer_add_char(folded, (char)lower);
    else
        buffer_add_n(folded, (char[]){ (char)(0xC0 | lower >> 6), (char)(0x80 | (lower & 0x3F)) }, 2);
}

const char *words_of(struct arena *arena, const char *text, size_t bytes_max)
{
    struct buffer folded = { .arena = arena };
    bool gap = false;
    size_t left = strlen(text);
    for (size_t bytes; (bytes = text_character_bytes(text, left)) > 0 && folded.bytes <= bytes_max;
         text += bytes, left -= bytes) {
        uint32_t point = point_of((const unsigned char *)text, bytes);
        if (separates(point)) {
            gap = folded.bytes > 0;
            continue;
        }
        if (gap)
            buffer_add_char(&folded, ' ');
        gap = false;
        add_point(&folded, point, text, bytes);
    }
    return buffer_text(&folded);
}

/* Scripts that are written without spaces between their words: Thai, Lao, Burmese, Khmer, Chinese, Japanese. */
static bool runs_on(uint32_t point)
{
    return (point >= 0x0E00 && point <= 0x0EFF) || (point >= 0x1000 && point <= 0x109F) ||
           (point >= 0x1780 && point <= 0x17FF) || (point >= 0x3040 && point <= 0x30FF) ||
           (point >= 0x3400 && point <= 0x9FFF) || (point >= 0x20000 && point <= 0x3FFFF);
}

static bool any_runs_on(const char *words)
{
    size_t left = strlen(words);
    for (size_t bytes; (bytes = text_character_bytes(words, left)) > 0; words += bytes, left -= bytes)
        if (runs_on(point_of((const unsigned char *)words, bytes)))
            return true;
    return false;
}

bool words_hold(const char *words, const char *phrase)
{
    size_t bytes = strlen(phrase);
    bool inside = any_runs_on(phrase);
    if (bytes == 0)
        return false;
    for (const char *at = words; (at = strstr(at, phrase)); at++) {
        bool begins = at == words || at[-1] == ' ', ends = at[bytes] == '\0' || at[bytes] == ' ';
        if (inside || (begins && ends))
            return true;
    }
    return false;
}
