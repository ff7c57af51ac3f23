#include "answer.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "outcome.h"
#include "reply.h"

enum { CLAIM_WAIT_MS = 1000 };

/* -- shape */

/* A hand-over may come without a word: the team's own notice tells the customer. */
static enum status check(const char *text, const struct llm_reply *reply, struct error *error)
{
    if (text_empty(text) && !llm_hands_over(reply))
        return error_code(error, RETRY, "empty", "the model's answer has no text");
    if (text_check(text, strlen(text), REPLY_TEXT_BYTES_MAX, "the model's answer", error) != OK)
        return error_code(error, RETRY, "unreadable", "the model's answer is too long or no UTF-8");
    return OK;
}

static void answer_add(struct batch *batch, struct item *item, const struct llm_reply *reply, const char *text,
                       const char *safety, struct answers *answers)
{
    answers->list[answers->count++] =
        (struct answered){ item, turn_commit(batch->arena, item->state, reply, text, safety) };
}

/* No draft may leave: a person takes over, and the team's own notice tells the customer. */
static void hand_over(struct batch *batch, struct item *item, const char *reason, struct answers *answers)
{
    struct llm_reply none = { .end = LLM_ANSWERED };
    llm_hand_over(batch->arena, reason, "high", &none);
    answer_add(batch, item, &none, "", NULL, answers);
}

static void follow_guard(struct batch *batch, struct item *item, enum guard_says says, const struct llm_reply *reply,
                         const char *text, const char *safety, struct answers *answers)
{
    if (says == GUARD_PASSES)
        answer_add(batch, item, reply, text, safety, answers);
    else if (says == GUARD_HANDS_OVER)
        hand_over(batch, item, "unsafe", answers);
}

void answer_take(struct batch *batch, struct item *item, const struct llm_reply *reply, struct answers *answers)
{
    const char *text = reply_shape(batch->arena, reply, WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX), *safety = NULL;
    struct error error = { 0 };
    if (reply->end == LLM_REFUSED) {
        guard_refused(batch, item, reply);
        hand_over(batch, item, "refused", answers);
    } else if (check(text, reply, &error) != OK) {
        item_fail(item, RETRY, error.code, "%s", error.text);
    } else {
        enum guard_says says = guard_examine(batch, item, reply, text, &safety);
        follow_guard(batch, item, says, reply, text, safety, answers);
    }
}

void answer_moderated(struct batch *batch, struct item *item, struct answers *answers, struct items *again)
{
    const struct guard *guard = &((struct turn *)item->state)->guard;
    const char *safety = NULL;
    bool vain = false;
    enum guard_says says = guard_moderated(batch, item, &safety, &vain);
    if (vain)
        again->list[again->count++] = item;
    else
        follow_guard(batch, item, says, &guard->reply, guard->text, safety, answers);
}

/* -- commit */

static void follow_committed(struct item *item, const Pb__TurnCommitted *reply, struct items *again)
{
    struct turn *turn = item->state;
    switch (reply->state) {
    case PB__TURN_STATE__TURN_STATE_COMMITTED:
        outcome_committed(item, turn->turn_id, reply->message_id, &turn->commit);
        item_children(item, reply->jobs, reply->n_jobs);
        break;
    case PB__TURN_STATE__TURN_STATE_SUPERSEDED:
        outcome_superseded(item, reply->superseded_by, reply->delay_ms);
        break;
    default:
        if (text_same(reply->reason, "answered")) /* part of it was, by another turn: is the rest still owed? */
            again->list[again->count++] = item;
        else if (text_same(reply->reason,
                           "stale_claim")) /* another handling of this job has the turn: its result counts */
            item_defer(item, moment_now() + CLAIM_WAIT_MS);
        else
            outcome_end(item, "refused", reply->reason);
    }
}

/* Opened, and forgotten with the database's last moment: opening does not wait for the disk. */
static bool turn_forgotten(const struct call *call)
{
    return call->status == REJECT && text_same(call->error.code, "unknown_turn");
}

void answers_commit(struct batch *batch, const struct answers *answers, struct items *again)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, answers->count);
    for (size_t i = 0; i < answers->count; i++)
        calls[i] = (struct call){ .caller = answers->list[i].item->caller, .request = answers->list[i].commit };
    ask(batch->arena, &STORE_TURN_COMMIT, calls, answers->count);
    for (size_t i = 0; i < answers->count; i++) {
        struct item *item = answers->list[i].item;
        if (calls[i].status == OK)
            follow_committed(item, calls[i].reply, again);
        else if (turn_forgotten(&calls[i]))
            again->list[again->count++] = item;
        else
            outcome_store_failed(item, &calls[i]);
    }
}
