/*
 * fuzz summary - what a model says when it is asked for a summary: a digest that is taken has as many sentences as it
 * may, whole texts and JSON for its insights; a memory is a text that fits.
 *
 * links services/summary/digest.c
 */
#include <stdint.h>
#include <string.h>

#include "../../services/summary/digest.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void demand(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool whole(const char *text)
{
    return text && text_check(text, strlen(text), SIZE_MAX, "it", NULL) == OK;
}

static void look(struct arena *arena, const Pb__SummaryDigest *digest)
{
    size_t sentences = digest_sentence_count(arena, digest->summary);
    demand(sentences >= SENTENCES_MIN && sentences <= SENTENCES_MAX);
    demand(whole(digest->summary) && whole(digest->sentiment) && whole(digest->next_action));
    demand(digest->n_key_points <= KEY_POINTS_MAX);
    for (size_t i = 0; i < digest->n_key_points; i++)
        demand(whole(digest->key_points[i]));
    const char *insights = pb_json_text(digest->insights);
    demand(json_check(insights, strlen(insights), NULL) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const Pb__SummaryStep TELL = PB__SUMMARY_STEP__SUMMARY_STEP_TELL;
    struct arena *arena = arena_new(0);
    const char *text = text_trim(arena, arena_text_n(arena, (const char *)data, bytes));
    if (*text && strlen(text) <= bytes && whole(text)) { /* as llm.h promises of an answer's text */
        struct llm_reply reply = { .end = LLM_ANSWERED, .text = text };
        digest_read(arena, &TELL, &reply);
        demand((reply.end == LLM_ANSWERED) == (digest_of(arena, text) != NULL));
        if (reply.end == LLM_ANSWERED)
            look(arena, digest_of(arena, text));
        const char *memory = digest_memory(arena, text);
        demand(*memory && whole(memory) && text_characters(memory) <= MEMORY_CHARACTERS_MAX);
    }
    arena_free(arena);
    return 0;
}
