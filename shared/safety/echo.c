/* What shows the machine behind the text: its instructions, the marks of its training, the same words once more; and
 * what the company never wants said. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "language/likeness.h"
#include "language/lookalike.h"
#include "safety/inside.h"

enum {
    ECHO_CHARACTERS = 100, /* in a row: fewer may be a fact that the company wrote into its instructions */
    REPEATS_MAX = 2        /* replies in a row that say the same */
};

static const double ALIKE = 0.9; /* from here on two replies are the same */

/* -- marks */

static const char *const MARKS[] = {
    "<|im_start|>",    "<|im_end|>",      "<|endoftext|>", "<|eot_id|>",  "<|system|>", "<|user|>",    "<|assistant|>",
    "<start_of_turn>", "<end_of_turn>",   "<<sys>>",       "[inst]",      "[/inst]",    "[colleague]", "[profile name]",
    "[no message]",    "### instruction", "### response",  "{\"reply\":", NULL
};

static const char *const CONFESSIONS[] = { "my system prompt",       "my instructions are",
                                           "my instructions say",    "i was instructed to",
                                           "ignore previous instr",  "ignore all previous instr",
                                           "ignore the above instr", "disregard previous instr",
                                           "developer mode enabled", "jailbreak",
                                           "as my system message",   NULL };

static const char *const SPEAKERS[] = { "system:", "assistant:", NULL };
static const char *const OTHER_SIDE[] = { "user:", "human:", "customer:",
                                          NULL }; /* only where a talk goes on: after the first line */

static bool starts_any(const char *line, const char *const *words)
{
    for (; *words; words++)
        if (text_starts(line, *words))
            return true;
    return false;
}

static bool holds_any(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (strstr(text, *list))
            return true;
    return false;
}

/* A model that goes on with the talk by itself writes both sides of it. */
static bool begins_a_line(const char *folded)
{
    for (const char *line = folded; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        line += strspn(line, " *#>");
        if (starts_any(line, SPEAKERS) || (line > folded && starts_any(line, OTHER_SIDE)))
            return true;
    }
    return false;
}

bool has_role_mark(struct exam *exam)
{
    return holds_any(exam->folded, MARKS) || holds_any(exam->folded, CONFESSIONS) || begins_a_line(exam->folded) ||
           lookalike_hides(exam->text);
}

/* -- the instructions, word for word */

/* Whoever repeats so many characters repeats one of the reply's pieces of half as many bytes whole: nearly every reply
 * is known to be no echo by that. */
static bool may_echo(struct arena *arena, const char *letters, size_t bytes, const char *instructions)
{
    enum { PIECE_BYTES = ECHO_CHARACTERS / 2 };
    char *theirs;
    size_t their_bytes = likeness_letters(arena, instructions, &theirs);
    for (size_t at = 0; at + PIECE_BYTES <= bytes; at += PIECE_BYTES)
        if (memmem(theirs, their_bytes, letters + at, PIECE_BYTES))
            return true;
    return false;
}

static bool echoes(struct arena *arena, const char *folded, const char *instructions)
{
    uint64_t *runs;
    size_t count = likeness_runs(arena, folded, ECHO_CHARACTERS, &runs);
    return count && likeness_any(arena, runs, count, instructions, ECHO_CHARACTERS);
}

bool has_prompt_echo(struct exam *exam)
{
    struct arena *arena = exam->arena;
    char *letters;
    size_t bytes = likeness_letters(arena, exam->folded, &letters);
    for (size_t i = 0; bytes >= ECHO_CHARACTERS && i < exam->material->count; i++) {
        const struct llm_message *message = &exam->material->messages[i];
        if (!text_same(message->role, "system"))
            continue;
        const char *instructions = language_fold(arena, llm_prompt_instructions(arena, message->text));
        if (may_echo(arena, letters, bytes, instructions) && echoes(arena, exam->folded, instructions))
            return true;
    }
    return false;
}

/* -- the same words again */

/* True when the last replies all said what this one says: whoever answers that is no person, or is not helped. */
bool has_repetition(struct exam *exam)
{
    size_t alike = 0;
    for (size_t i = exam->material->count; i-- > 0 && alike < REPEATS_MAX;) {
        const struct llm_message *message = &exam->material->messages[i];
        if (!text_same(message->role, "assistant"))
            continue;
        if (text_starts(message->text, "[colleague]") || likeness(exam->arena, message->text, exam->text) < ALIKE)
            return false;
        alike++;
    }
    return alike == REPEATS_MAX && !exam->material->repeats;
}

/* -- what is never said */

/* As words: "cure" is not in "secure". */
static bool says(const char *text, const char *phrase)
{
    struct {
        const char *at;
        size_t bytes;
    } rest = { text, strlen(phrase) };
    while (rest.bytes && (rest.at = strstr(rest.at, phrase))) {
        char before = rest.at > text ? rest.at[-1] : ' ', after = rest.at[rest.bytes];
        if (!((before >= 'a' && before <= 'z') || (after >= 'a' && after <= 'z')))
            return true;
        rest.at++;
    }
    return false;
}

static const char *words_of(struct arena *arena, const char *folded)
{
    struct language_word word;
    struct buffer text = { .arena = arena };
    while (language_next_word(&folded, &word)) {
        buffer_add(&text, text.bytes ? " " : "");
        buffer_add_n(&text, word.text, word.bytes);
    }
    return buffer_text(&text);
}

bool has_forbidden(struct exam *exam)
{
    const char *const *phrase = exam->material->policy->forbidden;
    if (!phrase || !*phrase)
        return false;
    struct arena *arena = exam->arena;
    const char *text = lookalike_fold(arena, words_of(arena, exam->folded));
    for (; *phrase; phrase++)
        if (says(text, lookalike_fold(arena, words_of(arena, language_fold(arena, *phrase)))))
            return true;
    return false;
}
