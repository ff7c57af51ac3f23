#include "opt.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

enum { OPT_BYTES_MAX = 64 };

/*
 * As folded: lower case, single spaces, no punctuation. The English ones are what regulators and carriers list, with
 * Meta's own button; the others are what carriers and WhatsApp businesses print under their messages. A word that also
 * means "wait" or "cancel my order" in a conversation is left out, but for those the lists demand.
 */
static const char *const OUT_WORDS[] = {
    /* English */
    "stop", "stopall", "stop all", "stop promotions", "stop messages", "quit", "end", "revoke", "optout", "opt out",
    "cancel", "unsubscribe", "unsubscribe me",
    /* Spanish */
    "baja", "darme de baja", "dar de baja", "detener", "cancelar", "cancelar suscripción", "cancelar suscripcion",
    "detener promociones",
    /* Portuguese */
    "sair", "parar", "descadastrar", "descadastre", "cancelar inscrição", "cancelar inscricao", "parar promoções",
    /* German */
    "stopp", "abmelden", "abbestellen", "austragen", "werbung stoppen",
    /* French */
    "arret", "arrêt", "arreter", "arrêter", "desabonner", "désabonner", "se désabonner", "me désabonner",
    "désinscription", "desinscription", "stop pub",
    /* Italian */
    "annulla iscrizione", "cancellami", "disiscrivimi",
    /* Hindi */
    "स्टॉप", "बंद करें", "बंद करो", "बंद", "सदस्यता समाप्त करें",
    /* Bengali */
    "স্টপ", "বন্ধ", "বন্ধ করুন", "বন্ধ করো", "আনসাবস্ক্রাইব",
    /* Arabic, Russian, Turkish, Indonesian */
    "توقف", "إلغاء الاشتراك", "الغاء الاشتراك", "стоп", "отписаться", "abonelikten çık", "berhenti",
    "berhenti langganan", NULL
};

static const char *const IN_WORDS[] = { "start",     "unstop",      "subscribe", "resubscribe", "resume",   "optin",
                                        "opt in",    "alta",        "iniciar",   "inscrever",   "anmelden", "abonner",
                                        "s'abonner", "शुरू",          "शुरू करें",     "স্টার্ট",       "শুরু",       "শুরু করুন",
                                        "старт",     "подписаться", NULL };

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

/* Latin-1 and Cyrillic capitals; other scripts of the lists have none. Both cases have the same number of bytes. */
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

static const char *fold(struct arena *arena, const char *text)
{
    struct buffer folded = { .arena = arena };
    bool gap = false;
    size_t left = strlen(text);
    for (size_t bytes; (bytes = text_character_bytes(text, left)) > 0 && folded.bytes <= OPT_BYTES_MAX;
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

static bool among(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

enum opt opt_read(struct arena *arena, const char *text)
{
    if (text_empty(text))
        return OPT_NONE;
    const char *word = fold(arena, text);
    if (among(word, OUT_WORDS))
        return OPT_OUT;
    return among(word, IN_WORDS) ? OPT_IN : OPT_NONE;
}
