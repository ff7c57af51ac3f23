/*
 * The provider without a network: answers from the passages of the company's knowledge base, word by word, and says so
 * when they hold nothing; it hands over then to a person if one is asked for.
 *
 * Deterministic: the same turn gives the same answer. It never makes up a word that the company hasn't written.
 */
#include <string.h>

#include "base/text.h"
#include "llm/llm.h"
#include "llm/offer.h"

enum {
    WORD_BYTES_MAX = 64,
    WORDS_MAX = 256,
    SENTENCES_MAX = 3,
    ANSWER_BYTES_MAX = 900,
    STEM_BYTES_MIN = 4,
    LONG_QUESTION_WORDS = 4
};

struct word {
    const char *text;
    size_t bytes;
};

struct words {
    struct word list[WORDS_MAX];
    size_t count;
};

static bool is_delimiter(const char *at, size_t bytes)
{
    static const char *const WIDE[] = { "।", "¿", "¡", "…", "“", "”", "‘", "’", "–", "—", "\xC2\xA0" };
    if (bytes == 1)
        return !((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9'));
    for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++)
        if (strlen(WIDE[i]) == bytes && memcmp(at, WIDE[i], bytes) == 0)
            return true;
    return false;
}

static size_t step_of(const char *at)
{
    size_t step = text_character_bytes(at, strlen(at) < 4 ? strlen(at) : 4);
    return step ? step : 1;
}

/* The next word at or after *at, in lower-case text; false at the end. */
static bool word_next(const char **at, struct word *out)
{
    size_t step;
    while (**at && is_delimiter(*at, step = step_of(*at)))
        *at += step;
    out->text = *at;
    while (**at && !is_delimiter(*at, step = step_of(*at)))
        *at += step;
    out->bytes = (size_t)(*at - out->text);
    return out->bytes > 0;
}

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.bytes && memcmp(word.text, text, word.bytes) == 0;
}

static bool word_among(struct word word, const char *const *list)
{
    for (; *list; list++)
        if (word_is(word, *list))
            return true;
    return false;
}

static const char *const STOP_WORDS[] = {
    "a",   "about", "all",  "also", "an",    "and",  "any",    "are",  "as",   "at",   "be",    "but",    "by",
    "can", "could", "do",   "does", "for",   "from", "get",    "give", "has",  "have", "how",   "i",      "if",
    "in",  "is",    "it",   "its",  "just",  "know", "like",   "me",   "much", "my",   "need",  "no",     "not",
    "of",  "ok",    "on",   "one",  "or",    "our",  "please", "so",   "some", "tell", "thank", "thanks", "that",
    "the", "there", "they", "this", "to",    "us",   "want",   "was",  "we",   "what", "when",  "where",  "which",
    "who", "why",   "will", "with", "would", "yes",  "you",    "your", NULL
};

static const char *const GREETINGS[] = { "hello",    "hi",        "hey",     "hiya",   "greetings", "good",
                                         "morning",  "afternoon", "evening", "dear",   "hola",      "buenos",
                                         "buenas",   "dias",      "días",    "tardes", "noches",    "bonjour",
                                         "bonsoir",  "salut",     "hallo",   "guten",  "tag",       "morgen",
                                         "abend",    "moin",      "ciao",    "olá",    "ola",       "bom",
                                         "boa",      "dia",       "tarde",   "noite",  "namaste",   "নমস্কার",
                                         "হ্যালো",    "হাই",       "নমস্তে",   "नमस्ते",   "salam",     "assalamualaikum",
                                         "assalamu", "alaikum",   "there",   "team",   "everyone",  NULL };

/* Words that ask for the same thing. */
static const char *const SAME[][8] = { { "price", "prices", "pricing", "cost", "costs", "fee", "charge", NULL },
                                       { "hours", "open", "opening", "close", "closed", "timings", NULL },
                                       { "deliver", "delivery", "shipping", "ship", NULL },
                                       { "refund", "return", "returns", "refunds", NULL },
                                       { "book", "booking", "appointment", "reserve", NULL } };

