#include "bumpup.h"

#include "base/ident.h"
#include "base/json.h"
#include "base/text.h"
#include "bumpup_text.h"
#include "outcome.h"
#include "service/moderate.h"
#include "service/spent.h"

enum { TRIES_MAX = 3 };

/* One handling of a job; texts are in the item's arena. */
struct bumping {
    struct model_asking asking;
    Pb__BumpupCommitRequest commit;
    const char *prompt_json;
    char **unlike;
    size_t unlike_count;
    const char *policy;    /* the company's ai_policy; NULL: none */
    const char *complaint; /* about the words before; NULL: none were written */
    const char *verdict;   /* of the safety check, about these */
    bool unsafe;
    bool moderating; /* a provider's moderation is looking at them */
    int tries;
};

struct round {
    struct batch *batch;
    struct item **again; /* to be opened */
    struct item **good;  /* to be committed */
    size_t again_count, good_count;
    struct spent spent;    /* on what is not committed */
    struct call *refusals; /* of drafts that were not safe */
    size_t refusal_count;
};

static struct round round_of(struct batch *batch)
{
    return (struct round){ .batch = batch,
                           .again = ARENA_ARRAY(batch->arena, struct item *, batch->count),
                           .good = ARENA_ARRAY(batch->arena, struct item *, batch->count),
                           .refusals = ARENA_ARRAY(batch->arena, struct call, batch->count),
                           .spent = { .calls = ARENA_ARRAY(batch->arena, struct call, 2 * batch->count) } };
}

