#include "turn.h"

#include "base/text.h"

static int64_t newest_position(const Pb__TurnContext *context)
{
    int64_t newest = 0;
    for (size_t i = 0; i < context->n_owed; i++)
        if (context->owed[i]->position > newest)
            newest = context->owed[i]->position;
    return newest;
}

static void keep_documents(struct arena *arena, const Pb__TurnContext *context, Pb__TurnCommitRequest *commit)
{
    commit->document_ids = ARENA_ARRAY(arena, char *, context->n_passages);
    for (size_t i = 0; i < context->n_passages; i++) {
        const char *id = context->passages[i]->document_id;
        bool known = text_empty(id);
        for (size_t k = 0; k < commit->n_document_ids && !known; k++)
            known = text_same(commit->document_ids[k], id);
        if (!known)
            commit->document_ids[commit->n_document_ids++] = arena_text(arena, id);
    }
}

/* The same texts are the prompt's; what they are named by is what is kept. */
static void keep_sources(struct arena *arena, const Pb__TurnContext *context, Pb__TurnCommitRequest *commit)
{
    commit->sources = ARENA_ARRAY(arena, Pb__KnowledgeSource *, context->n_passages);
    for (size_t i = 0; i < context->n_passages; i++) {
        const Pb__Passage *passage = context->passages[i];
        if (text_empty(passage->chunk_id) || text_empty(passage->document_id))
            continue;
        Pb__KnowledgeSource *source = PB_NEW(arena, knowledge_source);
        source->chunk_id = arena_text(arena, passage->chunk_id);
        source->document_id = arena_text(arena, passage->document_id);
        PB_SET(source, score, passage->score);
        commit->sources[commit->n_sources++] = source;
    }
}

void turn_keep(struct item *item, struct turn *turn, const Pb__TurnOpened *opened, const char *model,
               const char *prompt_json)
{
    const Pb__TurnContext *context = opened->context;
    const Pb__JobDispatch *dispatch = item->message;
    Pb__TurnCommitRequest *commit = &turn->commit;
    pb__turn_commit_request__init(commit);
    turn->turn_id = arena_text(item->arena, opened->turn_id);
    turn->prompt_json = arena_text(item->arena, prompt_json);
    turn->guard.policy = context->ai_policy ? arena_text(item->arena, context->ai_policy->text) : NULL;
    turn->waiting.conversation_id = arena_text(item->arena, text_or(context->conversation_id, ""));
    turn->waiting.label = turn->claim;
    turn->waiting.covered_position = newest_position(context);
    turn->waiting.answer_by_at = context->answer_by_at;
    commit->job_id = dispatch->job_id;
    commit->conversation_id = (char *)turn->waiting.conversation_id;
    commit->model = arena_text(item->arena, model);
    PB_SET(commit, prompt_version, context->prompt_version);
    PB_SET(commit, covered_position, turn->waiting.covered_position);
    keep_documents(item->arena, context, commit);
    keep_sources(item->arena, context, commit);
}

const Pb__TurnCommitRequest *turn_commit(struct arena *arena, struct turn *turn, const struct llm_reply *reply,
                                         const char *text, const char *safety)
{
    Pb__TurnCommitRequest *commit = &turn->commit;
    commit->claim = (char *)turn->claim;
    commit->turn_id = (char *)turn->turn_id;
    commit->text = (char *)text;
    commit->provider = (char *)turn->asking.provider->name;
    commit->model = (char *)text_or(reply->model, text_or(commit->model, ""));
    PB_SET(commit, prompt_tokens, reply->prompt_tokens);
    PB_SET(commit, completion_tokens, reply->completion_tokens);
    PB_SET(commit, latency_ms, model_latency_ms(&turn->asking));
    commit->safety_checks = pb_json(arena, safety);
    commit->actions = reply->actions;
    commit->n_actions = reply->action_count;
    commit->prompt = pb_json(arena, turn->prompt_json);
    guard_tell(&turn->guard, commit);
    return commit;
}