static bool words_same_group(struct word a, struct word b)
{
    for (size_t i = 0; i < sizeof SAME / sizeof *SAME; i++)
        if (word_among(a, SAME[i]) && word_among(b, SAME[i]))
            return true;
    return false;
}

/* Equal, one the beginning of the other (cost, costs), or in one group of meaning. */
static bool words_alike(struct word a, struct word b)
{
    size_t least = a.bytes < b.bytes ? a.bytes : b.bytes;
    if (a.bytes == b.bytes && memcmp(a.text, b.text, least) == 0)
        return true;
    if (least >= STEM_BYTES_MIN && memcmp(a.text, b.text, least) == 0 && a.bytes + b.bytes - 2 * least <= 3)
        return true;
    return words_same_group(a, b);
}

/* -- what is asked */

static void words_collect(struct words *words, const char *lower)
{
    struct word word;
    while (words->count < WORDS_MAX && word_next(&lower, &word))
        if (word.bytes <= WORD_BYTES_MAX && !word_among(word, STOP_WORDS) && !word_among(word, GREETINGS))
            words->list[words->count++] = word;
}

/* Whom one asks for who doesn't want to talk to a machine. */
static bool wants_person(const char *lower)
{
    static const char *const PEOPLE[] = { "human",     "person",  "agent",       "operator",      "representative",
                                          "colleague", "manager", "staff",       "humano",        "persona",
                                          "humain",    "mensch",  "mitarbeiter", "mitarbeiterin", "pessoa",
                                          "atendente", "মানুষ",    "প্রতিনিধি",    "इंसान",          NULL };
    struct word word;
    while (word_next(&lower, &word))
        if (word_among(word, PEOPLE))
            return true;
    return false;
}

static bool greets(const char *lower)
{
    struct word word;
    return word_next(&lower, &word) && word_among(word, GREETINGS);
}

static char *owed_text(struct arena *arena, const Pb__TurnContext *context)
{
    struct buffer text = { .arena = arena };
    for (size_t i = 0; i < context->n_owed; i++)
        buffer_format(&text, "%s\n", text_or(context->owed[i]->text, ""));
    return text_lower(arena, buffer_text(&text));
}

/* -- what is known */

struct sentence {
    const char *text;
    size_t bytes;
    size_t score; /* how many different words of the question it holds */
    size_t at;    /* order of reading */
};

/* A sentence ends at . ! ? before white space, at a danda, or at the end of a line. */
static size_t sentence_bytes(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\n' || *at == '\r')
            return (size_t)(at - text);
        if (strchr(".!?", *at) && (at[1] == '\0' || strchr(" \r\n", at[1])))
            return (size_t)(at - text) + 1;
        if (text_starts(at, "।"))
            return (size_t)(at - text) + strlen("।");
    }
    return strlen(text);
}

static size_t score_of(struct arena *arena, const struct words *asked, const char *text, size_t bytes)
{
    size_t score = 0;
    char *lower = text_lower(arena, arena_text_n(arena, text, bytes));
    for (size_t i = 0; i < asked->count; i++) {
        const char *at = lower;
        struct word word;
        while (word_next(&at, &word))
            if (words_alike(asked->list[i], word)) {
                score++;
                break;
            }
    }
    return score;
}

/* Keeps the best SENTENCES_MAX, best first; of equals the one read earlier. */
static size_t best_add(struct sentence *best, size_t count, struct sentence sentence)
{
    size_t at = count;
    while (at > 0 && best[at - 1].score < sentence.score)
        at--;
    if (at == SENTENCES_MAX)
        return count;
    size_t kept = count < SENTENCES_MAX ? count : SENTENCES_MAX - 1;
    memmove(best + at + 1, best + at, (kept - at) * sizeof *best);
    best[at] = sentence;
    return kept + 1;
}

static bool asks(const struct sentence *sentence)
{
    return sentence->text[sentence->bytes - 1] == '?';
}

/* One word of a long question may be met anywhere by chance. */
static size_t score_min(const struct words *asked)
{
    return asked->count >= LONG_QUESTION_WORDS ? 2 : 1;
}

/* The sentences of one passage. A question in it is what its next sentence answers: it lends that its score and is not
 * told itself. */
