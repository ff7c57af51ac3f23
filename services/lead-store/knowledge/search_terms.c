#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/column.h"
#include "search_inside.h"

enum { LOOKED_AT_MAX = 400 }; /* chunks, by the counts of their words; a few more when words are all common */

/* Of a word in what is asked: a name that nothing holds must not outweigh all that is understood. */
static const double WORD_WEIGHT_MIN = 1, WORD_WEIGHT_MAX = 2.5;

/*
 * The company's row, and the words of the question as each language in use writes them, with the number of chunks that
 * hold them. Words that only hold sentences together are left out; English ones in every language, for much is written
 * in several.
 */
static const struct statement terms_read = {
    .name = "kb_terms_read",
    .sql =
        "select k.embedding, k.when_missing, k.chunk_count, l.word, l.term, coalesce(t.chunks, 0) as chunks "
        "from crm.kb_companies k left join lateral ( "
        "    select distinct w.word, x.lexeme as term "
        "    from unnest($2::text[]) with ordinality as w(text, word) cross join unnest(k.languages) as g(language) "
        "    cross join lateral unnest(to_tsvector(g.language, w.text)) x where ts_lexize('english_stem', x.lexeme) is distinct from '{}' "
        "    union all select p.word, p.text from unnest($3::text[], $4::bigint[]) as p(text, word)) l on true "
        "left join crm.ai_kb_terms t on t.company_id = k.company_id and t.term = l.term "
        "where k.company_id = $1",
};

struct db_step search_terms_ask(struct arena *arena, struct searching *searching)
{
    struct params *params = params_new(arena);
    struct terms_question *words = &searching->words;
    const char *text = text_cut(arena, searching->question->text, SEARCH_TEXT_BYTES_MAX);
    terms_of_question(arena, text, words);
    params_text(params, searching->question->company_id);
    params_texts(params, words->words, words->word_count);
    COLUMN_TEXTS(params, words->piece_count, i, words->pieces[i].text);
    COLUMN_INTS(params, words->piece_count, i, (int64_t)words->pieces[i].word + 1);
    return (struct db_step){ .statement = &terms_read, .params = params };
}

/* As a tsquery's operand. */
static const char *quoted(struct arena *arena, const char *term)
{
    struct buffer out = { .arena = arena };
    buffer_add_char(&out, '\'');
    for (; *term; term++) {
        if (*term == '\'' || *term == '\\')
            buffer_add_char(&out, *term);
        buffer_add_char(&out, *term);
    }
    buffer_add_char(&out, '\'');
    return buffer_text(&out);
}

/* How much it says that a chunk holds a word: the fewer do, the more. */
static double rarity(int64_t all, int64_t chunks)
{
    return log(1 + ((double)all - (double)chunks + 0.5) / ((double)chunks + 0.5));
}

/* The pieces of a word weigh as much together as a word. */
static double share_of(const struct searching *searching, const struct search_term *term)
{
    size_t pieces = 0;
    for (size_t i = 0; i < searching->term_count; i++)
        pieces += searching->terms[i].word == term->word && text_starts(searching->terms[i].text, "'~");
    return text_starts(term->text, "'~") ? 1.0 / (double)pieces : 1;
}

static void weigh(struct searching *searching)
{
    for (size_t i = 0; i < searching->term_count; i++) {
        struct search_term *term = &searching->terms[i];
        double full = rarity(searching->chunk_count, term->chunks);
        double counted = fmin(fmax(full, WORD_WEIGHT_MIN), WORD_WEIGHT_MAX);
        term->weight = full * share_of(searching, term);
        if (counted > searching->word_weights[term->word])
            searching->word_weights[term->word] = counted;
    }
}

enum { READ_EMBEDDING, READ_WHEN_MISSING, READ_CHUNK_COUNT, READ_WORD, READ_TERM, READ_CHUNKS };

static int by_chunks(const void *a, const void *b)
{
    const struct search_term *left = a, *right = b;
    if (left->chunks != right->chunks)
        return left->chunks < right->chunks ? -1 : 1;
    return strcmp(left->text, right->text);
}

void search_terms_tell(struct arena *arena, struct searching *searching, const struct rows *rows)
{
    if (!rows->count)
        return;
    struct search_question *question = searching->question;
    searching->model = rows_text(rows, 0, READ_EMBEDDING);
    searching->chunk_count = rows_int(rows, 0, READ_CHUNK_COUNT);
    question->when_missing = rows_text(rows, 0, READ_WHEN_MISSING);
    question->has_material = searching->chunk_count > 0;
    searching->terms = ARENA_ARRAY(arena, struct search_term, rows->count);
    for (size_t row = 0; row < rows->count && searching->term_count < SEARCH_TERMS_MAX; row++)
        if (rows_text(rows, row, READ_TERM))
            searching->terms[searching->term_count++] =
                (struct search_term){ .text = quoted(arena, rows_text(rows, row, READ_TERM)),
                                      .word = (size_t)rows_int(rows, row, READ_WORD) - 1,
                                      .chunks = rows_int(rows, row, READ_CHUNKS) };
    weigh(searching);
    qsort(searching->terms, searching->term_count, sizeof *searching->terms, by_chunks);
}

const char *search_terms_query(struct arena *arena, const struct searching *searching)
{
    struct buffer any = { .arena = arena };
    int64_t looked_at = 0;
    const struct search_term *last = NULL;
    for (size_t i = 0; i < searching->term_count; i++) {
        const struct search_term *term = &searching->terms[i];
        if (!term->chunks || (last && text_same(last->text, term->text)))
            continue;
        looked_at += term->chunks;
        if (last && looked_at > LOOKED_AT_MAX)
            break;
        buffer_format(&any, "%s%s", any.bytes ? " | " : "", term->text);
        last = term;
    }
    if (!any.bytes)
        return NULL;
    return text_format(arena, "'#%s' & (%s)", searching->question->company_id, buffer_text(&any));
}

void search_terms_buckets(struct arena *arena, const struct searching *searching, const char *queries[SEARCH_BUCKETS],
                          double weights[SEARCH_BUCKETS])
{
    struct buffer any[SEARCH_BUCKETS];
    double most = 0, sums[SEARCH_BUCKETS] = { 0 };
    for (size_t i = 0; i < searching->term_count; i++)
        if (searching->terms[i].chunks && searching->terms[i].weight > most)
            most = searching->terms[i].weight;
    for (size_t bucket = 0; bucket < SEARCH_BUCKETS; bucket++)
        any[bucket] = (struct buffer){ .arena = arena };
    for (size_t i = 0; i < searching->term_count; i++) {
        const struct search_term *term = &searching->terms[i];
        size_t bucket = (size_t)(term->weight / most * SEARCH_BUCKETS);
        bucket = bucket < SEARCH_BUCKETS ? bucket : SEARCH_BUCKETS - 1;
        if (!term->chunks)
            continue;
        buffer_format(&any[bucket], "%s%s", any[bucket].bytes ? " | " : "", term->text);
        sums[bucket] += term->weight; /* ts_rank answers with the mean of what its words come to */
    }
    for (size_t bucket = 0; bucket < SEARCH_BUCKETS; bucket++) {
        queries[bucket] = any[bucket].bytes ? buffer_text(&any[bucket]) : NULL;
        weights[bucket] = sums[bucket];
    }
}
