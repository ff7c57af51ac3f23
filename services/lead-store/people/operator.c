#include "operator.h"

#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "core/column.h"
#include "core/write.h"
#include "gate/outbound.h"
#include "handover.h"
#include "inbox/canned.h"
#include "inbox/missed.h"
#include "template/template_use.h"
#include "turn/reply_route.h"
#include "wire/pbjson.h"

enum { PRIORITY_OPERATOR = 100, MEDIA_LINK_BYTES_MAX = 2048, CAPTION_BYTES_MAX = 4096, FILENAME_BYTES_MAX = 255 };

struct post {
    struct item *item;
    const Pb__OperatorMessageRequest *request;
    const char *id, *media; /* media: its JSON; NULL: none */
    const char *text;       /* written, or the canned reply's; NULL: none */
    const char *quoted;     /* provider's id of what is quoted */
    bool known, same;       /* a row of this id exists; with this very content */
    const char *known_conversation_id, *known_lead_id, *known_quoted;
    struct outbound outbound;
    struct held_conversation *conversation;
    bool unknown_file;             /* it names a file of ours that is none */
    struct template_use *template; /* of the same place in the list */
    bool written;
};

struct posting {
    struct batch *batch;
    struct handover handover;
    struct post *list;
    struct template_use *templates;
    size_t count;
};

static struct target target_of(struct item *item)
{
    const Pb__OperatorMessageRequest *request = item->message;
    return (struct target){
        .item = item, .phone = request->phone, .lead_id = request->lead_id, .conversation_id = request->conversation_id
    };
}

static bool longer(const char *text, size_t bytes_max)
{
    return text && strlen(text) > bytes_max;
}

static enum status media_check(const Pb__Media *media, struct error *error)
{
    static const char *const types[] = { "image", "audio", "video", "document", "sticker" };
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= text_same(media->type, types[i]);
    if (!known)
        return error_code(error, REJECT, "bad_value", "media.type must be image, audio, video, document or sticker");
    if (text_empty(media->link) == text_empty(media->id))
        return error_code(error, REJECT, "bad_value", "media needs link or id, not both");
    if (!text_empty(media->link) && !text_starts(media->link, "https://") && !text_starts(media->link, "http://"))
        return error_code(error, REJECT, "bad_value", "media.link must be a URL");
    if (longer(media->link, MEDIA_LINK_BYTES_MAX) || longer(media->caption, CAPTION_BYTES_MAX) ||
        longer(media->filename, FILENAME_BYTES_MAX) || longer(media->id, KEY_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "a member of media is too long");
    return OK;
}

static enum status post_check(struct arena *arena, struct item *item, struct error *error)
{
    const Pb__OperatorMessageRequest *request = item->message;
    struct target target = target_of(item);
    TRY(target_check(arena, &target, error));
    if (request->canned_reply_id && (!text_empty(request->message) || !ident_valid(request->canned_reply_id)))
        return error_code(error, REJECT, "bad_value", "'canned_reply_id' is an id, and stands for the message");
    if (request->after_message_id && !ident_valid(request->after_message_id))
        return error_code(error, REJECT, "unknown_message", "the message that was seen is none of ours");
    if (text_empty(request->message) && !request->media && !request->canned_reply_id && !request->template_)
        return error_code(error, REJECT, "bad_value", "message must not be empty");
    if (request->template_ && (!text_empty(request->message) || request->media))
        return error_code(error, REJECT, "bad_value", "a template's message has neither text nor media of its own");
    if (request->template_)
        TRY(template_use_check(request->template_, error));
    if (longer(request->message, MESSAGE_TEXT_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "message has more than %d bytes", MESSAGE_TEXT_BYTES_MAX);
    if (longer(request->operator_, NAME_BYTES_MAX) || longer(request->messageid, KEY_BYTES_MAX) ||
        longer(request->idempotency_key, KEY_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "operator, messageId or the key is too long");
    return request->media ? media_check(request->media, error) : OK;
}

/* -- what is known */

static const struct statement operator_known = {
    .name = "operator_known",
    .sql =
        "select v.n, m.conversation_id, m.lead_id, m.reply_to, m.message_text is not distinct from v.text "
        "    and m.media_info is not distinct from v.media::jsonb and m.sender_id is not distinct from v.sender as same "
        "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) with ordinality "
        "    as v(id, company_id, text, media, sender, n) "
        "join crm.messages m on m.id = v.id and m.company_id = v.company_id",
};
/* Our id or the provider's, among the messages of the person who is meant. */
static const struct statement operator_quoted = {
    .name = "operator_quoted",
    .sql =
        "select v.n, coalesce(m.external_id, '') from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) with ordinality "
        "    as v(external_id, id, lead_id, company_id, n) "
        "join crm.messages m on m.lead_id = v.lead_id and m.company_id = v.company_id and (m.id = v.id or m.external_id = v.external_id)",
};

static const char *given(const char *text)
{
    return text_empty(text) ? NULL : text;
}

static enum status known_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    const struct post *list = posting->list;
    COLUMN_TEXTS(params, posting->count, i, list[i].id);
    COLUMN_TEXTS(params, posting->count, i, list[i].item->caller.company_id);
    COLUMN_TEXTS(params, posting->count, i, list[i].text);
    COLUMN_TEXTS(params, posting->count, i, list[i].media);
    COLUMN_TEXTS(params, posting->count, i, given(list[i].request->operator_));
    struct rows rows;
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_known, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        struct post *post = &posting->list[rows_int(&rows, row, 0) - 1];
        post->known = true;
        post->known_conversation_id = rows_text(&rows, row, 1);
        post->known_lead_id = rows_text(&rows, row, 2);
        post->known_quoted = rows_text(&rows, row, 3);
        post->same = rows_bool(&rows, row, 4);
    }
    return OK;
}

/* A file of our own is named by our id; Meta's ids are no UUIDs. */
static const struct statement operator_media = {
    .name = "operator_media",
    .sql = "select v.n from unnest($1::uuid[], $2::uuid[]) with ordinality as v(id, company_id, n) "
           "cross join lateral (select id from crm.media where id = v.id and company_id = v.company_id limit 1) f",
};

static const char *own_file(const struct post *post)
{
    const Pb__Media *media = post->request->media;
    return media && ident_valid(text_or(media->id, "")) ? media->id : NULL;
}

static enum status files_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    struct rows rows;
    size_t own = 0;
    for (size_t i = 0; i < posting->count; i++)
        own += posting->list[i].unknown_file = own_file(&posting->list[i]) != NULL;
    if (own == 0)
        return OK;
    COLUMN_TEXTS(params, posting->count, i, own_file(&posting->list[i]));
    COLUMN_TEXTS(params, posting->count, i, posting->list[i].item->caller.company_id);
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_media, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        posting->list[rows_int(&rows, row, 0) - 1].unknown_file = false;
    return OK;
}

