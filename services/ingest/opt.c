#include "opt.h"

#include <string.h>

#include "base/text.h"
#include "base/words.h"

enum { OPT_BYTES_MAX = 64 };

/*
 * As words (base/words.h). The English ones are what regulators and carriers list, with
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
    const char *word = words_of(arena, text, OPT_BYTES_MAX);
    if (among(word, OUT_WORDS))
        return OPT_OUT;
    return among(word, IN_WORDS) ? OPT_IN : OPT_NONE;
}
