/* What a turn is told of the company's material: asked for with what is owed, once that is known. */
#include <string.h>

#include "base/text.h"
#include "context.h"
#include "knowledge/search.h"

enum {
    QUERY_CHARACTERS_MAX = 4000, /* of the owed text, from its end, asked of the knowledge base */
    QUERY_BYTES_MAX = 4 * QUERY_CHARACTERS_MAX,
    PASSAGES_MAX = 5,
};

/* What is asked of the knowledge base: the owed texts, the newest of them if there is too much. */
static const char *owed_words(struct arena *arena, const Pb__TurnContext *context)
{
    struct buffer words = { .arena = arena };
    size_t first = context->n_owed;
    for (size_t bytes = 0; first > 0 && bytes < QUERY_CHARACTERS_MAX; bytes += strlen(context->owed[first]->text))
        first--;
    for (size_t i = first; i < context->n_owed; i++) {
        buffer_add(&words, context->owed[i]->text);
        buffer_add_char(&words, '\n');
    }
    return text_cut(arena, buffer_text(&words), QUERY_BYTES_MAX);
}

static Pb__Passage *passage_of(struct arena *arena, const Pb__KnowledgeSource *source)
{
    Pb__Passage *passage = PB_NEW(arena, passage);
    passage->document_id = source->document_id;
    passage->chunk_id = source->chunk_id;
    passage->title = source->title;
    passage->heading = source->heading;
    passage->text = source->text;
    PB_SET(passage, score, source->score);
    return passage;
}

static void passages_take(struct arena *arena, Pb__TurnContext *context, const Pb__KnowledgeFound *found,
                          const char *when_missing)
{
    context->passages = ARENA_ARRAY(arena, Pb__Passage *, found->n_items + 1);
    for (size_t i = 0; i < found->n_items; i++)
        if (found->items[i]->relevant)
            context->passages[context->n_passages++] = passage_of(arena, found->items[i]);
    if (!context->n_passages)
        context->knowledge_missing = (char *)when_missing;
    if (found->vector_wanted)
        context->embedding = found->embedding;
}

/* Made by a provider; NULL: none, or none of ours. */
static const struct embedding *vector_of(const Pb__TurnOpenRequest *request)
{
    return request->has_vector && request->vector.len == EMBED_DIMENSIONS
               ? (const struct embedding *)request->vector.data
               : NULL;
}

enum status context_add_passages(struct batch *batch, Pb__TurnContext *const *contexts,
                                 const Pb__TurnOpenRequest *const *requests, size_t count, struct error *error)
{
    struct search_question *questions = ARENA_ARRAY(batch->arena, struct search_question, count + 1);
    for (size_t i = 0; i < count; i++)
        questions[i] = (struct search_question){ .company_id = contexts[i]->company_id,
                                                 .text = owed_words(batch->arena, contexts[i]),
                                                 .limit = PASSAGES_MAX,
                                                 .vector = vector_of(requests[i]),
                                                 .vector_model = requests[i]->embedding };
    TRY(search(batch, questions, count, error));
    for (size_t i = 0; i < count; i++)
        if (questions[i].has_material)
            passages_take(batch->arena, contexts[i], questions[i].found, questions[i].when_missing);
    return OK;
}
