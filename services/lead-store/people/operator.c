#include "operator.h"

#include "base/ident.h"
#include "base/text.h"
#include "conversation/reply_route.h"
#include "conversation/silence.h"
#include "core/write.h"
#include "inbox/missed.h"
#include "operator_post.h"
#include "wire/pbjson.h"

enum { PRIORITY_OPERATOR = 100 };

/* -- one message */

/* The channel they prefer if it has an address, else the one they wrote on last. */
static struct held_conversation *post_route(const struct posting *posting, const struct target *target)
{
    struct held_conversation *best = NULL;
    for (size_t i = 0; i < target->conversations.count; i++) {
        struct held_conversation *conversation =
            held_conversation(&posting->handover.held, target->conversations.list[i]);
        const struct reach *reach = conversation->reach;
        if (text_same(reach->preferred_channel, conversation->channel) && reach_has_account(reach) &&
            !text_empty(reach->address))
            return conversation;
        if (!best || conversation->window_ends_at > best->window_ends_at)
            best = conversation;
    }
    return best;
}

static void post_answer(const struct posting *posting, struct post *post, const struct outbound *outbound)
{
    struct arena *arena = posting->batch->arena;
    Pb__OperatorMessageReply *reply = PB_NEW(arena, operator_message_reply);
    post->item->reply = &reply->base;
    reply->status = "success";
    reply->message = "Message queued for processing";
    reply->message_id = (char *)post->id;
    reply->jobs = ARENA_ARRAY(arena, Pb__JobSpec *, 1);
    if (outbound)
        reply->jobs[reply->n_jobs++] = outbound_job(arena, outbound);
}

static struct outbound outbound_of(struct post *post, struct held_conversation *conversation)
{
    return (struct outbound){
        .id = post->id,
        .conversation = conversation,
        .caller = &post->item->caller,
        .sender_type = "operator",
        .sender_id = text_or(post->request->operator_, NULL),
        .cause = "operator",
        .text = post->text,
        .media_info = post->media,
        .media_type = post->request->media ? post->request->media->type : NULL,
        .reply_to = text_or(post->quoted, NULL),
        .priority = PRIORITY_OPERATOR,
    };
}

static void mismatch(struct item *item)
{
    item_fail(item, REJECT, "idempotency_mismatch", "the same Idempotency-Key came with another body before");
}

/* The same key again: the same message and job, if it is the same message. */
static void post_repeat(struct posting *posting, struct post *post)
{
    struct held_conversation *conversation = held_conversation(&posting->handover.held, post->known_conversation_id);
    const struct target *target = &posting->handover.targets[post - posting->list];
    if (!post->same || !text_same(text_or(post->quoted, NULL), post->known_quoted) ||
        !ids_has(&target->leads, post->known_lead_id)) {
        mismatch(post->item);
        return;
    }
    struct outbound outbound = outbound_of(post, conversation);
    post_answer(posting, post, conversation ? &outbound : NULL);
}

/* The same key twice in one batch. */
static const struct post *post_twin(const struct posting *posting, const struct post *post)
{
    for (const struct post *earlier = posting->list; earlier < post; earlier++)
        if (earlier->written && text_same(earlier->id, post->id))
            return earlier;
    return NULL;
}

static void post_twin_answer(struct posting *posting, struct post *post, const struct post *twin)
{
    bool same = text_same(post->text, twin->outbound.text) && text_same(post->media, twin->media) &&
                text_same(text_or(post->quoted, NULL), twin->outbound.reply_to) &&
                text_same(text_or(post->request->operator_, NULL), twin->outbound.sender_id) &&
                ids_has(&posting->handover.targets[post - posting->list].leads, twin->conversation->lead_id);
    if (same)
        post_answer(posting, post, &twin->outbound);
    else
        mismatch(post->item);
}

/* Written before he could see what is newer: he is told, and nothing is stored. */
static enum status post_missed(struct posting *posting, struct post *post, bool *outdated, struct error *error)
{
    const Pb__OperatorMessageRequest *request = post->request;
    struct missed missed = { 0 };
    *outdated = false;
    if (!request->after_message_id && !request->has_after_position)
        return OK;
    TRY(missed_read(posting->batch, post->conversation, request->after_message_id, request->after_position, &missed,
                    error));
    *outdated = missed.count > 0 || !missed.known;
    if (!missed.known)
        item_fail(post->item, REJECT, "unknown_message", "the message that was seen is none of this conversation");
    if (missed.count == 0)
        return OK;
    Pb__OperatorMessageReply *reply = PB_NEW(posting->batch->arena, operator_message_reply);
    reply->missed = missed.messages;
    reply->n_missed = missed.count;
    post->item->reply = &reply->base;
    return OK;
}

