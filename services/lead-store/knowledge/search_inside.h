/*
 * search_inside - one question on its way through the search's steps. Nobody else includes it.
 */
#pragma once
#include "knowledge/terms.h"
#include "search.h"

enum { SEARCH_TERMS_MAX = TERM_WORDS_MAX * 3 + TERM_PIECES_MAX, SEARCH_BUCKETS = 4 };

struct search_term {
    const char *text; /* as a tsquery: quoted */
    size_t word;      /* of the question, that it stands for */
    int64_t chunks;   /* that hold it; 0: none */
    double weight;
};

struct search_candidate {
    const char *id;
    int64_t text_rank; /* from 1; 0: not found by its words */
    size_t vector_rank;
    double cosine, score;
};

struct searching {
    struct search_question *question;
    struct terms_question words;
    struct search_term *terms;
    size_t term_count;
    double word_weights[TERM_WORDS_MAX]; /* what each word of the question counts; 0: it holds sentences together */
    int64_t chunk_count;
    const char *model;
    struct embedding vector;
    bool by_vector, by_words;
    struct search_candidate *candidates; /* best first, in the end */
    size_t candidate_count;
};

/* search_terms.c: what the words of the question weigh in this company's material. */
struct db_step search_terms_ask(struct arena *arena, struct searching *searching);
void search_terms_tell(struct arena *arena, struct searching *searching, const struct rows *rows);
/* What must be in a chunk for it to be looked at, as a tsquery; NULL: nothing. And the terms of like weight together.
 */
const char *search_terms_query(struct arena *arena, const struct searching *searching);
void search_terms_buckets(struct arena *arena, const struct searching *searching, const char *queries[SEARCH_BUCKETS],
                          double weights[SEARCH_BUCKETS]);

/* search_candidates.c: who comes into question, and in which order. */
struct db_step search_candidates_ask(struct arena *arena, struct searching *searching);
void search_candidates_tell(struct arena *arena, struct searching *searching, const struct rows *rows);
