#include "service/client.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

enum { PUBLISH_WAIT_MS = 3000, CALL_EXTRA_BYTES = 256 };

struct bus *service_bus(void)
{
    return process.bus;
}

static void fail_all(struct call *calls, size_t count, enum status status, const struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        calls[i].status = status;
        calls[i].error = *error;
        calls[i].reply = NULL;
    }
}

static Pb__Call *compose_call(struct arena *arena, const struct call *from)
{
    Pb__Call *call = PB_NEW(arena, call);
    call->company_id = arena_text(arena, text_or(from->caller.company_id, NULL));
    call->correlation_id = arena_text(arena, text_or(from->caller.correlation_id, NULL));
    call->traceparent = arena_text(arena, text_or(from->caller.traceparent, NULL));
    call->has_body = 1;
    pb_pack(arena, from->request, &call->body);
    return call;
}

/* How many of them go into one request. */
static size_t compose(struct arena *arena, const struct call *calls, size_t count, moment deadline_at,
                      ProtobufCBinaryData *out)
{
    Pb__CallBatch *batch = PB_NEW(arena, call_batch);
    size_t bytes = 0, some = 0;
    batch->calls = ARENA_ARRAY(arena, Pb__Call *, count < BATCH_ITEMS_MAX ? count : BATCH_ITEMS_MAX);
    while (some < count && some < BATCH_ITEMS_MAX) {
        Pb__Call *call = compose_call(arena, &calls[some]);
        bytes += call->body.len + CALL_EXTRA_BYTES;
        if (some > 0 && bytes > BATCH_BYTES_MAX)
            break;
        batch->calls[some++] = call;
    }
    batch->n_calls = some;
    PB_SET(batch, deadline_at, deadline_at);
    pb_pack(arena, batch, out);
    return some;
}

static void read_answer(struct arena *arena, const struct subject *subject, const Pb__Answer *answer, struct call *call)
{
    call->reply = NULL;
    call->error = (struct error){ 0 };
    if (answer->has_status && answer->status != PB__STATUS__STATUS_OK) {
        enum status status = answer->status == PB__STATUS__STATUS_REJECT ? REJECT : RETRY;
        call->status = error_code(&call->error, status, text_or(answer->code, "unknown"), "%s",
                                  text_or(answer->error, "no reason given"));
        return;
    }
    call->status = pb_unpack(arena, subject->reply, answer->body.data, answer->body.len, &call->reply, &call->error);
}

static void read_answers(struct arena *arena, const struct subject *subject, const struct bus_message *reply,
                         struct call *calls, size_t count)
{
    struct error error = { 0 };
    void *decoded = NULL;
    if (pb_unpack(arena, &pb__answer_batch__descriptor, reply->data, reply->bytes, &decoded, &error) != OK) {
        fail_all(calls, count, RETRY, &error);
        return;
    }
    const Pb__AnswerBatch *batch = decoded;
    bool whole_refused = batch->n_answers == 1 && batch->answers[0]->has_status &&
                         batch->answers[0]->status == PB__STATUS__STATUS_REJECT;
    if (batch->n_answers != count && !whole_refused) {
        error_code(&error, RETRY, "answer_count", "%s: %zu answers to %zu calls", subject->name, batch->n_answers,
                   count);
        fail_all(calls, count, RETRY, &error);
        return;
    }
    for (size_t i = 0; i < count; i++)
        read_answer(arena, subject, batch->answers[batch->n_answers == count ? i : 0], &calls[i]);
}

static size_t ask_some(struct arena *arena, const struct subject *subject, struct call *calls, size_t count,
                       int64_t left_ms)
{
    ProtobufCBinaryData bytes;
    struct bus_message reply;
    struct error error = { 0 };
    size_t some = compose(arena, calls, count, moment_now() + left_ms, &bytes);
    enum status status = bus_request(process.bus, arena, subject->name, bytes.data, bytes.len, left_ms, &reply, &error);
    if (status == OK)
        read_answers(arena, subject, &reply, calls, some);
    else
        fail_all(calls, some, status, &error);
    return some;
}

