/* Routes whose items are dispatches of jobs: the result of each goes to jobs.finish, and only then is the message
 * acknowledged. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "service/process.h"
#include "wire/pbjson.h"

static void release(struct slot *slot)
{
    held_remove(slot);
    arena_free(slot->own);
}

static const char *number(struct arena *arena, int64_t value)
{
    return text_format(arena, "%lld", (long long)value);
}

static const char *outcome_word(const struct slot *slot)
{
    switch (slot->item.finish->outcome) {
    case PB__JOB_OUTCOME__JOB_OUTCOME_RETRY:
        return "job will be retried";
    case PB__JOB_OUTCOME__JOB_OUTCOME_DEAD:
        return "job is dead";
    case PB__JOB_OUTCOME__JOB_OUTCOME_DEFER:
        return "job deferred";
    case PB__JOB_OUTCOME__JOB_OUTCOME_COALESCE:
        return "job coalesced";
    default:
        return "job done";
    }
}

static void tell(struct worker *worker, const struct slot *slot, bool stale)
{
    static const enum log_level levels[] = { [OK] = LOG_INFO, [RETRY] = LOG_WARN, [REJECT] = LOG_ERROR };
    const Pb__JobDispatch *dispatch = slot->item.message;
    struct arena *arena = worker->scratch;
    bool failed = slot->item.status != OK;
    metric_add(failed ? slot->item.status == RETRY ? &measure_retries : &measure_rejects : &measure_items,
               worker->subject->name, 1);
    if (!log_enabled(levels[slot->item.status]))
        return;
    log_line(levels[slot->item.status], outcome_word(slot), "task", dispatch->task, "job", dispatch->job_id, "company",
             dispatch->company_id, "correlation", dispatch->correlation_id, "attempt", number(arena, dispatch->attempt),
             "ms", number(arena, (moment_monotonic_us() - slot->taken_us) / 1000), "stale", stale ? "yes" : NULL,
             "code", failed ? slot->item.error.code : NULL, "error", failed ? slot->item.error.text : NULL, NULL);
}

/* A slow route's slot outlives the batch: what its result points to comes along. */
static void keep_finish(struct slot *slot)
{
    ProtobufCBinaryData bytes;
    void *copy = NULL;
    if (!slot->own)
        return;
    pb_pack(slot->own, slot->item.finish, &bytes);
    if (pb_unpack(slot->own, slot->item.finish->base.descriptor, bytes.data, bytes.len, &copy, NULL) == OK)
        slot->item.finish = copy;
}

/* Not even a dispatch, or not to be reported: kept for a person. */
static void set_aside(struct worker *worker, struct slot *slot)
{
    struct bus_message message = slot->message;
    if (!message.data) {
        ProtobufCBinaryData again;
        pb_pack(worker->scratch, slot->item.message, &again);
        message.data = (const char *)again.data;
        message.bytes = again.len;
    }
    if (quarantine_message(worker->scratch, &message, &slot->item.error, worker->subject->name) != OK) {
        worker_again_later(worker, slot);
        return;
    }
    bus_ack(process.bus, &slot->message, 1);
    release(slot);
}

/* The scheduler takes no such result: the job is reported dead with its sentence, once. */
static void refused(struct worker *worker, struct slot *slot, const struct error *error)
{
    slot->item.status = REJECT;
    slot->item.error = *error;
    if (slot->refused_finish) {
        set_aside(worker, slot);
        return;
    }
    slot->refused_finish = true;
    slot->item.finish = NULL;
    finish_compose(slot);
    worker_again_later(worker, slot);
}

static void settle_one(struct worker *worker, struct slot *slot, const struct call *call, size_t together)
{
    const Pb__JobFinished *finished = call->reply;
    switch (call->status) {
    case OK:
        tell(worker, slot, finished->has_stale && finished->stale);
        bus_ack(process.bus, &slot->message, together);
        release(slot);
        break;
    case RETRY:
        keep_finish(slot);
        worker_again_later(worker, slot);
        break;
    case REJECT:
        refused(worker, slot, &call->error);
        break;
    }
}

static void log_unreported(const struct worker *worker, const struct call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == RETRY) {
            log_line(LOG_WARN, "results can't be reported yet", "route", worker->subject->name, "code",
                     calls[i].error.code, "error", calls[i].error.text, NULL);
            return;
        }
}

/* All results in one request. Slots without a dispatch have nothing to report. */
static void report(struct worker *worker, struct slot **slots, size_t count)
{
    arena_reset(worker->scratch);
    struct call *calls = ARENA_ARRAY(worker->scratch, struct call, count);
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct call){ .caller = slots[i]->item.caller, .request = slots[i]->item.finish };
    ask(worker->scratch, &JOBS_FINISH, calls, count);
    log_unreported(worker, calls, count);
    for (size_t i = 0; i < count; i++)
        settle_one(worker, slots[i], &calls[i], count);
}

