#include "hand_over_rules.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/words.h"
#include "wire/pbjson.h"

enum {
    KEYWORDS_MAX = 100,
    KEYWORD_CHARACTERS_MAX = 64,
    KEYWORD_BYTES_MAX = 4 * KEYWORD_CHARACTERS_MAX,
    TURNS_MAX = 100,
    DEADLINE_MS_MIN = 1000,
    PERSON_DEADLINE_MS_MAX = 7 * DAY_MS,
    NOTICE_CHARACTERS_MAX = 1000,
    SAID_BYTES_MAX = 4096, /* of one message, from its start */
};

const Pb__HandOverRules *hand_over_rules(struct arena *arena, const char *json)
{
    ProtobufCMessage *rules = NULL;
    if (text_empty(json) ||
        pbjson_read(arena, &pb__hand_over_rules__descriptor, json, strlen(json), &rules, NULL) != OK)
        return PB_NEW(arena, hand_over_rules);
    return (const Pb__HandOverRules *)rules;
}

const char *hand_over_rules_wrong(const Pb__HandOverRules *rules)
{
    if (rules->n_keywords > KEYWORDS_MAX)
        return "hand_over.keywords has more than 100 entries";
    for (size_t i = 0; i < rules->n_keywords; i++)
        if (text_empty(rules->keywords[i]) || text_characters(rules->keywords[i]) > KEYWORD_CHARACTERS_MAX)
            return "a keyword of hand_over has 1 to 64 characters";
    if (rules->turns_without_progress < 0 || rules->turns_without_progress > TURNS_MAX)
        return "hand_over.turns_without_progress is 0 to 100";
    if (rules->has_deadline_ms && (rules->deadline_ms < DEADLINE_MS_MIN || rules->deadline_ms > DAY_MS))
        return "hand_over.deadline_ms is 1000 to 86400000";
    if (rules->has_person_deadline_ms &&
        (rules->person_deadline_ms < 0 || rules->person_deadline_ms > PERSON_DEADLINE_MS_MAX))
        return "hand_over.person_deadline_ms is 0 to 604800000";
    if (rules->notice && text_characters(rules->notice) > NOTICE_CHARACTERS_MAX)
        return "hand_over.notice has more than 1000 characters";
    return NULL;
}

/* -- what the customer is told */

static const struct {
    const char *language, *text;
} notices[] = {
    { "en", "Thanks for your message. A colleague will get back to you as soon as possible." },
    { "bn", "আপনার বার্তার জন্য ধন্যবাদ। আমাদের একজন সহকর্মী যত দ্রুত সম্ভব আপনার সঙ্গে যোগাযোগ করবেন।" },
    { "de", "Danke für Ihre Nachricht. Ein Kollege meldet sich so bald wie möglich bei Ihnen." },
    { "es", "Gracias por su mensaje. Un compañero le responderá lo antes posible." },
    { "fr", "Merci pour votre message. Un collègue vous répondra dès que possible." },
    { "hi", "आपके संदेश के लिए धन्यवाद। हमारे एक सहकर्मी जल्द से जल्द आपसे संपर्क करेंगे।" },
    { "pt", "Obrigado pela sua mensagem. Um colega responderá assim que possível." },
};

/* "pt-BR" and "pt_BR" are "pt". A language that is not listed: English. */
static const char *notice_of(const char *locale)
{
    size_t bytes = strcspn(text_or(locale, "en"), "-_");
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (strlen(notices[i].language) == bytes && strncasecmp(notices[i].language, text_or(locale, "en"), bytes) == 0)
            return notices[i].text;
    return notices[0].text;
}

const char *hand_over_notice(struct arena *arena, const struct reach_sender *company)
{
    const Pb__HandOverRules *rules = hand_over_rules(arena, company->hand_over);
    return rules->notice ? rules->notice : notice_of(company->locale);
}

/* -- what the customer said */

/* As words (base/words.h). Few and plain: each of them is a complaint in almost any conversation. */
static const char *const ANGRY[] = {
    /* English */
    "scam", "scammer", "fraud", "ripoff", "rip off", "useless", "worst service", "terrible service", "horrible",
    "unacceptable", "ridiculous", "disgusting", "furious", "lawyer", "sue you", "this is a joke", "waste of time",
    "fed up", "i am angry", "i'm angry", "so angry", "very angry",
    /* Bengali */
    "প্রতারক", "প্রতারণা", "বাজে সার্ভিস", "জঘন্য", "ফালতু",
    /* Hindi */
    "धोखा", "धोखेबाज", "बकवास", "घटिया",
    /* Spanish, Portuguese */
    "estafa", "inaceptable", "vergüenza", "pésimo", "golpe", "inaceitável", "péssimo", "vergonha",
    /* German, French */
    "betrug", "unverschämt", "unverschämtheit", "frechheit", "anwalt", "arnaque", "scandaleux", "inadmissible", NULL
};

static bool holds_any(struct arena *arena, const char *said, char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words_hold(said, words_of(arena, list[i], KEYWORD_BYTES_MAX)))
            return true;
    return false;
}

static bool angry(const char *said)
{
    for (size_t i = 0; ANGRY[i]; i++)
        if (words_hold(said, ANGRY[i]))
            return true;
    return false;
}

const char *hand_over_said(struct arena *arena, const Pb__HandOverRules *rules, const char *text)
{
    if (text_empty(text) || (rules->n_keywords == 0 && !rules->negative_sentiment))
        return NULL;
    const char *said = words_of(arena, text, SAID_BYTES_MAX);
    if (holds_any(arena, said, rules->keywords, rules->n_keywords))
        return "keyword";
    return rules->negative_sentiment && angry(said) ? "sentiment" : NULL;
}