static size_t best_find_in(struct arena *arena, const Pb__Passage *passage, const struct words *asked,
                           struct sentence *best, size_t count, size_t *at)
{
    const char *text = text_or(passage->text, "");
    const char *title = text_or(passage->title, "");
    size_t title_score = score_of(arena, asked, title, strlen(title));
    size_t lent = 0;
    while (*text) {
        struct sentence sentence = { .text = text, .bytes = sentence_bytes(text), .at = (*at)++ };
        if (sentence.bytes) {
            size_t own = score_of(arena, asked, text, sentence.bytes);
            sentence.score = title_score + own + lent;
            lent = asks(&sentence) ? own : 0;
            if (!asks(&sentence) && sentence.score >= score_min(asked))
                count = best_add(best, count, sentence);
        }
        text += sentence.bytes;
        while (*text == ' ' || *text == '\n' || *text == '\r')
            text++;
    }
    return count;
}

static size_t best_find(struct arena *arena, const Pb__TurnContext *context, const struct words *asked,
                        struct sentence *best)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < context->n_passages; i++)
        count = best_find_in(arena, context->passages[i], asked, best, count, &at);
    return count;
}

/* In the order of reading, only those that hold at least half of what the best one holds. */
static const char *best_text(struct arena *arena, struct sentence *best, size_t count)
{
    struct buffer text = { .arena = arena };
    for (size_t turn = 0; turn < count; turn++) {
        struct sentence *next = NULL;
        for (size_t i = 0; i < count; i++)
            if (best[i].bytes && (!next || best[i].at < next->at))
                next = &best[i];
        if (!next)
            break;
        if (next->score * 2 >= best[0].score && (!text.bytes || text.bytes + next->bytes < ANSWER_BYTES_MAX)) {
            buffer_add(&text, text.bytes ? " " : "");
            buffer_add_n(&text, next->text, next->bytes);
        }
        next->bytes = 0; /* told, or passed over */
    }
    return text_trim(arena, text_cut(arena, buffer_text(&text), ANSWER_BYTES_MAX));
}

/* -- the answer */

static bool may_hand_over(const Pb__TurnContext *context)
{
    for (size_t i = 0; i < context->n_actions; i++)
        if (text_same(context->actions[i], "hand_over"))
            return true;
    return false;
}

/* A company may want a person to answer what its material doesn't. */
static void answer_nothing(struct arena *arena, const Pb__TurnContext *context, const char *hello,
                           struct llm_reply *out)
{
    out->text = text_format(
        arena,
        "%sThank you for writing to %s. I have nothing written down about that, so a person of our team will get back to you.",
        hello, text_or(context->company_name, "our company"));
    if (may_hand_over(context) && text_same(context->knowledge_missing, "hand_over"))
        llm_hand_over(arena, "nothing that the company has written down fits the question", "normal", out);
}

static void answer(struct arena *arena, const Pb__TurnContext *context, struct llm_reply *out)
{
    struct sentence best[SENTENCES_MAX] = { 0 };
    struct words asked = { .count = 0 };
    const char *company = text_or(context->company_name, "our company");
    char *owed = owed_text(arena, context);
    const char *hello = greets(owed) ? "Hello! " : "";
    words_collect(&asked, owed);
    const char *found = best_text(arena, best, best_find(arena, context, &asked, best));
    *out = (struct llm_reply){ .end = LLM_ANSWERED, .model = "local", .reason = "", .code = "", .error = "" };
    if (*found)
        out->text = text_format(arena, "%s%s", hello, found);
    else if (may_hand_over(context) && wants_person(owed)) {
        out->text = text_format(
            arena, "%sI am handing you over to a person of our team, who will get back to you here.", hello);
        llm_hand_over(arena, "the customer asks for a person", "normal", out);
    } else if (asked.count == 0 && *hello)
        out->text = text_format(arena, "Hello! This is %s. How can we help you?", company);
    else
        answer_nothing(arena, context, hello, out);
}

const struct llm_provider LLM_LOCAL = { .name = "local", .model = "local", .answer = answer };