static const char *first_lead(const struct posting *posting, size_t index)
{
    const struct ids *leads = &posting->handover.targets[index].leads;
    return leads->count ? leads->list[0] : NULL;
}

static enum status quoted_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    const struct post *list = posting->list;
    COLUMN_TEXTS(params, posting->count, i, given(list[i].request->messageid));
    COLUMN_TEXTS(params, posting->count, i,
                 ident_valid(text_or(list[i].request->messageid, "")) ? list[i].request->messageid : NULL);
    COLUMN_TEXTS(params, posting->count, i, first_lead(posting, i));
    COLUMN_TEXTS(params, posting->count, i, list[i].item->caller.company_id);
    struct rows rows;
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_quoted, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        posting->list[rows_int(&rows, row, 0) - 1].quoted = rows_text(&rows, row, 1);
    return OK;
}

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
        .sender_id = given(post->request->operator_),
        .cause = "operator",
        .text = post->text,
        .media_info = post->media,
        .media_type = post->request->media ? post->request->media->type : NULL,
        .reply_to = given(post->quoted),
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
    if (!post->same || !text_same(given(post->quoted), post->known_quoted) ||
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
                text_same(given(post->quoted), twin->outbound.reply_to) &&
                text_same(given(post->request->operator_), twin->outbound.sender_id) &&
                ids_has(&posting->handover.targets[post - posting->list].leads, twin->conversation->lead_id);
    if (same)
        post_answer(posting, post, &twin->outbound);
    else
        mismatch(post->item);
}

static enum status post_quote_check(const struct post *post, struct error *error)
{
    if (text_empty(post->request->messageid))
        return OK;
    if (!post->quoted)
        return error_code(error, REJECT, "unknown_message", "the message to quote is not one of this person's");
    if (!*post->quoted)
        return error_code(error, REJECT, "bad_value", "the message to quote has no id of the provider's");
    return OK;
}

/* What the vendor would refuse is refused here, while somebody is there to shorten it. */
static enum status post_length_check(const struct post *post, struct error *error)
{
    if (!text_same(post->conversation->channel, "whatsapp_cloud") || !post->text)
        return OK;
    size_t max = post->request->media ? WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX : WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX;
    if (text_characters(post->text) > max)
        return error_code(error, REJECT, "too_long", "message has more than the %zu characters that WhatsApp takes",
                          max);
    return OK;
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

/* Held by the gate it would wait for nobody: whoever writes is told at once what does get through. */
static enum status post_window_check(const struct posting *posting, const struct post *post, struct error *error)
{
    const struct held_conversation *conversation = post->conversation;
    if (post->template->asked || !text_same(conversation->channel, "whatsapp_cloud") ||
        posting->batch->now < conversation->window_ends_at - SERVICE_WINDOW_MARGIN_MS)
        return OK;
    return error_code(
        error, REJECT, "window_closed",
        "the customer's 24 hours are over: only an approved template can be sent (template: {name, language, parameters})");
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
    if (!target->leads.count)
        target_unknown(target, &refused);
    else if (!post->conversation)
        error_code(&refused, REJECT, "unknown_conversation", "this person has no open conversation");
    else if (post->unknown_file)
        error_code(&refused, REJECT, "unknown_file", "there is no such file");
    else if (*post->template->refused.code)
        refused = post->template->refused;
    else if (!post->text && !post->media)
        error_code(&refused, REJECT, "unknown_canned_reply", "there is no such canned reply");
    else if (post_quote_check(post, &refused) == OK && post_length_check(post, &refused) == OK)
        post_window_check(posting, post, &refused);
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
    const char *key = given(post->request->idempotency_key);
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
                               .text = given(request->message) };
        post->template = &posting->templates[i];
        *post->template =
            (struct template_use){ .asked = request->template_, .company_id = items[i]->caller.company_id };
        post_name(arena, post);
        posting->handover.targets[i] = target_of(items[i]);
        TRY(target_check(arena, &posting->handover.targets[i], error));
    }
    TRY(handover_hold(&posting->handover, error));
    TRY(files_read(posting, error));
    TRY(template_uses_read(posting->batch, posting->templates, posting->count, error));
    for (size_t i = 0; i < posting->count; i++) {
        struct post *post = &posting->list[i];
        if (post->template->asked)
            post->text = post->template->text;
        if (post->request->canned_reply_id)
            TRY(canned_text(posting->batch, &post->item->caller, post->request->canned_reply_id, first_lead(posting, i),
                            post->request->operator_, &post->text, error));
    }
    TRY(known_read(posting, error));
    return quoted_read(posting, error);
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
