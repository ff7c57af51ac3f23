#include "extract.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "language/language.h"

enum {
    SENTENCES = 512,
    SENTENCE_CHARACTERS_MAX = 240,
    QUOTE_CHARACTERS_MAX = 160,
    POINTS = 5,
    FACT_SCORE = 3, /* from here on a sentence is worth a line */
};

struct sentence {
    const char *text;
    int score;
    bool kept;
};

struct sentences {
    struct sentence list[SENTENCES];
    size_t count;
};

/* -- what a sentence says */

/* A number says most; then names, which begin with a capital inside a sentence; then what is not short. */
static int score_of(const char *text)
{
    const char *at = text;
    struct language_word word;
    int score = 0;
    for (size_t place = 0; language_next_word(&at, &word); place++) {
        bool number = word.text[strcspn(word.text, "0123456789")] && strcspn(word.text, "0123456789") < word.bytes;
        bool name = place > 0 && *word.text >= 'A' && *word.text <= 'Z' && word.characters > 1;
        score += number ? 4 : name ? 2 : word.characters > 6 ? 1 : 0;
    }
    return score;
}

static void add_text(struct arena *arena, struct sentences *out, const char *text)
{
    size_t *ends, count = language_sentences(arena, text, &ends);
    for (size_t i = 0, from = 0; i < count && out->count < SENTENCES; from = ends[i++]) {
        const char *one = text_trim(arena, arena_text_n(arena, text + from, ends[i] - from));
        if (*one)
            out->list[out->count++] =
                (struct sentence){ text_cut_characters(arena, one, SENTENCE_CHARACTERS_MAX), score_of(one), false };
    }
}

static struct sentences *customer_sentences(struct arena *arena, const Pb__TurnContext *context)
{
    struct sentences *out = ARENA_NEW(arena, struct sentences);
    add_text(arena, out, text_or(context->summary, ""));
    for (size_t i = 0; i < context->n_history; i++)
        if (text_same(context->history[i]->sender, "customer"))
            add_text(arena, out, text_or(context->history[i]->text, ""));
    return out;
}

/* The best that is left; of equals the earlier. NULL: none is worth a line. */
static struct sentence *best_left(struct sentences *all)
{
    struct sentence *best = NULL;
    for (size_t i = 0; i < all->count; i++)
        if (!all->list[i].kept && (!best || all->list[i].score > best->score))
            best = &all->list[i];
    return best && best->score >= FACT_SCORE ? best : NULL;
}

static void keep_best(struct sentences *all, size_t count_max, size_t characters_max)
{
    struct sentence *best;
    for (size_t count = 0, characters = 0; count < count_max && (best = best_left(all)); count++) {
        characters += text_characters(best->text) + 1;
        if (characters > characters_max)
            return;
        best->kept = true;
    }
}

/* -- memory */

const char *extract_memory(struct arena *arena, const Pb__TurnContext *context)
{
    struct sentences *all = customer_sentences(arena, context);
    struct buffer text = { .arena = arena };
    keep_best(all, SENTENCES, MEMORY_CHARACTERS_MAX);
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].kept)
            buffer_format(&text, "%s%s", text.bytes ? " " : "", all->list[i].text);
    return text.bytes ? buffer_text(&text) : "Nothing that has to be remembered.";
}

/* -- digest */

/* Inside a sentence of ours: without an end of its own. */
static const char *quoted(struct arena *arena, const char *text)
{
    char *quote = text_cut_characters(arena, text_trim(arena, text), QUOTE_CHARACTERS_MAX);
    for (char *at = quote; *at; at++)
        if (strchr(".!?\n\r", *at))
            *at = at[1] ? ',' : ' ';
    return text_trim(arena, quote);
}

static const Pb__TurnMessage *said_by(const Pb__TurnContext *context, const char *sender, bool last)
{
    const Pb__TurnMessage *found = NULL;
    for (size_t i = 0; i < context->n_history; i++)
        if (text_same(context->history[i]->sender, sender) && (last || !found))
            found = context->history[i];
    return found;
}

