/* store.bumpup.open: may this person be nudged, and what the model must know. */
#include "base/ident.h"
#include "base/text.h"
#include "bumpup.h"
#include "bumpup_facts.h"
#include "core/transaction.h"
#include "turn/context.h"

struct bumpup_opening {
    struct bumpup_batch work;
    struct context_reading contexts;
};

static void drop(Pb__BumpupOpened *reply, const char *reason)
{
    PB_SET(reply, state, PB__BUMPUP_STATE__BUMPUP_STATE_DROPPED);
    reply->reason = (char *)reason;
}

/* What the AI said last stands last in the history; then its earlier bump-ups. */
static void tell_unlike(struct arena *arena, const struct bumpup *bumpup, Pb__BumpupOpened *reply)
{
    const Pb__TurnContext *context = reply->context;
    reply->unlike = ARENA_ARRAY(arena, char *, bumpup->earlier_count + 1);
    for (size_t i = context->n_history; i-- > 0;)
        if (text_same(context->history[i]->sender, "ai")) {
            reply->unlike[reply->n_unlike++] = context->history[i]->text;
            break;
        }
    for (size_t i = 0; i < bumpup->earlier_count; i++)
        reply->unlike[reply->n_unlike++] = (char *)bumpup->earlier[i];
}

static enum status tell_open(struct bumpup_opening *opening, const struct bumpup *bumpup, Pb__BumpupOpened *reply,
                             struct error *error)
{
    struct batch *batch = opening->work.batch;
    struct context_task task = { .conversation = bumpup->conversation };
    context_read(batch->arena, &opening->contexts, &task, 1);
    if (task.context->fallbacks)
        TRY(context_add_models(batch, &task.context, 1, error));
    PB_SET(reply, state, PB__BUMPUP_STATE__BUMPUP_STATE_OPEN);
    PB_SET(reply, position, bumpup->conversation->last_position);
    PB_SET(reply, epoch, bumpup->conversation->epoch);
    reply->conversation_id = (char *)bumpup->conversation->id;
    reply->opening = (char *)bumpup_opening(bumpup);
    reply->context = task.context;
    tell_unlike(batch->arena, bumpup, reply);
    return OK;
}

static enum status bumpup_tell(struct bumpup_opening *opening, const struct bumpup *bumpup, struct error *error)
{
    struct arena *arena = opening->work.batch->arena;
    if (!bumpup->conversation) {
        item_fail(bumpup->item, REJECT, "unknown_conversation", "there is no such conversation");
        return OK;
    }
    Pb__BumpupOpened *reply = PB_NEW(arena, bumpup_opened);
    bumpup->item->reply = &reply->base;
    if (bumpup->message_id) {
        PB_SET(reply, state, PB__BUMPUP_STATE__BUMPUP_STATE_COMMITTED);
        reply->message_id = (char *)bumpup->message_id;
        reply->jobs = ARENA_ARRAY(arena, Pb__JobSpec *, 1);
        reply->jobs[reply->n_jobs++] = bumpup_job(arena, bumpup);
        return OK;
    }
    const char *budget = context_terms_of(&opening->contexts, bumpup->conversation->id)->budget;
    const char *refusal = text_or(bumpup_refusal(&bumpup->facts), budget);
    if (text_empty(refusal))
        return tell_open(opening, bumpup, reply, error);
    drop(reply, refusal);
    return OK;
}

static enum status bumpup_open_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct bumpup_opening opening = { .work = { .batch = batch, .count = count } };
    opening.work.list = ARENA_ARRAY(batch->arena, struct bumpup, count);
    for (size_t i = 0; i < count; i++) {
        const Pb__BumpupOpenRequest *request = items[i]->message;
        opening.work.list[i] = (struct bumpup){ .item = items[i],
                                                .job_id = request->job_id,
                                                .lead_id = request->lead_id,
                                                .conversation_id = request->conversation_id,
                                                .position = request->position,
                                                .epoch = -1 };
    }
    TRY(bumpups_hold(&opening.work, error));
    context_queue(batch, &opening.work.conversations, &opening.contexts);
    TRY(hold_read(&opening.work.held, error));
    TRY(context_take(batch, &opening.work.conversations, &opening.contexts, error));
    TRY(bumpups_read(&opening.work, error));
    for (size_t i = 0; i < count; i++)
        TRY(bumpup_tell(&opening, &opening.work.list[i], error));
    return OK;
}

void bumpup_open(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__BumpupOpenRequest *request = item->message;
        if (!ident_valid(item->caller.company_id) || !ident_valid(text_or(request->conversation_id, "")))
            item_fail(item, REJECT, "unknown_conversation", "there is no such conversation");
        else if (!ident_valid(text_or(request->job_id, "")))
            item_fail(item, REJECT, "bad_value", "job_id must be a UUID");
    }
    transaction_run(batch, bumpup_open_work);
}