/* Who answers has read what stands above his answer. */
static const struct statement operator_seen = {
    .name = "operator_seen",
    .sql = "update crm.conversations set read_position = greatest(read_position, $2) where id = $1",
};

static void post_seen(const struct posting *posting, const struct post *post)
{
    struct params *params = params_new(posting->batch->arena);
    params_text(params, post->conversation->id);
    params_int(params, post->outbound.position);
    db_queue(posting->batch->db, posting->batch->arena, &operator_seen, params, NULL);
}

/* A person answered: nothing up to here is owed any more. */
static enum status post_write(struct posting *posting, struct post *post, struct error *error)
{
    struct handover *handover = &posting->handover;
    const struct target *target = &handover->targets[post - posting->list];
    struct error refused = { 0 };
    post->conversation = post_route(posting, target);
    post_judge(posting, post, &refused);
    if (*refused.code) {
        write_refuse(post->item, &refused);
        return OK;
    }
    bool outdated = false;
    TRY(post_missed(posting, post, &outdated, error));
    if (outdated)
        return OK;
    handover_take(handover, post->conversation, post->request->operator_, &post->item->caller);
    post->outbound = outbound_of(post, post->conversation);
    outbound_write(&handover->held, &post->outbound, 1, &handover->events);
    if (post->template->asked)
        template_use_write(posting->batch, post->id, post->template);
    post->conversation->covered_position = post->outbound.position;
    silence_arm(post->conversation, posting->batch->now);
    post->written = true;
    post_seen(posting, post);
    post_answer(posting, post, &post->outbound);
    return OK;
}

/* -- the batch */

static const char *media_json(struct arena *arena, const Pb__Media *media)
{
    struct buffer json = { .arena = arena };
    if (!media)
        return NULL;
    pbjson_write(&json, &media->base);
    return buffer_text(&json);
}

/* With a key the same for ever, so that a repeat finds the first. */
static void post_name(struct arena *arena, struct post *post)
{
    const char *key = text_or(post->request->idempotency_key, NULL);
    if (key)
        post->id = ident_named(arena, "operator_message", post->item->caller.company_id, key, NULL);
    else
        post->id = ident_fresh(arena);
}

static enum status posting_open(struct posting *posting, struct item **items, struct error *error)
{
    struct arena *arena = posting->batch->arena;
    posting->list = ARENA_ARRAY(arena, struct post, posting->count);
    posting->templates = ARENA_ARRAY(arena, struct template_use, posting->count);
    posting->handover = (struct handover){ .batch = posting->batch, .count = posting->count };
    posting->handover.targets = ARENA_ARRAY(arena, struct target, posting->count);
    for (size_t i = 0; i < posting->count; i++) {
        struct post *post = &posting->list[i];
        const Pb__OperatorMessageRequest *request = items[i]->message;
        *post = (struct post){ .item = items[i],
                               .request = request,
                               .media = media_json(arena, request->media),
                               .text = text_or(request->message, NULL) };
        post->template = &posting->templates[i];
        *post->template =
            (struct template_use){ .asked = request->template_, .company_id = items[i]->caller.company_id };
        post_name(arena, post);
        posting->handover.targets[i] = post_target(items[i]);
        TRY(target_check(arena, &posting->handover.targets[i], error));
    }
    TRY(handover_hold(&posting->handover, error));
    return posting_know(posting, error);
}

static enum status operator_post_work(struct batch *batch, struct item **items, size_t count, struct error *error)
{
    struct posting *posting = ARENA_NEW(batch->arena, struct posting);
    *posting = (struct posting){ .batch = batch, .count = count };
    TRY(posting_open(posting, items, error));
    for (size_t i = 0; i < count; i++) {
        struct post *post = &posting->list[i];
        const struct post *twin = post_twin(posting, post);
        items[i]->state = &posting->handover;
        if (twin)
            post_twin_answer(posting, post, twin);
        else if (post->known)
            post_repeat(posting, post);
        else
            TRY(post_write(posting, post, error));
    }
    handover_write(&posting->handover);
    return OK;
}

void operator_post(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        if (post_check(batch->arena, batch->items[i], &error) != OK)
            item_fail(batch->items[i], REJECT, error.code, "%s", error.text);
    }
    transaction_run(batch, operator_post_work);
    const struct handover *told = NULL;
    for (size_t i = 0; i < batch->count; i++) {
        const struct handover *handover = batch->items[i]->state;
        if (batch->items[i]->status == OK && handover && handover != told)
            handover_nudge(told = handover);
    }
}
