/*
 * split - a document as chunks: what is embedded, found, and put before the model.
 *
 * A chunk ends where a sentence ends and never spans two headings; 800 to 1,200 characters where there is so much. The
 * same document gives the same chunks.
 */
#pragma once
#include "knowledge/document.h"

enum { CHUNK_CHARACTERS_MIN = 800, CHUNK_CHARACTERS_MAX = 1200, DOCUMENT_CHUNKS_MAX = 2000 };

struct chunk {
    const char *heading, *text;
    size_t characters;
};

struct chunks {
    struct chunk *list;
    size_t count;
};

/* The name of a chunk follows from what it says: the same text keeps it, wherever it stands. nth: of equal chunks of
 * the document, from 0. */
char *chunk_name(struct arena *arena, const char *document_id, const char *embedding, const char *language,
                 const char *title, const struct chunk *chunk, size_t nth);
/* What is embedded of it: with its title and headings. */
char *chunk_embedded(struct arena *arena, const char *title, const struct chunk *chunk);

/* REJECT too_many_chunks. */
enum status split(struct arena *arena, const struct sections *sections, struct chunks *out, struct error *error);
