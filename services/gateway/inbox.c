#include "inbox.h"

#include "base/log.h"
#include "handover.h"
#include "service/client.h"

enum status inbox_patch_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__ConversationPatchRequest *patch = (Pb__ConversationPatchRequest *)request;
    (void)error;
    handover_name_operator(exchange, &patch->operator_);
    return OK;
}

enum status inbox_typing_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__ConversationTypingRequest *typing = (Pb__ConversationTypingRequest *)request;
    (void)error;
    handover_name_operator(exchange, &typing->operator_);
    return OK;
}

enum status inbox_note_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__NoteCreateRequest *note = (Pb__NoteCreateRequest *)request;
    (void)error;
    handover_name_operator(exchange, &note->operator_);
    return OK;
}

/* A mark that nobody told the provider is no reason to fail: the next one says it too. */
static void tell_provider(struct exchange *exchange, Pb__JobSpec *const *jobs, size_t count)
{
    struct error error = { 0 };
    if (count > 0 && ask_enqueue(exchange->arena, jobs, count, NULL, &error) != OK)
        log_line(LOG_WARN, "mark not told", "correlation", exchange->caller.correlation_id, "error", error.text, NULL);
}

enum status inbox_seen_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                              struct error *error)
{
    const Pb__ConversationSeen *seen = (const Pb__ConversationSeen *)reply;
    (void)request, (void)error;
    tell_provider(exchange, seen->jobs, seen->n_jobs);
    return OK;
}

enum status inbox_typing_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                                struct error *error)
{
    const Pb__ConversationTyping *typing = (const Pb__ConversationTyping *)reply;
    (void)request, (void)error;
    tell_provider(exchange, typing->jobs, typing->n_jobs);
    return OK;
}