void ask(struct arena *arena, const struct subject *subject, struct call *calls, size_t count)
{
    int64_t ends_us = moment_monotonic_us() + REQUEST_WAIT_MS * 1000LL;
    for (size_t at = 0; at < count;) {
        int64_t left_ms = (ends_us - moment_monotonic_us()) / 1000;
        if (left_ms <= 0) {
            struct error error = { 0 };
            error_code(&error, RETRY, "no_answer", "%s: no time left to ask", subject->name);
            fail_all(&calls[at], count - at, RETRY, &error);
            return;
        }
        at += ask_some(arena, subject, &calls[at], count - at, left_ms);
    }
}

/* -- asking again */

bool call_away(const struct call *call)
{
    static const char *const codes[] = { "bus_away", "nobody_there", "no_answer", "database_away", NULL };
    for (size_t i = 0; call->status == RETRY && codes[i]; i++)
        if (text_same(call->error.code, codes[i]))
            return true;
    return false;
}

/* Those that did not fit are copied into some, their places into at; returns how many. */
static size_t gather_cut(const struct call *calls, size_t count, struct call *some, size_t *at)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == RETRY && text_same(calls[i].error.code, "reply_full")) {
            some[found] = calls[i];
            at[found++] = i;
        }
    return found;
}

void ask_whole(struct arena *arena, const struct subject *subject, struct call *calls, size_t count)
{
    struct call *some = ARENA_ARRAY(arena, struct call, count + 1);
    size_t *at = ARENA_ARRAY(arena, size_t, count + 1);
    size_t before = count + 1, left;
    ask(arena, subject, calls, count);
    while ((left = gather_cut(calls, count, some, at)) > 0 && left < before) {
        before = left;
        ask(arena, subject, some, left);
        for (size_t i = 0; i < left; i++)
            calls[at[i]] = some[i];
    }
}

enum status ask_one(struct arena *arena, const struct subject *subject, const struct caller *caller,
                    const void *request, void **reply, struct error *error)
{
    struct call call = { .caller = *caller, .request = request };
    ask(arena, subject, &call, 1);
    if (reply)
        *reply = call.reply;
    if (call.status != OK && error)
        *error = call.error;
    return call.status;
}

static enum status worst(const struct call *calls, size_t count, struct error *error)
{
    const struct call *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (calls[i].status != OK && (!found || calls[i].status > found->status))
            found = &calls[i];
    if (found && error)
        *error = found->error;
    return found ? found->status : OK;
}

enum status ask_enqueue(struct arena *arena, Pb__JobSpec *const *jobs, size_t count, Pb__JobEnqueued ***replies,
                        struct error *error)
{
    struct call *calls = ARENA_ARRAY(arena, struct call, count);
    for (size_t i = 0; i < count; i++) {
        calls[i].request = jobs[i];
        calls[i].caller = (struct caller){ text_or(jobs[i]->company_id, ""), text_or(jobs[i]->correlation_id, ""),
                                           text_or(jobs[i]->traceparent, "") };
    }
    ask(arena, &JOBS_ENQUEUE, calls, count);
    if (replies) {
        *replies = ARENA_ARRAY(arena, Pb__JobEnqueued *, count);
        for (size_t i = 0; i < count; i++)
            (*replies)[i] = calls[i].reply;
    }
    return worst(calls, count, error);
}

void nudge(struct arena *arena, const struct subject *subject, const void *message)
{
    ProtobufCBinaryData bytes;
    pb_pack(arena, message, &bytes);
    bus_send(process.bus, subject->name, bytes.data, bytes.len, NULL);
}

enum status publish_one(struct arena *arena, const char *subject, const char *id, const struct caller *caller,
                        const void *message, bool *duplicate, struct error *error)
{
    const struct bus_header headers[] = { { "Parley-Company", text_or(caller->company_id, NULL) },
                                          { "Parley-Correlation", text_or(caller->correlation_id, NULL) },
                                          { "traceparent", text_or(caller->traceparent, NULL) } };
    ProtobufCBinaryData bytes;
    pb_pack(arena, message, &bytes);
    struct bus_publish publish = {
        .subject = subject, .data = bytes.data, .bytes = bytes.len, .id = id, .headers = headers, .header_count = 3
    };
    bus_publish_all(process.bus, &publish, 1, PUBLISH_WAIT_MS);
    if (duplicate)
        *duplicate = publish.duplicate;
    if (publish.status != OK && error)
        *error = publish.error;
    if (publish.status == RETRY && process.started)
        keeper_look();
    return publish.status;
}
