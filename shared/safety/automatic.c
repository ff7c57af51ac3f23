#include "safety/automatic.h"

#include <string.h>

#include "base/text.h"
#include "language/language.h"

enum { READ_BYTES_MAX = 1024, MARK_CHARACTERS_MIN = 12 };

/* As folded. What a person might write about such a message ("I got an automatic reply") is left out. */
static const char *const PHRASES[] = {
    "this is an automated ",
    "this is an automatic ",
    "this is an auto-generated",
    "this is an auto generated",
    "this message was sent automatically",
    "this message is automatically generated",
    "automatic reply:",
    "auto-reply:",
    "auto reply:",
    "autoreply:",
    "auto-response:",
    "i am currently out of office",
    "i'm currently out of office",
    "i am out of the office",
    "out of office:",
    "do not reply to this message",
    "please do not reply to this",
    "diese nachricht wurde automatisch",
    "automatische antwort:",
    "dies ist eine automatische",
    "respuesta automática:",
    "este es un mensaje automático",
    "réponse automatique",
    "ceci est un message automatique",
    "mensagem automática",
    "resposta automática",
    "এটি একটি স্বয়ংক্রিয়",
    "স্বয়ংক্রিয় বার্তা",
    "यह एक स्वचालित",
    NULL,
};

bool automatic_says(struct arena *arena, const char *text)
{
    const char *folded = language_fold(arena, text_cut(arena, text, READ_BYTES_MAX));
    for (const char *const *phrase = PHRASES; *phrase; phrase++)
        if (strstr(folded, language_fold(arena, *phrase)))
            return true;
    return false;
}

int64_t automatic_mark(struct arena *arena, const char *text)
{
    const char *folded = language_fold(arena, text_cut(arena, text, READ_BYTES_MAX));
    uint64_t mark = UINT64_C(14695981039346656037);
    struct language_word word;
    size_t characters = 0;
    while (language_next_word(&folded, &word)) {
        characters += word.characters;
        for (size_t i = 0; i < word.bytes; i++)
            mark = (mark ^ (unsigned char)word.text[i]) * UINT64_C(1099511628211);
    }
    return characters < MARK_CHARACTERS_MIN ? 0 : (int64_t)mark;
}
