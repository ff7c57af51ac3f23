#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/read.h"
#include "knowledge.h"
#include "search_inside.h"
#include "wire/pbrow.h"

bool search_pgvector;

/* Share of what was asked, by weight, that a chunk must hold to be an answer's source where its vector does not say so.
 */
static const double COVERAGE_MIN = 0.25;

/* -- what is found, as it is told */

static const struct statement sources_read = {
    .name = "kb_sources_read",
    .sql =
        "select c.id as chunk_id, c.document_id, c.title, c.heading, c.text, "
        "       array(select t.n from unnest($3::text[]) with ordinality as t(term, n) where c.search @@ t.term::tsquery) as terms "
        "from unnest($2::uuid[]) with ordinality as v(id, n) join crm.ai_kb_chunks c on c.id = v.id and c.company_id = $1 order by v.n",
};

/* Every candidate that has a score may be told; those that can't be relevant come last anyway. */
static size_t told_count(const struct searching *searching)
{
    size_t count = 0;
    while (count < searching->candidate_count && count < searching->question->limit &&
           searching->candidates[count].score > 0)
        count++;
    return count;
}

static struct db_step sources_ask(struct arena *arena, struct searching *searching)
{
    struct params *params = params_new(arena);
    size_t count = told_count(searching);
    const char **ids = ARENA_ARRAY(arena, const char *, count + 1);
    const char **terms = ARENA_ARRAY(arena, const char *, searching->term_count + 1);
    for (size_t i = 0; i < count; i++)
        ids[i] = searching->candidates[i].id;
    for (size_t i = 0; i < searching->term_count; i++)
        terms[i] = searching->terms[i].text;
    params_text(params, searching->question->company_id);
    params_texts(params, ids, count);
    params_texts(params, terms, searching->term_count);
    return (struct db_step){ .statement = &sources_read, .params = params };
}

/* By words, not by terms: a word is held in whichever form, or as far as its pieces are. */
static double coverage_of(struct arena *arena, const struct searching *searching, const struct rows *rows, size_t row)
{
    const char *const *held;
    double by_word[TERM_WORDS_MAX] = { 0 }, pieces[TERM_WORDS_MAX] = { 0 }, has = 0, all = 0;
    size_t count = rows_texts(rows, row, rows_column(rows, "terms"), arena, &held);
    for (size_t i = 0; i < count; i++) {
        const struct search_term *term = &searching->terms[strtoul(held[i], NULL, 10) - 1];
        if (!text_starts(term->text, "'~"))
            by_word[term->word] = searching->word_weights[term->word];
        else
            pieces[term->word] += 1;
    }
    for (size_t word = 0; word < searching->words.word_count; word++) {
        size_t wanted = 0;
        for (size_t i = 0; i < searching->words.piece_count; i++)
            wanted += searching->words.pieces[i].word == word;
        double part = wanted ? searching->word_weights[word] * pieces[word] / (double)wanted : 0;
        has += part > by_word[word] ? part : by_word[word];
        all += searching->word_weights[word];
    }
    return all > 0 ? has / all : 0;
}

static void sources_tell(struct arena *arena, struct searching *searching, const struct rows *rows)
{
    Pb__KnowledgeFound *found = searching->question->found;
    found->items = ARENA_ARRAY(arena, Pb__KnowledgeSource *, rows->count + 1);
    for (size_t row = 0, place = 0; row < rows->count; row++, place++) {
        Pb__KnowledgeSource *source = pbrow_read(arena, &pb__knowledge_source__descriptor, rows, row);
        while (!text_same(searching->candidates[place].id, source->chunk_id))
            place++; /* one that was removed between two statements */
        const struct search_candidate *candidate = &searching->candidates[place];
        PB_SET(source, score, candidate->score);
        PB_SET(source, coverage, coverage_of(arena, searching, rows, row));
        if (searching->by_vector)
            PB_SET(source, cosine, candidate->cosine);
        if (candidate->text_rank)
            PB_SET(source, text_rank, (int32_t)candidate->text_rank);
        if (candidate->vector_rank)
            PB_SET(source, vector_rank, (int32_t)candidate->vector_rank);
        PB_SET(source, relevant,
               source->coverage >= COVERAGE_MIN || candidate->cosine >= embed_cosine_min(searching->model));
        found->items[found->n_items++] = source;
    }
}

/* -- the steps */

typedef struct db_step search_ask(struct arena *arena, struct searching *searching);
typedef void search_tell(struct arena *arena, struct searching *searching, const struct rows *rows);

