#include "summary.h"

#include "base/ident.h"
#include "base/text.h"
#include "digest.h"
#include "extract.h"
#include "service/spent.h"

enum { AWAY_WAIT_MS = 2000 };

/* One handling of a job; what the commit needs outlives the batch in the item's arena. */
struct telling {
    struct model_asking asking;
    Pb__SummaryStep step;
    const char *conversation_id;
    int64_t after_position, covered_position;
    moment covered_at;
};

struct told {
    struct item *item;
    const Pb__SummaryCommitRequest *commit;
};

/* What a batch brings to the store. */
struct round {
    struct batch *batch;
    struct item **again; /* to be opened */
    struct told *told;   /* to be committed */
    size_t again_count, told_count;
    struct spent spent; /* on what is not committed */
};

static struct round round_of(struct batch *batch)
{
    return (struct round){ .batch = batch,
                           .again = ARENA_ARRAY(batch->arena, struct item *, batch->count),
                           .told = ARENA_ARRAY(batch->arena, struct told, batch->count),
                           .spent = { .calls = ARENA_ARRAY(batch->arena, struct call, batch->count) } };
}

static void finish(struct item *item, const char *outcome, const char *reason)
{
    const struct telling *telling = item->state;
    struct buffer result = { .arena = item->arena };
    buffer_format(&result, "{\"outcome\":\"%s\"", outcome);
    if (!text_empty(reason))
        buffer_format(&result, ",\"reason\":\"%s\"", reason);
    if (!text_empty(telling->conversation_id))
        buffer_format(&result, ",\"conversation_id\":\"%s\",\"covered_sequence\":%lld", telling->conversation_id,
                      (long long)telling->covered_position);
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

/* While the house itself is away nobody has failed. */
static void store_failed(struct item *item, const struct call *call)
{
    if (call_away(call))
        item_defer(item, moment_now() + AWAY_WAIT_MS);
    else
        item_fail(item, call->status, call->error.code, "%s", call->error.text);
}

/* -- commit */

/* More is to be remembered, or now it can be told: the job goes on, which costs no attempt. Somebody else who was at it
 * has come as far. */
static void follow_committed(struct item *item, const Pb__SummaryCommitted *reply)
{
    const struct telling *telling = item->state;
    if (telling->step == PB__SUMMARY_STEP__SUMMARY_STEP_REMEMBER)
        item_defer(item, moment_now());
    else
        finish(item, reply->stale ? "stale" : "summarised", NULL);
}

static void commit_told(struct round *round)
{
    struct arena *arena = round->batch->arena;
    struct call *calls = ARENA_ARRAY(arena, struct call, round->told_count);
    for (size_t i = 0; i < round->told_count; i++)
        calls[i] = (struct call){ .caller = round->told[i].item->caller, .request = round->told[i].commit };
    ask(arena, &STORE_SUMMARY_COMMIT, calls, round->told_count);
    for (size_t i = 0; i < round->told_count; i++)
        if (calls[i].status == OK)
            follow_committed(round->told[i].item, calls[i].reply);
        else
            store_failed(round->told[i].item, &calls[i]);
}

/* reply: NULL where no model was asked. */
static void told_add(struct round *round, struct item *item, Pb__SummaryDigest *digest, const char *memory,
                     const struct llm_reply *reply)
{
    const struct telling *telling = item->state;
    const Pb__LeadParams *params = item->params;
    Pb__SummaryCommitRequest *commit = PB_NEW(round->batch->arena, summary_commit_request);
    commit->lead_id = params->lead_id;
    PB_SET(commit, step, telling->step);
    commit->conversation_id = (char *)telling->conversation_id;
    PB_SET(commit, after_position, telling->after_position);
    PB_SET(commit, covered_position, telling->covered_position);
    PB_SET(commit, covered_at, telling->covered_at);
    commit->memory = (char *)memory;
    commit->digest = digest;
    if (reply) {
        commit->provider = (char *)telling->asking.provider->name;
        commit->model = (char *)text_or(reply->model, telling->asking.model);
        PB_SET(commit, prompt_tokens, reply->prompt_tokens);
        PB_SET(commit, completion_tokens, reply->completion_tokens);
    }
    round->told[round->told_count++] = (struct told){ item, commit };
}

static void answer_add(struct round *round, struct item *item, const struct llm_reply *reply)
{
    const struct telling *telling = item->state;
    struct arena *arena = round->batch->arena;
    if (telling->step == PB__SUMMARY_STEP__SUMMARY_STEP_TELL)
        told_add(round, item, digest_of(arena, reply->text), NULL, reply);
    else
        told_add(round, item, NULL, digest_memory(arena, reply->text), reply);
}

/* -- open */

static void keep(struct item *item, const Pb__SummaryOpened *opened)
{
    struct telling *telling = item->state;
    telling->step = opened->step;
    telling->conversation_id = arena_text(item->arena, text_or(opened->conversation_id, ""));
    telling->after_position = opened->after_position;
    telling->covered_position = opened->covered_position;
    telling->covered_at = opened->covered_at;
}

static void ask_model(struct round *round, struct item *item, const Pb__SummaryOpened *opened)
{
    struct batch *batch = round->batch;
    struct telling *telling = item->state;
    struct model_choice choice;
    struct llm_prompt prompt;
    struct error error = { 0 };
    bool tell = opened->step == PB__SUMMARY_STEP__SUMMARY_STEP_TELL;
    if (model_next(&telling->asking, opened->context, batch->now, &choice, &error) != OK) {
        item_fail(item, REJECT, error.code, "%s", error.text);
        return;
    }
    if (!choice.provider->compose) {
        told_add(round, item, tell ? extract_digest(batch->arena, opened->context) : NULL,
                 tell ? NULL : extract_memory(batch->arena, opened->context), NULL);
        return;
    }
    struct llm_task task = digest_task(batch->arena, opened->step, opened->context);
    llm_prompt_of_task(batch->arena, opened->context, &task, choice.model, &prompt);
    model_call(batch, item, &telling->asking, &choice, &prompt, ((const Pb__JobDispatch *)item->message)->job_id);
}

static void follow_opened(struct round *round, struct item *item, const Pb__SummaryOpened *opened)
{
    keep(item, opened);
    if (opened->step == PB__SUMMARY_STEP__SUMMARY_STEP_NOTHING)
        finish(item, "nothing", opened->reason);
    else if (opened->context)
        ask_model(round, item, opened);
    else
        item_fail(item, RETRY, "no_context", "the step was opened without its context");
}

/* Asked for the first time, and again before another model is asked. */
static void open_steps(struct round *round)
{
    struct arena *arena = round->batch->arena;
    struct call *calls = ARENA_ARRAY(arena, struct call, round->again_count);
    for (size_t i = 0; i < round->again_count; i++) {
        const Pb__LeadParams *params = round->again[i]->params;
        Pb__SummaryOpenRequest *request = PB_NEW(arena, summary_open_request);
        request->lead_id = params->lead_id;
        PB_SET(request, memory_only, params->memory_only);
        calls[i] = (struct call){ .caller = round->again[i]->caller, .request = request };
    }
    ask_whole(arena, &STORE_SUMMARY_OPEN, calls, round->again_count);
    for (size_t i = 0; i < round->again_count; i++)
        if (calls[i].status == OK)
            follow_opened(round, round->again[i], calls[i].reply);
        else
            store_failed(round->again[i], &calls[i]);
    if (round->told_count > 0)
        commit_told(round);
}

void summary_start(struct batch *batch)
{
    struct round round = round_of(batch);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__LeadParams *params = item->params;
        struct telling *telling = item->state = ARENA_NEW(item->arena, struct telling);
        model_asking_begin(&telling->asking);
        if (ident_valid(text_or(params->lead_id, "")))
            round.again[round.again_count++] = item;
        else
            item_fail(item, REJECT, "bad_params", "lead_id must be a UUID");
    }
    if (round.again_count > 0)
        open_steps(&round);
}

void summary_told(struct batch *batch)
{
    struct round round = round_of(batch);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        struct telling *telling = item->state;
        const struct model_wanted wanted = { .read = digest_read, .how = &telling->step };
        struct llm_reply reply = { 0 };
        enum model_told told = model_told(batch, item, &telling->asking, &wanted, &reply);
        if (told == MODEL_ANSWERED) {
            answer_add(&round, item, &reply);
            continue;
        }
        spent_add(batch, item, &telling->asking, &reply, telling->conversation_id,
                  ((const Pb__LeadParams *)item->params)->lead_id, &round.spent);
        if (told != MODEL_FAILED)
            round.again[round.again_count++] = item;
    }
    spent_tell(batch, &round.spent);
    if (round.again_count > 0)
        open_steps(&round);
    else if (round.told_count > 0)
        commit_told(&round);
}
