#include "reply.h"

#include <string.h>

#include "base/text.h"

static bool ends_sentence(const char *text, size_t at, size_t bytes)
{
    if (text[at] == '\n')
        return true;
    bool gap = at + 1 == bytes || text[at + 1] == ' ' || text[at + 1] == '\n';
    return gap && strchr(".!?", text[at]) != NULL;
}

/* Where the last whole sentence ends, else the last word, else nowhere better than bytes. Not before the middle: half
 * an answer is none. */
static size_t whole_bytes(const char *text, size_t bytes)
{
    static const char DANDA[] = "।";
    size_t danda = strlen(DANDA), word = bytes;
    for (size_t at = bytes; at > bytes / 2; at--) {
        if (ends_sentence(text, at - 1, bytes))
            return at;
        if (at >= danda && memcmp(text + at - danda, DANDA, danda) == 0)
            return at;
        if (word == bytes && text[at - 1] == ' ')
            word = at - 1;
    }
    return word;
}

/* Models copy what they see: the mark that the history gives to a colleague's words is not for the customer. */
static const char *without_mark(const char *text)
{
    static const char MARK[] = "[colleague";
    const char *end = text_starts(text, MARK) ? strchr(text, ']') : NULL;
    return end ? end + 1 : text;
}

const char *reply_shape(struct arena *arena, const struct llm_reply *reply, size_t characters_max)
{
    const char *text = text_trim(arena, without_mark(text_trim(arena, text_or(reply->text, ""))));
    size_t bytes = strlen(text_cut_characters(arena, text, characters_max));
    bool long_one = bytes < strlen(text);
    if (!long_one && !reply->cut)
        return text;
    return text_trim(arena, arena_text_n(arena, text, whole_bytes(text, bytes)));
}