/* One round trip for all of them. */
static enum status step(struct batch *batch, struct searching *list, size_t count, search_ask *prepare,
                        search_tell *tell, struct error *error)
{
    struct db_step *steps = ARENA_ARRAY(batch->arena, struct db_step, count);
    for (size_t i = 0; i < count; i++)
        steps[i] = prepare(batch->arena, &list[i]);
    TRY(db_run_all(batch->db, batch->arena, steps, count, error));
    for (size_t i = 0; i < count; i++)
        tell(batch->arena, &list[i], &steps[i].rows);
    return OK;
}

/* Which ways are open: a question's vector is of the company's model, or it is made here. */
static void choose_ways(struct arena *arena, struct searching *searching)
{
    struct search_question *question = searching->question;
    Pb__KnowledgeFound *found = question->found;
    bool wants_vector = question->mode != SEARCH_TEXT, local = embed_is_local(searching->model);
    if (wants_vector && local)
        embed_local(arena, question->text, &searching->vector);
    else if (wants_vector && question->vector && text_same(question->vector_model, searching->model))
        searching->vector = *question->vector;
    else if (wants_vector)
        PB_SET(found, vector_wanted, true);
    searching->by_vector = wants_vector && !found->vector_wanted;
    searching->by_words = question->mode != SEARCH_VECTOR;
    found->embedding = arena_text(arena, searching->model);
    found->mode = (char *)(!searching->by_vector ? "text" : searching->by_words ? "both" : "vector");
}

enum status search(struct batch *batch, struct search_question *questions, size_t count, struct error *error)
{
    struct searching *list = ARENA_ARRAY(batch->arena, struct searching, count + 1);
    size_t with_material = 0;
    for (size_t i = 0; i < count; i++) {
        questions[i].found = PB_NEW(batch->arena, knowledge_found);
        list[i].question = &questions[i];
    }
    if (count)
        TRY(step(batch, list, count, search_terms_ask, search_terms_tell, error));
    for (size_t i = 0; i < count; i++) {
        if (!questions[i].has_material)
            continue;
        choose_ways(batch->arena, &list[i]);
        list[with_material++] = list[i];
    }
    if (!with_material)
        return OK;
    TRY(step(batch, list, with_material, search_candidates_ask, search_candidates_tell, error));
    return step(batch, list, with_material, sources_ask, sources_tell, error);
}

/* -- store.knowledge.search */

static enum status mode_read(const char *word, enum search_mode *out, struct error *error)
{
    static const char *const MODES[] = { [SEARCH_BOTH] = "both", [SEARCH_TEXT] = "text", [SEARCH_VECTOR] = "vector" };
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++)
        if (text_same(text_or(word, "both"), MODES[i])) {
            *out = (enum search_mode)i;
            return OK;
        }
    return error_code(error, REJECT, "bad_value", "mode must be both, text or vector");
}

static enum status question_read(struct item *item, struct search_question *out, struct error *error)
{
    const Pb__KnowledgeSearchRequest *request = item->message;
    TRY(read_company(item, error));
    *out = (struct search_question){ .company_id = item->caller.company_id,
                                     .text = text_or(request->query, ""),
                                     .limit = request->has_limit ? (size_t)request->limit : SEARCH_ITEMS };
    if (request->has_limit && (request->limit < 1 || request->limit > SEARCH_ITEMS_MAX))
        return error_code(error, REJECT, "bad_value", "limit must be 1 to %d", SEARCH_ITEMS_MAX);
    if (text_empty(out->text) || strlen(out->text) > SEARCH_TEXT_BYTES_MAX)
        return error_code(error, REJECT, "bad_value", "query must have 1 to %d bytes", SEARCH_TEXT_BYTES_MAX);
    if (request->has_vector && request->vector.len != EMBED_DIMENSIONS)
        return error_code(error, REJECT, "bad_value", "vector must have %d bytes", EMBED_DIMENSIONS);
    if (request->has_vector)
        out->vector = (const struct embedding *)request->vector.data;
    out->vector_model = request->embedding;
    return mode_read(request->mode, &out->mode, error);
}

void knowledge_search(struct batch *batch)
{
    struct search_question *questions = ARENA_ARRAY(batch->arena, struct search_question, batch->count + 1);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count + 1);
    struct error error = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct error refused = { 0 };
        if (question_read(batch->items[i], &questions[count], &refused) == OK)
            items[count++] = batch->items[i];
        else
            item_fail(batch->items[i], REJECT, refused.code, "%s", refused.text);
    }
    enum status status = search(batch, questions, count, &error);
    for (size_t i = 0; i < count; i++)
        if (status == OK)
            items[i]->reply = &questions[i].found->base;
        else
            item_fail(items[i], RETRY, "unavailable", "%s", error.text);
}
