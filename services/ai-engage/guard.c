#include "guard.h"

#include <string.h>

#include "base/text.h"
#include "config.h"
#include "service/moderate.h"
#include "service/provider.h"
#include "turn.h"

/* -- refused */

static void keep_refusal(struct item *item, const struct llm_reply *reply, const struct safety_verdict *verdict)
{
    struct turn *turn = item->state;
    struct guard *guard = &turn->guard;
    guard->prompt_tokens += reply->prompt_tokens;
    guard->completion_tokens += reply->completion_tokens;
    if (guard->refusal_count == GUARD_REFUSALS_MAX)
        return;
    Pb__SafetyRefusal *refusal = PB_NEW(item->arena, safety_refusal);
    refusal->verdict = pb_json(item->arena, arena_text(item->arena, verdict->json));
    refusal->provider = (char *)turn->asking.provider->name;
    refusal->model = arena_text(item->arena, text_or(reply->model, text_or(turn->commit.model, "")));
    guard->refusals[guard->refusal_count++] = refusal;
}

/* The turn stays open: the same prompt once more, and what was wrong. */
static bool ask_again(struct batch *batch, struct item *item, const char *advice)
{
    struct turn *turn = item->state;
    struct llm_prompt prompt;
    struct model_choice choice = { .provider = turn->asking.provider };
    if (turn->guard.corrected || !choice.provider->compose || !model_time_left(&turn->asking) ||
        provider_endpoint(choice.provider, &choice.endpoint, NULL) != OK ||
        !safety_prompt_read(batch->arena, turn->prompt_json, &prompt))
        return false;
    struct llm_message *messages = ARENA_ARRAY(batch->arena, struct llm_message, prompt.count + 1);
    memcpy(messages, prompt.messages, prompt.count * sizeof *messages);
    messages[prompt.count++] = (struct llm_message){ .role = "system", .text = advice };
    prompt.messages = messages;
    prompt.actions = turn->offer.types;
    prompt.schema = turn->offer.types ? llm_offer_schema(batch->arena, turn->offer.types) : NULL;
    turn->prompt_json = arena_text(item->arena, llm_prompt_json(batch->arena, &prompt));
    turn->guard.corrected = true;
    waiting_add(&turn->waiting);
    model_call(batch, item, &turn->asking, &choice, &prompt, turn->claim);
    return true;
}

static enum guard_says refuse(struct batch *batch, struct item *item, const struct llm_reply *reply,
                              const struct safety_verdict *verdict)
{
    keep_refusal(item, reply, verdict);
    return ask_again(batch, item, verdict->advice) ? GUARD_WAITS : GUARD_HANDS_OVER;
}

void guard_refused(struct batch *batch, struct item *item, const struct llm_reply *reply)
{
    struct safety_verdict verdict;
    safety_refused(batch->arena, &verdict);
    keep_refusal(item, reply, &verdict);
}

/* -- moderated */

/* What the commit is made of outlives the batch. */
static void keep_draft(struct item *item, const struct llm_reply *reply, const char *text, const char *verdict)
{
    struct guard *guard = &((struct turn *)item->state)->guard;
    Pb__TurnCommitRequest draft = PB__TURN_COMMIT_REQUEST__INIT, *kept = NULL;
    ProtobufCBinaryData packed;
    draft.actions = reply->actions;
    draft.n_actions = reply->action_count;
    pb_pack(item->arena, &draft, &packed);
    if (pb_unpack(item->arena, draft.base.descriptor, packed.data, packed.len, (void **)&kept, NULL) != OK)
        kept = NULL; /* an action that is no text: the reply leaves without */
    guard->reply = (struct llm_reply){ .end = LLM_ANSWERED,
                                       .model = arena_text(item->arena, reply->model),
                                       .prompt_tokens = reply->prompt_tokens,
                                       .completion_tokens = reply->completion_tokens,
                                       .ratings = reply->ratings ? arena_text(item->arena, reply->ratings) : NULL,
                                       .actions = kept ? kept->actions : NULL,
                                       .action_count = kept ? kept->n_actions : 0 };
    guard->text = arena_text(item->arena, text);
    guard->verdict = arena_text(item->arena, verdict);
    guard->moderating = true;
}

static enum guard_says moderate(struct batch *batch, struct item *item, const char *provider)
{
    struct turn *turn = item->state;
    if (moderate_call(batch, item, provider, turn->guard.text, turn->claim))
        waiting_add(&turn->waiting);
    else
        turn->guard.moderating = false;
    return GUARD_WAITS;
}

void guard_spend(struct batch *batch, const struct item *item, const char *lead_id, struct spent *spent)
{
    const struct turn *turn = item->state;
    struct safety_policy policy;
    safety_policy_read(batch->arena, turn->guard.policy, &policy);
    moderate_spend(batch, item, &policy, turn->waiting.conversation_id, lead_id, spent);
}

enum guard_says guard_moderated(struct batch *batch, struct item *item, const char **verdict_json, bool *again)
{
    struct guard *guard = &((struct turn *)item->state)->guard;
    struct safety_policy policy;
    struct safety_verdict verdict = { .safe = true, .json = guard->verdict };
    guard->moderating = false;
    safety_policy_read(batch->arena, guard->policy, &policy);
    enum moderate_told told = moderate_told(batch, item, &policy, &verdict);
    *again = told == MODERATE_IN_VAIN;
    if (told != MODERATE_JUDGED)
        return GUARD_WAITS;
    *verdict_json = verdict.json = safety_rated(batch->arena, verdict.json, guard->reply.ratings);
    return verdict.safe ? GUARD_PASSES : refuse(batch, item, &guard->reply, &verdict);
}

/* -- examined */

enum guard_says guard_examine(struct batch *batch, struct item *item, const struct llm_reply *reply, const char *text,
                              const char **verdict_json)
{
    struct turn *turn = item->state;
    struct safety_policy policy;
    struct safety_verdict verdict;
    struct llm_prompt prompt = { .count = 0 };
    if (text_empty(text)) /* a hand-over without a word */
        return GUARD_PASSES;
    safety_policy_read(batch->arena, turn->guard.policy, &policy);
    safety_prompt_read(batch->arena, turn->prompt_json, &prompt);
    const struct safety_material material = {
        .messages = prompt.messages, .count = prompt.count, .policy = &policy, .repeats = !config_loop_guard
    };
    safety_check(batch->arena, &material, text, &verdict);
    if (verdict.safe && policy.toxicity_max > 0 && reply->toxicity > policy.toxicity_max)
        safety_moderated(batch->arena, true, reply->toxicity, &verdict);
    const char *plain = verdict.json;
    *verdict_json = verdict.json = safety_rated(batch->arena, plain, reply->ratings);
    if (!verdict.safe)
        return refuse(batch, item, reply, &verdict);
    if (text_empty(policy.moderation))
        return GUARD_PASSES;
    keep_draft(item, reply, text, plain);
    return moderate(batch, item, policy.moderation);
}

void guard_tell(const struct guard *guard, Pb__TurnCommitRequest *commit)
{
    commit->refusals = (Pb__SafetyRefusal **)guard->refusals;
    commit->n_refusals = guard->refusal_count;
    commit->prompt_tokens += guard->prompt_tokens;
    commit->completion_tokens += guard->completion_tokens;
}
