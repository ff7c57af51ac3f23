#include "mark.h"

#include "base/ident.h"
#include "base/text.h"
#include "conversation/handover.h"
#include "core/read.h"
#include "wire/pbrow.h"

enum { TYPING_MS = 20 * SECOND_MS }; /* Meta's indicator ends after 25 s */

Pb__JobSpec *mark_job(struct arena *arena, const struct caller *caller, const char *channel, const char *message_id,
                      bool typing, moment now)
{
    if (!text_same(channel, "whatsapp_cloud") || text_empty(message_id))
        return NULL;
    Pb__JobSpec *job = PB_NEW(arena, job_spec);
    job->company_id = (char *)caller->company_id;
    job->task = "channel.mark.whatsapp_cloud";
    job->idempotency_key = typing ? text_format(arena, "typing_%s_%lld", message_id, (long long)(now / TYPING_MS))
                                  : text_format(arena, "read_%s", message_id);
    job->params = pb_json(
        arena, text_format(arena, "{\"message_id\":\"%s\",\"typing\":%s}", message_id, typing ? "true" : "false"));
    if (typing)
        PB_SET(job, attempts_max, 1);
    job->correlation_id = (char *)caller->correlation_id;
    job->traceparent = (char *)caller->traceparent;
    return job;
}

static void tell_listeners(const struct item *item, const char *conversation_id, const char *lead_id, const char *by,
                           moment now)
{
    Pb__TypingNudge *message = PB_NEW(item->arena, typing_nudge);
    message->company_id = (char *)item->caller.company_id;
    message->conversation_id = (char *)conversation_id;
    message->lead_id = (char *)lead_id;
    message->by = (char *)by;
    PB_SET(message, until_at, now + TYPING_MS);
    nudge(item->arena, &NUDGE_TYPING, message);
}

void mark_turn(struct item *item, Pb__TurnOpened *opened, moment now)
{
    const Pb__TurnContext *context = opened->context;
    if (!context || text_empty(context->typing_channel) || context->n_owed == 0)
        return;
    const char *message_id = context->owed[context->n_owed - 1]->id;
    Pb__JobSpec *job = mark_job(item->arena, &item->caller, context->typing_channel, message_id, true, now);
    tell_listeners(item, context->conversation_id, context->lead_id, "ai", now);
    if (!job)
        return;
    opened->jobs = ARENA_ARRAY(item->arena, Pb__JobSpec *, 1);
    opened->jobs[opened->n_jobs++] = job;
}

/* -- store.message.mark */

static const struct statement mark_read = {
    .name = "mark_read",
    .sql =
        "select a.account, a.credentials, m.external_id from crm.messages m join crm.channel_accounts a on a.id = m.channel_account_id "
        "where m.company_id = $1 and m.id = $2 and m.direction = 'inbound'",
};

static enum status describe_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__MarkRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->message_id, "")))
        return error_code(error, REJECT, "unknown_message", "there is no such message");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->message_id);
    *step = (struct db_step){ .statement = &mark_read, .params = params };
    return OK;
}

static enum status describe_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return error_code(error, REJECT, "unknown_message", "there is no such message");
    Pb__Mark *mark = pbrow_read(item->arena, &pb__mark__descriptor, rows, 0);
    item->reply = &mark->base;
    return OK;
}

void mark_describe(struct batch *batch)
{
    read_run(batch, describe_ask, describe_tell);
}

/* -- store.conversation.typing */

static const struct statement typing_read = {
    .name = "typing_read",
    .sql =
        "select c.lead_id, c.channel, c.state = 'open' as open, (select m.id from crm.messages m where m.conversation_id = c.id "
        "    and m.direction = 'inbound' and m.external_id is not null order by m.position desc limit 1) as message_id "
        "from crm.conversations c where c.company_id = $1 and c.id = $2",
};

static enum status typing_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__ConversationTypingRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &typing_read, .params = params };
    return OK;
}

static enum status typing_tell(struct item *item, const struct rows *rows, struct error *error)
{
    moment now = moment_now();
    if (!rows->count)
        return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
    if (!rows_bool(rows, 0, 2))
        return error_code(error, REJECT, "conversation_closed", "the conversation is closed");
    Pb__ConversationTyping *reply = PB_NEW(item->arena, conversation_typing);
    item->reply = &reply->base;
    reply->status = "ok";
    reply->lead_id = (char *)rows_text(rows, 0, 0);
    reply->jobs = ARENA_ARRAY(item->arena, Pb__JobSpec *, 1);
    Pb__JobSpec *job = mark_job(item->arena, &item->caller, rows_text(rows, 0, 1), rows_text(rows, 0, 3), true, now);
    if (job)
        reply->jobs[reply->n_jobs++] = job;
    const Pb__ConversationTypingRequest *request = item->message;
    tell_listeners(item, request->id, reply->lead_id, handover_actor(item->arena, request->operator_), now);
    return OK;
}

void mark_typing(struct batch *batch)
{
    read_run(batch, typing_ask, typing_tell);
}
