#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "search_inside.h"

enum {
    BY_WORDS_MAX = 50,
    BY_VECTOR_MAX = 50,
    BY_SKETCH_MAX = 100,     /* whose vectors are compared exactly */
    LOOKED_AT_MAX = 500,     /* chunks that hold the question's words */
    EXACT_CHUNKS_MAX = 1000, /* of a company: up to here pgvector compares all, past it its index is asked */
    RANK_CONSTANT = 60,      /* of reciprocal rank fusion */
};

/* A word in a title or heading says more than one in the text. */
#define RANK(n)      "coalesce($" #n "::float8 * ts_rank('{0.5, 0.6, 0.8, 1.0}', search, $" RANK_QUERY_##n "::tsquery), 0)"
#define RANK_QUERY_3 "7"
#define RANK_QUERY_4 "8"
#define RANK_QUERY_5 "9"
#define RANK_QUERY_6 "10"

#define BY_WORDS                                                                                                                            \
    "words as (select id, row_number() over (order by score desc, id) as text_rank "                                                        \
    "    from (select id, " RANK(3) " + " RANK(4) " + " RANK(5) " + " RANK(                                                                 \
        6) " as score "                                                                                                                     \
           "          from (select id, search from crm.ai_kb_chunks where company_id = $1 and live and search @@ $2::tsquery limit $11) c " \
           "          order by score desc, id limit $12) s), "
#define TOGETHER                                                                                                       \
    "select v.chunk_id as id, w.text_rank, case when v.embedding = $13 then encode(v.vector, 'hex') end as vector "    \
    "from (select id from words union select chunk_id from near) c join crm.ai_kb_vectors v on v.chunk_id = c.id "     \
    "join crm.ai_kb_chunks k on k.id = c.id and k.live "                                                               \
    "left join words w on w.id = c.id"

/* Of a vector only the signs are looked at, where the question has something to say ($15). */
static const struct statement candidates_by_sketch = {
    .name = "kb_candidates_sketch",
    .sql =
        "with " BY_WORDS
        "near as (select chunk_id from crm.ai_kb_vectors where company_id = $1 and embedding = $13 and $14::bit(512) is not null "
        "    order by bit_count((sketch # $14::bit(512)) & $15::bit(512)), chunk_id limit $16) " TOGETHER,
};
static const struct statement candidates_by_all = {
    .name = "kb_candidates_all",
    .sql =
        "with " BY_WORDS
        "mine as materialized (select chunk_id, near from crm.ai_kb_vectors where company_id = $1 and embedding = $13), "
        "near as (select chunk_id from mine where $14::text is not null order by near <=> $14::text::vector, chunk_id limit $15) " TOGETHER,
};
static const struct statement candidates_by_index = {
    .name = "kb_candidates_index",
    .sql = "with " BY_WORDS
           "near as (select n as chunk_id from crm.kb_near($1::uuid, $13::text, $14::text, $15::integer) n) " TOGETHER,
};

static const char *sketch_of(struct arena *arena, const struct embedding *vector, bool of_weight)
{
    int64_t energy = 0;
    char *bits = arena_alloc(arena, EMBED_DIMENSIONS + 1);
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        energy += vector->value[i] * vector->value[i];
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++) {
        int64_t square = vector->value[i] * vector->value[i];
        bool heavy = square * EMBED_DIMENSIONS * 4 >= energy; /* at least half of what is usual */
        bits[i] = (of_weight ? heavy : vector->value[i] > 0) ? '1' : '0';
    }
    return bits;
}

/* As pgvector reads it: [1,-2,...]. */
static const char *vector_text(struct arena *arena, const struct embedding *vector)
{
    struct buffer out = { .arena = arena };
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        buffer_format(&out, "%s%d", i ? "," : "[", vector->value[i]);
    buffer_add_char(&out, ']');
    return buffer_text(&out);
}

static struct params *words_params(struct arena *arena, const struct searching *searching)
{
    const char *queries[SEARCH_BUCKETS] = { 0 };
    double weights[SEARCH_BUCKETS] = { 0 };
    struct params *params = params_new(arena);
    const char *query = searching->by_words ? search_terms_query(arena, searching) : NULL;
    if (query)
        search_terms_buckets(arena, searching, queries, weights);
    params_text(params, searching->question->company_id);
    params_text(params, query);
    for (size_t i = 0; i < SEARCH_BUCKETS; i++)
        params_double(params, weights[i]);
    for (size_t i = 0; i < SEARCH_BUCKETS; i++)
        params_text(params, queries[i]);
    params_int(params, LOOKED_AT_MAX);
    params_int(params, BY_WORDS_MAX);
    params_text(params, searching->model);
    return params;
}

struct db_step search_candidates_ask(struct arena *arena, struct searching *searching)
{
    struct params *params = words_params(arena, searching);
    const struct statement *statement = &candidates_by_sketch;
    if (search_pgvector) {
        bool all = searching->chunk_count <= EXACT_CHUNKS_MAX || !searching->by_vector;
        statement = all ? &candidates_by_all : &candidates_by_index;
        params_text(params, searching->by_vector ? vector_text(arena, &searching->vector) : NULL);
        params_int(params, BY_VECTOR_MAX);
    } else {
        params_text(params, searching->by_vector ? sketch_of(arena, &searching->vector, false) : NULL);
        params_text(params, searching->by_vector ? sketch_of(arena, &searching->vector, true) : NULL);
        params_int(params, BY_SKETCH_MAX);
    }
    return (struct db_step){ .statement = statement, .params = params };
}

/* -- order */

static int digit_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void vector_read(const char *hex, struct embedding *out)
{
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        out->value[i] = (int8_t)(uint8_t)(digit_of(hex[2 * i]) * 16 + digit_of(hex[2 * i + 1]));
}

static int by_cosine(const void *a, const void *b)
{
    const struct search_candidate *left = a, *right = b;
    if (left->cosine != right->cosine)
        return left->cosine > right->cosine ? -1 : 1;
    return strcmp(left->id, right->id);
}

static int by_score(const void *a, const void *b)
{
    const struct search_candidate *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return strcmp(left->id, right->id);
}

static double reciprocal(int64_t rank)
{
    return rank ? 1.0 / (double)(RANK_CONSTANT + rank) : 0;
}

static void rank(struct searching *searching)
{
    struct search_candidate *list = searching->candidates;
    if (searching->by_vector) {
        qsort(list, searching->candidate_count, sizeof *list, by_cosine);
        for (size_t i = 0; i < searching->candidate_count && i < BY_VECTOR_MAX && list[i].cosine > 0; i++)
            list[i].vector_rank = i + 1;
    }
    for (size_t i = 0; i < searching->candidate_count; i++)
        list[i].score = reciprocal(list[i].text_rank) + reciprocal((int64_t)list[i].vector_rank);
    qsort(list, searching->candidate_count, sizeof *list, by_score);
}

void search_candidates_tell(struct arena *arena, struct searching *searching, const struct rows *rows)
{
    struct embedding vector;
    searching->candidates = ARENA_ARRAY(arena, struct search_candidate, rows->count + 1);
    for (size_t row = 0; row < rows->count; row++) {
        struct search_candidate *candidate = &searching->candidates[searching->candidate_count++];
        const char *hex = rows_text(rows, row, 2);
        *candidate = (struct search_candidate){ .id = rows_text(rows, row, 0), .text_rank = rows_int(rows, row, 1) };
        if (searching->by_vector && hex && strlen(hex) == 2 * EMBED_DIMENSIONS) {
            vector_read(hex, &vector);
            candidate->cosine = embed_cosine(&searching->vector, &vector);
        }
    }
    rank(searching);
}
