#include "engage.h"

#include <string.h>

#include "answer.h"
#include "base/ident.h"
#include "base/text.h"
#include "llm/offer.h"
#include "outcome.h"
#include "question.h"
#include "service/spent.h"
#include "turn.h"

enum { OPENS_MAX = 4 };
enum { SIGHT_LOOK_MS = 250 }; /* between looks for a file that is being fetched */

static void open_turns(struct batch *batch, struct items *items);

/* What was committed in vain is opened again. */
static void commit_answers(struct batch *batch, const struct answers *answers)
{
    struct items again = { .list = ARENA_ARRAY(batch->arena, struct item *, answers->count) };
    answers_commit(batch, answers, &again);
    if (again.count > 0)
        open_turns(batch, &again);
}

/* -- open */

/* A file of a bucket is read first: the item waits for it, and the turn is opened again. */
static bool see(struct batch *batch, struct item *item, const Pb__TurnOpened *opened, const struct model_choice *choice,
                const char *model)
{
    struct turn *turn = item->state;
    const Pb__TurnMessage *wanted = sight_wants(batch->arena, &turn->sight, opened->context, choice->provider, model);
    if (!wanted)
        return false;
    model_unasked(choice->provider);
    turn_keep(item, turn, opened, model, "");
    waiting_add(&turn->waiting);
    sight_call(batch, item, &turn->sight, opened->context, wanted, turn->claim);
    return true;
}

static void ask_model(struct batch *batch, struct item *item, const Pb__TurnOpened *opened, struct answers *answers)
{
    struct turn *turn = item->state;
    struct model_choice choice;
    struct llm_prompt prompt;
    struct llm_reply reply;
    struct error error = { 0 };
    if (question_wants_vector(&turn->question, opened->context)) {
        turn_keep(item, turn, opened, "", "");
        waiting_add(&turn->waiting);
        if (question_call(batch, item, &turn->question, opened->context, turn->claim))
            return;
        waiting_remove(&turn->waiting);
    }
    if (model_next(&turn->asking, opened->context, batch->now, &choice, &error) != OK) {
        item_fail(item, REJECT, error.code, "%s", error.text);
        return;
    }
    llm_offer_of(item->arena, opened->context, &turn->offer);
    llm_prompt_of_turn(batch->arena, opened->context, &turn->offer, choice.model, &prompt);
    if (sight_waits(opened->context, choice.provider, prompt.model, batch->now)) {
        model_unasked(choice.provider);
        item_defer(item, batch->now + SIGHT_LOOK_MS);
        return;
    }
    if (see(batch, item, opened, &choice, prompt.model))
        return;
    sight_add(batch->arena, &turn->sight, opened->context, choice.provider, &prompt);
    turn_keep(item, turn, opened, prompt.model, llm_prompt_json(batch->arena, &prompt));
    if (choice.provider->compose) {
        waiting_add(&turn->waiting);
        model_call(batch, item, &turn->asking, &choice, &prompt, turn->claim);
        return;
    }
    choice.provider->answer(batch->arena, opened->context, &reply);
    answer_take(batch, item, &reply, answers);
}

static bool is_open(const struct call *call)
{
    const Pb__TurnOpened *opened = call->reply;
    return call->status == OK && opened->state == PB__TURN_STATE__TURN_STATE_OPEN;
}

/* That answers are being written: shown if it can be, in one request however many they are. */
static void show_typing(struct batch *batch, const struct call *opened, size_t count)
{
    struct error error = { 0 };
    size_t room = 0, jobs = 0;
    for (size_t i = 0; i < count; i++)
        room += is_open(&opened[i]) ? ((const Pb__TurnOpened *)opened[i].reply)->n_jobs : 0;
    if (room == 0)
        return;
    Pb__JobSpec **list = ARENA_ARRAY(batch->arena, Pb__JobSpec *, room);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; is_open(&opened[i]) && k < ((const Pb__TurnOpened *)opened[i].reply)->n_jobs; k++)
            list[jobs++] = ((const Pb__TurnOpened *)opened[i].reply)->jobs[k];
    if (ask_enqueue(batch->arena, list, jobs, NULL, &error) != OK)
        log_line(LOG_WARN, "typing not shown", "error", error.text, NULL);
}

static void follow_opened(struct batch *batch, struct item *item, const Pb__TurnOpened *opened, struct answers *answers)
{
    switch (opened->state) {
    case PB__TURN_STATE__TURN_STATE_NOTHING:
        outcome_end(item, "nothing", opened->reason);
        item_children(item, opened->jobs, opened->n_jobs); /* of handed_over: what the customer is told */
        break;
    case PB__TURN_STATE__TURN_STATE_SUPERSEDED:
        outcome_superseded(item, opened->superseded_by, opened->delay_ms);
        break;
    case PB__TURN_STATE__TURN_STATE_COMMITTED:
        outcome_committed(item, opened->turn_id, opened->n_message_ids ? opened->message_ids[0] : NULL, NULL);
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
    request->conversation_id = params->conversation_id;
    PB_SET(request, wait_ms_max, (int32_t)model_wait_ms);
    question_add(&turn->question, request);
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
            outcome_store_failed(items->list[i], &calls[i]);
    show_typing(batch, calls, count);
    if (answers.count > 0)
        commit_answers(batch, &answers);
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

static void read_answer(struct arena *arena, const void *offer, struct llm_reply *reply)
{
    llm_offer_read(arena, offer, reply);
}

static void follow_call(struct batch *batch, struct item *item, struct answers *answers, struct items *again,
                        struct spent *spent)
{
    struct turn *turn = item->state;
    const struct model_wanted wanted = { read_answer, &turn->offer, .refusals = true };
    struct llm_reply reply = { 0 };
    const char *lead_id = ((const Pb__EngageParams *)item->params)->lead_id;
    if (question_told(batch, item, &turn->question)) { /* with or without its vector: the turn is opened again */
        turn->opens--;
        question_spend(batch, item, &turn->question, turn->waiting.conversation_id, lead_id, spent);
        again->list[again->count++] = item;
        return;
    }
    if (sight_told(item, &turn->sight)) {
        turn->opens--;
        again->list[again->count++] = item;
        return;
    }
    if (turn->guard.moderating) {
        guard_spend(batch, item, lead_id, spent);
        answer_moderated(batch, item, answers, again);
        return;
    }
    enum model_told told = model_told(batch, item, &turn->asking, &wanted, &reply);
    if (told == MODEL_ANSWERED) {
        answer_take(batch, item, &reply, answers);
        return;
    }
    spent_add(batch, item, &turn->asking, &reply, turn->waiting.conversation_id, lead_id, spent);
    if (told == MODEL_FAILED)
        return;
    if (told == MODEL_AGAIN) /* nothing of the turn's context was kept: it is opened again */
        turn->opens--;       /* not the conversation's restlessness */
    again->list[again->count++] = item;
}

void engage_told(struct batch *batch)
{
    struct answers answers = { .list = ARENA_ARRAY(batch->arena, struct answered, batch->count) };
    struct items again = { .list = ARENA_ARRAY(batch->arena, struct item *, batch->count) };
    struct spent spent = { .calls = ARENA_ARRAY(batch->arena, struct call, batch->count) };
    for (size_t i = 0; i < batch->count; i++) {
        waiting_remove(&((struct turn *)batch->items[i]->state)->waiting);
        follow_call(batch, batch->items[i], &answers, &again, &spent);
    }
    if (answers.count > 0)
        commit_answers(batch, &answers);
    spent_tell(batch, &spent);
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