static void add_quote(struct buffer *text, const char *who, const Pb__TurnMessage *said, const char *nothing)
{
    if (said && !text_empty(said->text))
        buffer_format(text, "%s \"%s\". ", who, quoted(text->arena, said->text));
    else
        buffer_format(text, "%s. ", nothing);
}

static const char *summary_of(struct arena *arena, const Pb__TurnContext *context)
{
    struct buffer text = { .arena = arena };
    add_quote(&text, "The customer began with", said_by(context, "customer", false), "The customer wrote nothing");
    add_quote(&text, "The customer's last words were", said_by(context, "customer", true), "Nobody asked for anything");
    const Pb__TurnMessage *person = said_by(context, "operator", true);
    add_quote(&text, person ? "A colleague answered" : "They were answered",
              person ? person : said_by(context, "ai", true), "They were not answered yet");
    return text_trim(arena, buffer_text(&text));
}

static bool holds_any(const Pb__TurnContext *context, struct arena *arena, const char *const *words)
{
    for (size_t i = 0; i < context->n_history; i++)
        for (const char *const *word = words; *word && text_same(context->history[i]->sender, "customer"); word++)
            if (strstr(text_lower(arena, text_or(context->history[i]->text, "")), *word))
                return true;
    return false;
}

/* A complaint weighs more than a thank-you. */
static char *sentiment_of(struct arena *arena, const Pb__TurnContext *context)
{
    static const char *const bad[] = { "angry",     "terrible", "complain", "refund", "disappoint",  "worst",
                                       "not happy", "unhappy",  "scam",     "broken", "never again", NULL };
    static const char *const good[] = { "thank",     "great",     "perfect", "love it",
                                        "excellent", "wonderful", "awesome", NULL };
    static char positive[] = "positive", negative[] = "negative", neutral[] = "neutral";
    if (holds_any(context, arena, bad))
        return negative;
    return holds_any(context, arena, good) ? positive : neutral;
}

/* The sentence that speaks of it. */
static const char *sentence_with(struct arena *arena, const struct sentences *all, const char *word)
{
    for (size_t i = all->count; i-- > 0;)
        if (strstr(text_lower(arena, all->list[i].text), word))
            return all->list[i].text;
    return NULL;
}

static Pb__Json *insights_of(struct arena *arena, const struct sentences *all)
{
    static const char *const known[][2] = { { "budget", "budget" },
                                            { "decision_maker", "decide" },
                                            { "timing", "deadline" } };
    struct buffer json = { .arena = arena };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *sentence = sentence_with(arena, all, known[i][1]);
        if (!sentence)
            continue;
        buffer_format(&json, "%s\"%s\":", json.bytes ? "," : "{", known[i][0]);
        json_add_string(&json, sentence);
    }
    buffer_add(&json, json.bytes ? "}" : "{}");
    return pb_json(arena, buffer_text(&json));
}

Pb__SummaryDigest *extract_digest(struct arena *arena, const Pb__TurnContext *context)
{
    struct sentences *all = customer_sentences(arena, context);
    Pb__SummaryDigest *digest = PB_NEW(arena, summary_digest);
    const Pb__TurnMessage *last = context->n_history ? context->history[context->n_history - 1] : NULL;
    bool waits = last && text_same(last->sender, "customer");
    digest->summary = (char *)summary_of(arena, context);
    digest->sentiment = sentiment_of(arena, context);
    digest->next_action =
        arena_text(arena, waits ? "Answer the customer's last message." : "Wait for the customer, or follow up.");
    digest->insights = insights_of(arena, all);
    keep_best(all, POINTS, MEMORY_CHARACTERS_MAX);
    digest->key_points = ARENA_ARRAY(arena, char *, POINTS);
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].kept)
            digest->key_points[digest->n_key_points++] = (char *)all->list[i].text;
    return digest;
}