static void finish(struct item *item, const char *message_id)
{
    const struct bumping *bumping = item->state;
    struct buffer result = { .arena = item->arena };
    buffer_format(&result, "{\"outcome\":\"committed\",\"message_id\":\"%s\"", message_id);
    if (bumping->commit.opening)
        buffer_format(&result, ",\"opening\":\"%s\"", bumping->commit.opening);
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

/* -- the words */

static const char *verdict_fault(struct item *item, const struct safety_verdict *verdict)
{
    struct bumping *bumping = item->state;
    bumping->verdict = arena_text(item->arena, verdict->json);
    bumping->commit.safety_checks = pb_json(item->arena, bumping->verdict);
    bumping->unsafe = !verdict->safe;
    return verdict->safe ? NULL : text_or(verdict->advice, "it says what may not be said.");
}

/* NULL: they will do. What the model is told of it; the verdict is kept either way. */
static const char *words_fault(struct batch *batch, struct item *item, const struct safety_policy *policy)
{
    struct bumping *bumping = item->state;
    struct llm_prompt prompt;
    struct safety_verdict verdict;
    const char *text = bumping->commit.text;
    const char *fault = bumpup_fault(batch->arena, text, bumping->unlike, bumping->unlike_count);
    bumping->unsafe = false;
    if (fault)
        return fault;
    if (!safety_prompt_read(batch->arena, bumping->prompt_json, &prompt))
        return "it could not be looked at.";
    const struct safety_material material = { .messages = prompt.messages, .count = prompt.count, .policy = policy };
    safety_check(batch->arena, &material, text, &verdict);
    return verdict_fault(item, &verdict);
}

static void spend(struct round *round, struct item *item, const struct llm_reply *reply)
{
    const struct bumping *bumping = item->state;
    const Pb__LeadParams *params = item->params;
    spent_add(round->batch, item, &bumping->asking, reply, params->conversation_id, params->lead_id, &round->spent);
}

/* Its verdict is kept, as a turn's is; the words are nowhere. */
static void keep_refusal(struct round *round, const struct item *item)
{
    const struct bumping *bumping = item->state;
    Pb__RefusalRecordRequest *request = PB_NEW(round->batch->arena, refusal_record_request);
    if (!bumping->unsafe)
        return;
    request->conversation_id = bumping->commit.conversation_id;
    request->job_id = bumping->commit.job_id;
    request->refusal = PB_NEW(round->batch->arena, safety_refusal);
    request->refusal->verdict = pb_json(round->batch->arena, bumping->verdict);
    request->refusal->provider = bumping->commit.provider;
    request->refusal->model = bumping->commit.model;
    round->refusals[round->refusal_count++] = (struct call){ .caller = item->caller, .request = request };
}

/* Best effort, as spent_tell. */
static void tell_refused(struct round *round)
{
    if (round->refusal_count)
        ask(round->batch->arena, &STORE_SAFETY_RECORD, round->refusals, round->refusal_count);
    round->refusal_count = 0;
}

/* fault: NULL, they will do. */
static void settle(struct round *round, struct item *item, const char *fault)
{
    struct bumping *bumping = item->state;
    if (fault)
        keep_refusal(round, item);
    if (!fault) {
        round->good[round->good_count++] = item;
    } else if (bumping->tries < TRIES_MAX) {
        bumping->complaint = arena_text(item->arena, fault);
        round->again[round->again_count++] = item;
    } else {
        outcome_end(item, "dropped", bumping->unsafe ? "unsafe" : "unsuitable");
    }
}

static void take(struct round *round, struct item *item, const struct llm_reply *reply)
{
    struct bumping *bumping = item->state;
    struct safety_policy policy;
    bumping->tries++;
    bumping->commit.text = (char *)bumpup_shape(item->arena, reply->text);
    bumping->commit.provider = (char *)bumping->asking.provider->name;
    bumping->commit.model = arena_text(item->arena, text_or(reply->model, ""));
    PB_SET(&bumping->commit, prompt_tokens, reply->prompt_tokens);
    PB_SET(&bumping->commit, completion_tokens, reply->completion_tokens);
    PB_SET(&bumping->commit, latency_ms, model_latency_ms(&bumping->asking));
    safety_policy_read(round->batch->arena, bumping->policy, &policy);
    const char *fault = words_fault(round->batch, item, &policy);
    if (fault)
        spend(round, item, reply);
    if (fault || text_empty(policy.moderation))
        settle(round, item, fault);
    else
        bumping->moderating =
            moderate_call(round->batch, item, policy.moderation, bumping->commit.text, bumping->commit.job_id);
}

static void moderated(struct round *round, struct item *item)
{
    struct bumping *bumping = item->state;
    struct safety_policy policy;
    struct safety_verdict verdict = { .safe = true, .json = bumping->verdict };
    bumping->moderating = false;
    safety_policy_read(round->batch->arena, bumping->policy, &policy);
    const struct llm_reply paid = { .model = bumping->commit.model,
                                    .prompt_tokens = bumping->commit.prompt_tokens,
                                    .completion_tokens = bumping->commit.completion_tokens };
    const Pb__LeadParams *params = item->params;
    moderate_spend(round->batch, item, &policy, params->conversation_id, params->lead_id, &round->spent);
    switch (moderate_told(round->batch, item, &policy, &verdict)) {
    case MODERATE_JUDGED:
        if (!verdict.safe)
            spend(round, item, &paid);
        settle(round, item, verdict_fault(item, &verdict));
        break;
    case MODERATE_IN_VAIN:
        round->again[round->again_count++] = item;
        break;
    case MODERATE_FAILED:
        break;
    }
}

/* -- commit */

static void commit_good(struct round *round)
{
    struct arena *arena = round->batch->arena;
    struct call *calls = ARENA_ARRAY(arena, struct call, round->good_count);
    for (size_t i = 0; i < round->good_count; i++)
        calls[i] = (struct call){ .caller = round->good[i]->caller,
                                  .request = &((struct bumping *)round->good[i]->state)->commit };
    ask(arena, &STORE_BUMPUP_COMMIT, calls, round->good_count);
    for (size_t i = 0; i < round->good_count; i++) {
        struct item *item = round->good[i];
        const Pb__BumpupCommitted *reply = calls[i].reply;
        if (calls[i].status != OK) {
            outcome_store_failed(item, &calls[i]);
        } else if (reply->state == PB__BUMPUP_STATE__BUMPUP_STATE_COMMITTED) {
            finish(item, reply->message_id);
            item_children(item, reply->jobs, reply->n_jobs);
        } else {
            outcome_end(item, "dropped", reply->reason);
        }
    }
    round->good_count = 0;
}

/* -- open */

static void keep(struct item *item, const Pb__BumpupOpened *opened, const char *prompt_json)
{
    struct bumping *bumping = item->state;
    const Pb__LeadParams *params = item->params;
    Pb__BumpupCommitRequest *commit = &bumping->commit;
    pb__bumpup_commit_request__init(commit);
    commit->job_id = ((const Pb__JobDispatch *)item->message)->job_id;
    commit->lead_id = params->lead_id;
    commit->conversation_id = arena_text(item->arena, opened->conversation_id);
    commit->opening = arena_text(item->arena, opened->opening);
    PB_SET(commit, position, opened->position);
    PB_SET(commit, epoch, opened->epoch);
    PB_SET(commit, prompt_version, opened->context->prompt_version);
    bumping->policy = opened->context->ai_policy ? arena_text(item->arena, opened->context->ai_policy->text) : NULL;
    bumping->prompt_json = arena_text(item->arena, prompt_json);
    commit->prompt = pb_json(item->arena, bumping->prompt_json);
    bumping->unlike = ARENA_ARRAY(item->arena, char *, opened->n_unlike + 1);
    bumping->unlike_count = opened->n_unlike;
    for (size_t i = 0; i < opened->n_unlike; i++)
        bumping->unlike[i] = arena_text(item->arena, opened->unlike[i]);
}

/* Without a model: others until one will do. */
static void answer_locally(struct round *round, struct item *item, const Pb__BumpupOpened *opened)
{
    const struct bumping *bumping = item->state;
    struct llm_reply reply = { .end = LLM_ANSWERED, .model = bumping->asking.provider->model };
    do {
        reply.text = bumpup_local(round->batch->arena, opened, (size_t)bumping->tries);
        round->again_count = 0;
        take(round, item, &reply);
        tell_refused(round);
    } while (round->again_count > 0);
}

static void ask_model(struct round *round, struct item *item, const Pb__BumpupOpened *opened)
{
    struct batch *batch = round->batch;
    struct bumping *bumping = item->state;
    struct model_choice choice;
    struct llm_prompt prompt;
    struct error error = { 0 };
    if (model_next(&bumping->asking, opened->context, batch->now, &choice, &error) != OK) {
        item_fail(item, REJECT, error.code, "%s", error.text);
        return;
    }
    struct llm_task task = bumpup_task(batch->arena, opened, bumping->complaint);
    llm_prompt_of_task(batch->arena, opened->context, &task, choice.model, &prompt);
    keep(item, opened, llm_prompt_json(batch->arena, &prompt));
    if (choice.provider->compose)
        model_call(batch, item, &bumping->asking, &choice, &prompt, bumping->commit.job_id);
    else
        answer_locally(round, item, opened);
}

static void follow_opened(struct round *round, struct item *item, const Pb__BumpupOpened *opened)
{
    switch (opened->state) {
    case PB__BUMPUP_STATE__BUMPUP_STATE_DROPPED:
        outcome_end(item, "dropped", opened->reason);
        break;
    case PB__BUMPUP_STATE__BUMPUP_STATE_COMMITTED:
        finish(item, opened->message_id);
        item_children(item, opened->jobs, opened->n_jobs);
        break;
    default:
        if (opened->context && opened->conversation_id && opened->opening)
            ask_model(round, item, opened);
        else
            item_fail(item, RETRY, "no_context", "the bump-up was opened without its context");
    }
}

/* Asked for the first time, and again before other words or another model are asked for: whoever wrote meanwhile is
 * left alone. */
static void open_all(struct round *round)
{
    struct arena *arena = round->batch->arena;
    size_t count = round->again_count;
    struct call *calls = ARENA_ARRAY(arena, struct call, count);
    struct item **items = ARENA_ARRAY(arena, struct item *, count);
    for (size_t i = 0; i < count; i++) {
        const Pb__LeadParams *params = round->again[i]->params;
        Pb__BumpupOpenRequest *request = PB_NEW(arena, bumpup_open_request);
        items[i] = round->again[i];
        request->job_id = ((const Pb__JobDispatch *)items[i]->message)->job_id;
        request->lead_id = params->lead_id;
        request->conversation_id = params->conversation_id;
        PB_SET(request, position, params->position);
        calls[i] = (struct call){ .caller = items[i]->caller, .request = request };
    }
    round->again_count = 0;
    ask_whole(arena, &STORE_BUMPUP_OPEN, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == OK)
            follow_opened(round, items[i], calls[i].reply);
        else
            outcome_store_failed(items[i], &calls[i]);
    if (round->good_count > 0)
        commit_good(round);
}

void bumpup_start(struct batch *batch)
{
    struct round round = round_of(batch);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__LeadParams *params = item->params;
        struct bumping *bumping = item->state = ARENA_NEW(item->arena, struct bumping);
        model_asking_begin(&bumping->asking);
        if (ident_valid(text_or(params->lead_id, "")) && ident_valid(text_or(params->conversation_id, "")))
            round.again[round.again_count++] = item;
        else
            item_fail(item, REJECT, "bad_params", "lead_id and conversation_id must be UUIDs");
    }
    if (round.again_count > 0)
        open_all(&round);
}

void bumpup_told(struct batch *batch)
{
    struct round round = round_of(batch);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        struct bumping *bumping = item->state;
        struct llm_reply reply = { 0 };
        if (bumping->moderating) {
            moderated(&round, item);
            continue;
        }
        enum model_told told = model_told(batch, item, &bumping->asking, NULL, &reply);
        if (told == MODEL_ANSWERED) {
            take(&round, item, &reply);
            continue;
        }
        spend(&round, item, &reply);
        if (told != MODEL_FAILED)
            round.again[round.again_count++] = item;
    }
    spent_tell(batch, &round.spent);
    tell_refused(&round);
    if (round.again_count > 0)
        open_all(&round);
    else if (round.good_count > 0)
        commit_good(&round);
}
