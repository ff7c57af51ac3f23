#include "engage.h"

#include <string.h>

#include "base/ident.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "llm/llm.h"
#include "reply.h"
#include "turn.h"

enum { OPENS_MAX = 4, AWAY_WAIT_MS = 2000, CLAIM_WAIT_MS = 1000 };

/* A model's answer on its way to the commit. */
struct answered {
    struct item *item;
    const Pb__TurnCommitRequest *commit;
};

struct answers {
    struct answered *list;
    size_t count;
};

struct items {
    struct item **list;
    size_t count;
};

static void open_turns(struct batch *batch, struct items *items);

/* -- results */

static void finish_with(struct item *item, const char *outcome, const char *reason)
{
    struct buffer result = { .arena = item->arena };
    buffer_format(&result, "{\"outcome\":\"%s\"", outcome);
    if (!text_empty(reason)) {
        buffer_add(&result, ",\"reason\":");
        json_add_string(&result, reason);
    }
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

static void add_member(struct buffer *result, const char *name, const char *value)
{
    buffer_format(result, ",\"%s\":", name);
    json_add_string(result, value);
}

static void finish_committed(struct item *item, const char *turn_id, const char *message_id, const char *model)
{
    struct buffer result = { .arena = item->arena };
    buffer_add(&result, "{\"outcome\":\"committed\"");
    add_member(&result, "turn_id", turn_id);
    add_member(&result, "message_id", message_id);
    buffer_add(&result, ",\"message_ids\":["); /* a turn has one reply; readers of the list need no second case */
    json_add_string(&result, message_id);
    buffer_add_char(&result, ']');
    if (!text_empty(model))
        add_member(&result, "model", model);
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

/* The newer message's job answers for both. */
static void finish_superseded(struct item *item, const char *by, int64_t delay_ms)
{
    if (text_empty(by))
        item_fail(item, RETRY, "superseded", "a newer message is owed and its job is not known");
    else
        item_coalesce(item, by, delay_ms);
}

/* While the house itself is away nobody has failed: the job waits without losing an attempt. */
static void store_failed(struct item *item, const struct call *call)
{
    if (call_away(call))
        item_defer(item, moment_now() + AWAY_WAIT_MS);
    else
        item_fail(item, call->status, call->error.code, "%s", call->error.text);
}

/* -- commit */

static void follow_committed(struct item *item, const Pb__TurnCommitted *reply, struct items *again)
{
    struct turn *turn = item->state;
    switch (reply->state) {
    case PB__TURN_STATE__TURN_STATE_COMMITTED:
        finish_committed(item, turn->turn_id, reply->message_id, turn->commit.model);
        item_children(item, reply->jobs, reply->n_jobs);
        break;
    case PB__TURN_STATE__TURN_STATE_SUPERSEDED:
        finish_superseded(item, reply->superseded_by, reply->delay_ms);
        break;
    default:
        if (text_same(reply->reason, "answered")) /* part of it was, by another turn: is the rest still owed? */
            again->list[again->count++] = item;
        else if (text_same(reply->reason,
                           "stale_claim")) /* another handling of this job has the turn: its result counts */
            item_defer(item, moment_now() + CLAIM_WAIT_MS);
        else
            finish_with(item, "refused", reply->reason);
    }
}

/* Opened, and forgotten with the database's last moment: opening does not wait for the disk. */
static bool turn_forgotten(const struct call *call)
{
    return call->status == REJECT && text_same(call->error.code, "unknown_turn");
}

static void commit_turns(struct batch *batch, const struct answers *answers)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, answers->count);
    struct items again = { .list = ARENA_ARRAY(batch->arena, struct item *, answers->count) };
    for (size_t i = 0; i < answers->count; i++)
        calls[i] = (struct call){ .caller = answers->list[i].item->caller, .request = answers->list[i].commit };
    ask(batch->arena, &STORE_TURN_COMMIT, calls, answers->count);
    for (size_t i = 0; i < answers->count; i++) {
        struct item *item = answers->list[i].item;
        if (calls[i].status == OK)
            follow_committed(item, calls[i].reply, &again);
        else if (turn_forgotten(&calls[i]))
            again.list[again.count++] = item;
        else
            store_failed(item, &calls[i]);
    }
    if (again.count > 0)
        open_turns(batch, &again);
}

/* The reply may leave: it is committed with all others of the batch. */
static void answer_add(struct batch *batch, struct item *item, const struct llm_reply *reply, struct answers *answers)
{
    const char *text = reply_shape(batch->arena, reply, WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX);
    struct error error = { 0 };
    if (text_empty(text)) {
        item_fail(item, RETRY, "empty", "the model's answer has no text");
        return;
    }
    if (text_check(text, strlen(text), REPLY_TEXT_BYTES_MAX, "the model's answer", &error) != OK) {
        item_fail(item, RETRY, "unreadable", "%s", error.text);
        return;
    }
    answers->list[answers->count++] = (struct answered){ item, turn_commit(batch->arena, item->state, reply, text) };
}

/* -- open */

