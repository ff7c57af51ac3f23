/* Routes that answer requests: every call of every message gets its answer, in order, and nobody waits for another's
 * mistake. */
#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"

/* One request message and its calls' slots. */
struct question {
    const struct bus_message *message;
    struct slot **slots;
    size_t count;
};

static void read_call(struct worker *worker, const Pb__Call *call, struct slot *slot)
{
    struct item *item = &slot->item;
    void *message = NULL;
    slot->worker = worker;
    item->slot = slot;
    item->arena = worker->arena;
    item->caller = (struct caller){ text_or(call->company_id, ""), text_or(call->correlation_id, ""),
                                    text_or(call->traceparent, "") };
    item->status =
        pb_unpack(worker->arena, worker->subject->request, call->body.data, call->body.len, &message, &item->error);
    item->message = message;
}

static void answer_malformed(struct worker *worker, const struct bus_message *message, const struct error *why)
{
    Pb__Answer *answer = PB_NEW(worker->arena, answer);
    Pb__AnswerBatch *batch = PB_NEW(worker->arena, answer_batch);
    ProtobufCBinaryData bytes;
    PB_SET(answer, status, PB__STATUS__STATUS_REJECT);
    answer->code = arena_text(worker->arena, text_or(why->code, "malformed_batch"));
    answer->error = arena_text(worker->arena, why->text);
    batch->answers = &answer;
    batch->n_answers = 1;
    pb_pack(worker->arena, batch, &bytes);
    metric_add(&measure_rejects, worker->subject->name, 1);
    if (message->reply)
        bus_send(process.bus, message->reply, bytes.data, bytes.len, NULL);
}

/* False: nothing to handle. What is past its deadline has no listener any more. */
static bool read_question(struct worker *worker, const struct bus_message *message, struct question *out)
{
    struct error error = { 0 };
    void *decoded = NULL;
    if (pb_unpack(worker->arena, &pb__call_batch__descriptor, message->data, message->bytes, &decoded, &error) != OK) {
        answer_malformed(worker, message, &error);
        return false;
    }
    const Pb__CallBatch *batch = decoded;
    if (batch->has_deadline_at && batch->deadline_at < moment_now()) {
        metric_add(&measure_dropped, worker->subject->name, 1);
        return false;
    }
    *out = (struct question){ .message = message, .count = batch->n_calls };
    out->slots = ARENA_ARRAY(worker->arena, struct slot *, batch->n_calls);
    for (size_t i = 0; i < batch->n_calls; i++) {
        out->slots[i] = ARENA_NEW(worker->arena, struct slot);
        read_call(worker, batch->calls[i], out->slots[i]);
    }
    return true;
}

static void handle(struct worker *worker, struct slot **slots, size_t count)
{
    worker_handle(worker, worker->route->handle, slots, count);
}

/* Calls of all messages together, in their order, at most batch_max at a time. */
static void handle_all(struct worker *worker, const struct question *questions, size_t count)
{
    struct slot *batch[BATCH_ITEMS_MAX];
    size_t in_batch = 0;
    for (size_t q = 0; q < count; q++)
        for (size_t i = 0; i < questions[q].count; i++) {
            if (questions[q].slots[i]->item.status != OK)
                continue;
            batch[in_batch++] = questions[q].slots[i];
            if (in_batch == worker->batch_max) {
                handle(worker, batch, in_batch);
                in_batch = 0;
            }
        }
    if (in_batch > 0)
        handle(worker, batch, in_batch);
}

static Pb__Answer *answer_of(struct worker *worker, struct item *item, size_t *reply_bytes)
{
    Pb__Answer *answer = PB_NEW(worker->arena, answer);
    if (item->status == OK && item->reply)
        pb_pack(worker->arena, item->reply, &answer->body);
    bool first = *reply_bytes == 0;
    if (item->status == OK && !first && *reply_bytes + answer->body.len > REPLY_BYTES_MAX)
        item_fail(item, RETRY, "reply_full", "the answers before it fill the reply; ask for it again");
    if (item->status == OK && answer->body.len > BUS_PAYLOAD_BYTES_MAX - REPLY_BYTES_MAX)
        item_fail(item, REJECT, "reply_too_large", "the answer is larger than the bus takes");
    PB_SET(answer, status, (Pb__Status)item->status);
    answer->has_body = item->status == OK;
    if (item->status == OK) {
        *reply_bytes += answer->body.len + 1;
        return answer;
    }
    answer->body = (ProtobufCBinaryData){ 0 };
    answer->code = (char *)(uintptr_t)text_or(item->error.code, status_name(item->status));
    answer->error = item->error.text;
    return answer;
}

static void count_answers(struct worker *worker, const struct question *question)
{
    int64_t counts[3] = { 0 };
    for (size_t i = 0; i < question->count; i++)
        counts[question->slots[i]->item.status]++;
    atomic_fetch_add(&worker->failed_count, (uint64_t)(counts[RETRY] + counts[REJECT]));
    metric_add(&measure_items, worker->subject->name, counts[OK]);
    metric_add(&measure_retries, worker->subject->name, counts[RETRY]);
    metric_add(&measure_rejects, worker->subject->name, counts[REJECT]);
}

static void answer(struct worker *worker, const struct question *question)
{
    Pb__AnswerBatch *batch = PB_NEW(worker->arena, answer_batch);
    ProtobufCBinaryData bytes;
    size_t reply_bytes = 0;
    batch->answers = ARENA_ARRAY(worker->arena, Pb__Answer *, question->count);
    batch->n_answers = question->count;
    for (size_t i = 0; i < question->count; i++)
        batch->answers[i] = answer_of(worker, &question->slots[i]->item, &reply_bytes);
    pb_pack(worker->arena, batch, &bytes);
    count_answers(worker, question);
    if (question->message->reply)
        bus_send(process.bus, question->message->reply, bytes.data, bytes.len, NULL);
}

void calls_take(struct worker *worker, const struct bus_message *messages, size_t count)
{
    arena_reset(worker->arena);
    struct question *questions = ARENA_ARRAY(worker->taken, struct question, count);
    size_t good = 0;
    for (size_t i = 0; i < count; i++)
        good += read_question(worker, &messages[i], &questions[good]);
    handle_all(worker, questions, good);
    for (size_t i = 0; i < good; i++)
        answer(worker, &questions[i]);
}
