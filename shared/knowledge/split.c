#include "knowledge/split.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "language/language.h"

enum {
    TAIL_CHARACTERS_MIN = 200
}; /* what is left of a section and shorter than that goes with what stands before it */

struct piece {
    size_t from, to, characters;
};

struct splitting {
    struct arena *arena;
    struct chunks *out;
    size_t room;
    const struct section *section;
    struct piece open; /* grows by sentences */
    struct piece last; /* complete, but may still take the tail; characters 0: none */
};

static size_t characters_in(const char *text, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static enum status emit(struct splitting *splitting, struct piece piece, struct error *error)
{
    struct chunks *out = splitting->out;
    const char *bytes = arena_text_n(splitting->arena, splitting->section->text + piece.from, piece.to - piece.from);
    char *text = text_trim(splitting->arena, bytes);
    if (!piece.characters || !*text)
        return OK;
    if (out->count == DOCUMENT_CHUNKS_MAX)
        return error_code(error, REJECT, "too_many_chunks", "a document has at most %d chunks", DOCUMENT_CHUNKS_MAX);
    if (out->count == splitting->room) {
        splitting->room = splitting->room ? splitting->room * 2 : 16;
        struct chunk *wider = ARENA_ARRAY(splitting->arena, struct chunk, splitting->room);
        if (out->count)
            memcpy(wider, out->list, out->count * sizeof *wider);
        out->list = wider;
    }
    out->list[out->count++] = (struct chunk){ splitting->section->heading, text, text_characters(text) };
    return OK;
}

static enum status close_open(struct splitting *splitting, struct error *error)
{
    TRY(emit(splitting, splitting->last, error));
    splitting->last = splitting->open;
    splitting->open = (struct piece){ splitting->open.to, splitting->open.to, 0 };
    return OK;
}

static enum status close_section(struct splitting *splitting, struct error *error)
{
    if (splitting->last.characters && splitting->open.characters < TAIL_CHARACTERS_MIN) {
        splitting->last.to = splitting->open.to;
        splitting->last.characters += splitting->open.characters;
        splitting->open.characters = 0;
    }
    TRY(emit(splitting, splitting->last, error));
    return emit(splitting, splitting->open, error);
}

static enum status take(struct splitting *splitting, size_t to, struct error *error)
{
    size_t characters = characters_in(splitting->section->text, splitting->open.to, to);
    if (splitting->open.characters && splitting->open.characters + characters > CHUNK_CHARACTERS_MAX)
        TRY(close_open(splitting, error));
    splitting->open.to = to;
    splitting->open.characters += characters;
    if (splitting->open.characters >= CHUNK_CHARACTERS_MIN && splitting->section->text[to - 1] == '\n')
        return close_open(splitting, error); /* a paragraph's end is the better border */
    return OK;
}

/* Up to where a part of a sentence goes that is too long for a chunk: behind a word if there is one. */
static size_t part_end(const char *text, size_t from, size_t to)
{
    size_t end = from, word = from;
    for (size_t characters = 0; end < to && characters < CHUNK_CHARACTERS_MAX; characters++) {
        end++;
        while (end < to && ((unsigned char)text[end] & 0xC0) == 0x80)
            end++;
        if (strchr(" \t\n", text[end - 1]))
            word = end;
    }
    return end < to && word > from ? word : end;
}

static enum status take_sentence(struct splitting *splitting, size_t from, size_t to, struct error *error)
{
    const char *text = splitting->section->text;
    while (characters_in(text, from, to) > CHUNK_CHARACTERS_MAX) {
        size_t end = part_end(text, from, to);
        TRY(take(splitting, end, error));
        from = end;
    }
    return from < to ? take(splitting, to, error) : OK;
}

static enum status split_section(struct splitting *splitting, struct error *error)
{
    size_t *ends, from = 0;
    size_t count = language_sentences(splitting->arena, splitting->section->text, &ends);
    splitting->open = splitting->last = (struct piece){ 0 };
    for (size_t i = 0; i < count; i++) {
        TRY(take_sentence(splitting, from, ends[i], error));
        from = ends[i];
    }
    return close_section(splitting, error);
}

enum status split(struct arena *arena, const struct sections *sections, struct chunks *out, struct error *error)
{
    struct splitting splitting = { .arena = arena, .out = out };
    *out = (struct chunks){ 0 };
    for (size_t i = 0; i < sections->count; i++) {
        splitting.section = &sections->list[i];
        TRY(split_section(&splitting, error));
    }
    return OK;
}

char *chunk_name(struct arena *arena, const char *document_id, const char *embedding, const char *language,
                 const char *title, const struct chunk *chunk, size_t nth)
{
    return ident_named(arena, "kb-chunk", document_id, embedding, language, title, chunk->heading, chunk->text,
                       text_format(arena, "%zu", nth), NULL);
}

char *chunk_embedded(struct arena *arena, const char *title, const struct chunk *chunk)
{
    return text_format(arena, "%s\n%s\n%s", title, chunk->heading, chunk->text);
}
