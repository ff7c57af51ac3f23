/*
 * search - what a company has written down that fits a question: by its words and by its vector, fused by rank.
 *
 * Words: the rare ones first, weighted by how few chunks hold them, so that never more than some hundred chunks are
 * looked at closely. Vectors: those whose signs differ least from the question's, then exactly; or what pgvector's
 * index finds. A chunk is relevant when it holds enough of what was asked, by weight, or points the same way.
 *
 * Outside a transaction, three round trips for all questions together; bounded whatever there is.
 */
#pragma once
#include "llm/embed.h"
#include "service/service.h"

enum search_mode { SEARCH_BOTH, SEARCH_TEXT, SEARCH_VECTOR };

struct search_question {
    const char *company_id;
    const char *text;
    enum search_mode mode;
    size_t limit;
    const struct embedding *vector; /* of a provider's model; NULL: made here where the company's model is local */
    const char *vector_model;

    /* the answer; found is NULL when the company has no material */
    Pb__KnowledgeFound *found;
    const char *when_missing;
    bool has_material;
};

enum { SEARCH_ITEMS = 5, SEARCH_ITEMS_MAX = 50, SEARCH_TEXT_BYTES_MAX = 16 * 1024 };

enum status search(struct batch *batch, struct search_question *questions, size_t count, struct error *error);

/* Set once at start, by knowledge_open: pgvector's index is there. */
extern bool search_pgvector;
