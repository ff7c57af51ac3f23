/*
 * fuzz knowledge - a document of any format, and what becomes of it: sections, chunks, terms, a vector. The first byte
 * picks the format.
 */
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "knowledge/split.h"
#include "knowledge/terms.h"
#include "language/language.h"
#include "llm/embed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void demand(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool whole(const char *text)
{
    return text_check(text, strlen(text), SIZE_MAX, "it", NULL) == OK;
}

static void look(struct arena *arena, const struct chunk *chunk)
{
    struct terms_question question;
    struct embedding vector;
    demand(*chunk->text && whole(chunk->text) && whole(chunk->heading));
    demand(chunk->characters <= CHUNK_CHARACTERS_MAX + 200);
    terms_of_question(arena, chunk->text, &question);
    demand(question.word_count <= TERM_WORDS_MAX && question.piece_count <= TERM_PIECES_MAX);
    for (size_t i = 0; i < question.piece_count; i++)
        demand(whole(question.pieces[i].text) && question.pieces[i].word < question.word_count);
    demand(whole(terms_pieces(arena, chunk->text)));
    demand(whole(language_fold(arena, chunk->text)));
    embed_local(arena, chunk->text, &vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const FORMATS[] = { "text", "markdown", "html", "csv" };
    struct arena *arena = arena_new(0);
    struct sections sections = { 0 };
    struct chunks chunks = { 0 };
    struct error error = { 0 };
    const char *text = bytes ? arena_text_n(arena, (const char *)data + 1, bytes - 1) : "";
    bool good = bytes && text_check(text, bytes - 1, SIZE_MAX, "it", NULL) == OK;
    if (good && document_read(arena, FORMATS[data[0] % 4], text, &sections, &error) == OK &&
        split(arena, &sections, &chunks, &error) == OK)
        for (size_t i = 0; i < chunks.count; i++)
            look(arena, &chunks.list[i]);
    arena_free(arena);
    return 0;
}