static void ask_model(struct batch *batch, struct item *item, const Pb__TurnOpened *opened, struct answers *answers)
{
    struct turn *turn = item->state;
    struct model_choice choice;
    struct llm_prompt prompt;
    struct llm_reply reply;
    struct error error = { 0 };
    if (model_next(&turn->asking, opened->context, batch->now, &choice, &error) != OK) {
        item_fail(item, REJECT, error.code, "%s", error.text);
        return;
    }
    llm_prompt_of_turn(batch->arena, opened->context, choice.model, &prompt);
    turn_keep(item, turn, opened, prompt.model, llm_prompt_json(batch->arena, &prompt));
    if (choice.provider->compose) {
        waiting_add(&turn->waiting);
        model_call(batch, item, &turn->asking, &choice, &prompt, turn->claim);
        return;
    }
    choice.provider->answer(batch->arena, opened->context, &reply);
    answer_add(batch, item, &reply, answers);
}

static void follow_opened(struct batch *batch, struct item *item, const Pb__TurnOpened *opened, struct answers *answers)
{
    switch (opened->state) {
    case PB__TURN_STATE__TURN_STATE_NOTHING:
        finish_with(item, "nothing", opened->reason);
        break;
    case PB__TURN_STATE__TURN_STATE_SUPERSEDED:
        finish_superseded(item, opened->superseded_by, opened->delay_ms);
        break;
    case PB__TURN_STATE__TURN_STATE_COMMITTED:
        finish_committed(item, opened->turn_id, opened->n_message_ids ? opened->message_ids[0] : NULL, NULL);
        item_children(item, opened->jobs, opened->n_jobs);
        break;
    case PB__TURN_STATE__TURN_STATE_OPEN:
        if (opened->context && opened->turn_id)
            ask_model(batch, item, opened, answers);
        else
            item_fail(item, RETRY, "no_context", "the turn was opened without its context");
        break;
    default:
        item_fail(item, RETRY, "unknown_state", "the store answered with a state that is not known");
    }
}

static const Pb__TurnOpenRequest *compose_open(struct batch *batch, struct item *item)
{
    const Pb__JobDispatch *dispatch = item->message;
    const Pb__EngageParams *params = item->params;
    struct turn *turn = item->state;
    Pb__TurnOpenRequest *request = PB_NEW(batch->arena, turn_open_request);
    turn->claim = ident_fresh(item->arena);
    turn->opens++;
    request->job_id = dispatch->job_id;
    request->claim = (char *)turn->claim;
    request->lead_id = params->lead_id;
    request->message_id = params->message_id;
    PB_SET(request, wait_ms_max, (int32_t)model_wait_ms);
    return request;
}

/* Asked for the first time, and again after a call was in vain: the store says what has become of the turn. */
static void open_turns(struct batch *batch, struct items *items)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, items->count);
    struct answers answers = { .list = ARENA_ARRAY(batch->arena, struct answered, items->count) };
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        struct turn *turn = items->list[i]->state;
        if (turn->opens >= OPENS_MAX) {
            item_fail(items->list[i], RETRY, "restless", "the conversation changes faster than it can be answered");
            continue;
        }
        items->list[count] = items->list[i];
        calls[count++] =
            (struct call){ .caller = items->list[i]->caller, .request = compose_open(batch, items->list[i]) };
    }
    ask_whole(batch->arena, &STORE_TURN_OPEN, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == OK)
            follow_opened(batch, items->list[i], calls[i].reply, &answers);
        else
            store_failed(items->list[i], &calls[i]);
    if (answers.count > 0)
        commit_turns(batch, &answers);
}

void engage_start(struct batch *batch)
{
    struct items items = { .list = ARENA_ARRAY(batch->arena, struct item *, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__EngageParams *params = item->params;
        if (!ident_valid(text_or(params->lead_id, "")) || !ident_valid(text_or(params->message_id, ""))) {
            item_fail(item, REJECT, "bad_params", "lead_id and message_id must be UUIDs");
            continue;
        }
        struct turn *turn = item->state = ARENA_NEW(item->arena, struct turn);
        model_asking_begin(&turn->asking);
        items.list[items.count++] = item;
    }
    open_turns(batch, &items);
}

/* -- the model has answered, or not */

static void follow_call(struct batch *batch, struct item *item, struct answers *answers, struct items *again)
{
    struct turn *turn = item->state;
    struct llm_reply reply;
    switch (model_told(batch, item, &turn->asking, &reply)) {
    case MODEL_ANSWERED:
        answer_add(batch, item, &reply, answers);
        break;
    case MODEL_AGAIN:  /* nothing of the turn's context was kept: it is opened again */
        turn->opens--; /* not the conversation's restlessness */
        again->list[again->count++] = item;
        break;
    case MODEL_IN_VAIN:
        again->list[again->count++] = item;
        break;
    case MODEL_FAILED:
        break;
    }
}

void engage_told(struct batch *batch)
{
    struct answers answers = { .list = ARENA_ARRAY(batch->arena, struct answered, batch->count) };
    struct items again = { .list = ARENA_ARRAY(batch->arena, struct item *, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        waiting_remove(&((struct turn *)batch->items[i]->state)->waiting);
        follow_call(batch, batch->items[i], &answers, &again);
    }
    if (answers.count > 0)
        commit_turns(batch, &answers);
    if (again.count > 0)
        open_turns(batch, &again);
}

void engage_hear(struct batch *batch, const void *message)
{
    const Pb__ConversationNudge *nudge = message;
    const char *conversation_id = text_or(nudge->conversation_id, "");
    struct waiting *vain = NULL;
    while ((vain = waiting_vain(vain, conversation_id, nudge->cause, nudge->position, batch->now)))
        route_abort(batch, vain->label, text_or(nudge->cause, "nudge"));
}