void work_settle(struct worker *worker, struct slot **slots, size_t count)
{
    size_t reporting = 0;
    bool unwell = worker->again.count > 0;
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slots[i];
        if (slot->parked)
            continue;
        if (!slot->item.message) {
            set_aside(worker, slot);
            continue;
        }
        finish_compose(slot);
        if (unwell) {
            keep_finish(slot);
            worker_again_later(worker, slot);
        } else
            slots[reporting++] = slot;
    }
    if (reporting > 0)
        report(worker, slots, reporting);
}

void work_again(struct worker *worker)
{
    struct slot *slots[BATCH_ITEMS_MAX], *slot;
    struct slot_list due = worker->again;
    size_t count = 0;
    slots_init(&worker->again);
    while (count < BATCH_ITEMS_MAX && (slot = slots_pop(&due)))
        if (slot->item.message)
            slots[count++] = slot;
        else
            set_aside(worker, slot);
    if (count > 0)
        report(worker, slots, count);
    bool well = worker->again.count == 0;
    while ((slot = slots_pop(&due)))
        worker_again_later(worker, slot);
    if (well)
        worker->again_us = 0;
}

/* -- taking */

static void read_params(struct slot *slot)
{
    struct item *item = &slot->item;
    const Pb__JobDispatch *dispatch = item->message;
    const ProtobufCMessageDescriptor *type = slot->worker->subject->request;
    const char *json = pb_json_text(dispatch->params);
    ProtobufCMessage *params = NULL;
    if (type)
        item->status = pbjson_read(item->arena, type, json, strlen(json), &params, &item->error);
    item->params = params;
}

static void decode(struct worker *worker, struct slot *slot)
{
    struct item *item = &slot->item;
    void *message = NULL;
    item->arena = slot->own ? slot->own : worker->arena;
    item->slot = slot;
    item->sequence = slot->message.sequence;
    item->caller = (struct caller){ "", "", "" };
    item->status = pb_unpack(item->arena, &pb__job_dispatch__descriptor, slot->message.data, slot->message.bytes,
                             &message, &item->error);
    /* the bytes of what could be read can be made again; what couldn't is set aside as it came, maybe later */
    if (slot->own)
        slot->message.data = item->status == OK ? NULL : arena_copy(slot->own, slot->message.data, slot->message.bytes);
    if (item->status != OK)
        return;
    const Pb__JobDispatch *dispatch = item->message = message;
    item->caller = (struct caller){ text_or(dispatch->company_id, ""), text_or(dispatch->correlation_id, ""),
                                    text_or(dispatch->traceparent, "") };
    if (slot->message.deliveries > DELIVERIES_ALONE_MAX)
        item_fail(item, REJECT, "deliveries", "it was delivered %llu times and no worker survived it",
                  (unsigned long long)slot->message.deliveries);
    else
        read_params(slot);
}

/* A slow route's item lives in its own arena, with a copy of what its ack needs. */
static struct slot *slot_new(struct worker *worker, const struct bus_message *message)
{
    struct arena *own = worker->route->resume ? arena_new(ITEM_ARENA_BYTES) : NULL;
    struct slot *slot = ARENA_NEW(own ? own : worker->taken, struct slot);
    slot->own = own;
    slot->worker = worker;
    slot->message = *message;
    slot->alone = message->deliveries >= 2;
    slot->taken_us = moment_monotonic_us();
    if (own) {
        slot->message.subject = arena_text(own, message->subject);
        slot->message.reply = arena_text(own, message->reply);
        slot->message.headers = NULL;
        slot->message.header_count = 0;
    }
    held_add(slot);
    return slot;
}

static void handle(struct worker *worker, struct slot **slots, size_t count)
{
    struct slot *good[BATCH_ITEMS_MAX];
    size_t good_count = 0;
    for (size_t i = 0; i < count; i++)
        if (slots[i]->item.status == OK)
            good[good_count++] = slots[i];
    if (good_count > 0)
        worker_handle(worker, worker->route->handle, good, good_count);
    work_settle(worker, slots, count);
}

void work_take(struct worker *worker, const struct bus_message *messages, size_t count)
{
    struct slot *together[BATCH_ITEMS_MAX], *alone[BATCH_ITEMS_MAX];
    size_t together_count = 0, alone_count = 0;
    arena_reset(worker->arena);
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = slot_new(worker, &messages[i]);
        decode(worker, slot);
        if (slot->alone)
            alone[alone_count++] = slot;
        else
            together[together_count++] = slot;
    }
    if (together_count > 0)
        handle(worker, together, together_count);
    for (size_t i = 0; i < alone_count; i++)
        handle(worker, &alone[i], 1);
}

/* On drain: what is not answered goes to another worker. */
void work_give_back(struct slot *slot)
{
    bus_nak(process.bus, &slot->message, 0);
    held_remove(slot);
    arena_free(slot->own);
}
