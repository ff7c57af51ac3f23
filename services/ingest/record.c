#include "record.h"

#include <string.h>

#include "base/text.h"
#include "channels/whatsapp_cloud_template.h"
#include "normalise.h"
#include "template.h"

static struct metric passed = { .name = "parley_ingest_passed_total",
                                .help = "changes and statuses of webhooks that were read and not acted upon",
                                .kind = METRIC_COUNTER,
                                .label = "field" };

/* A label is one of few: what Meta makes up next year is "other". */
void record_passed(const char *field)
{
    static const char *const KNOWN[] = { "messages",
                                         "account_alerts",
                                         "account_review_update",
                                         "account_update",
                                         "business_capability_update",
                                         "flows",
                                         "history",
                                         "message_template_components_update",
                                         "message_template_quality_update",
                                         "message_template_status_update",
                                         "phone_number_name_update",
                                         "phone_number_quality_update",
                                         "security",
                                         "smb_app_state_sync",
                                         "template_category_update",
                                         "user_id_update",
                                         NULL };
    const char *label = "other";
    for (size_t i = 0; KNOWN[i]; i++)
        if (text_same(KNOWN[i], field))
            label = KNOWN[i];
    metric_add(&passed, label, 1);
}

struct caller record_caller(const struct item *item, const Pb__RawInbound *raw)
{
    return (struct caller){ .company_id = text_or(raw->company_id, item->caller.company_id),
                            .correlation_id = text_or(raw->correlation_id, item->caller.correlation_id),
                            .traceparent = text_or(raw->traceparent, item->caller.traceparent) };
}

static bool compose(struct item *item, struct call *call)
{
    const Pb__RawInbound *raw = item->message;
    Pb__InboundMessage *message;
    const char *field;
    item->status = normalise_message(item->arena, raw, item->sequence, &message, &field, &item->error);
    if (item->status != OK)
        return false;
    if (!message) {
        if (whatsapp_cloud_template_field(field))
            template_changed(item, raw);
        else
            record_passed(field);
        return false;
    }
    *call = (struct call){ .caller = record_caller(item, raw), .request = message };
    return true;
}

/* The jobs of one stored message. */
static size_t follow(const struct item *item, const Pb__InboundRecorded *recorded, struct call *calls,
                     struct item **owners, struct item *owner)
{
    for (size_t i = 0; i < recorded->n_jobs; i++) {
        calls[i] = (struct call){
            .caller = { .company_id = text_or(recorded->jobs[i]->company_id, text_or(recorded->company_id, "")),
                        .correlation_id = text_or(recorded->jobs[i]->correlation_id, item->caller.correlation_id),
                        .traceparent = text_or(recorded->jobs[i]->traceparent, item->caller.traceparent) },
            .request = recorded->jobs[i]
        };
        owners[i] = owner;
    }
    return recorded->n_jobs;
}

/* An item is as well as the worst of its jobs. */
static void enqueue(struct arena *arena, struct call *calls, struct item **owners, size_t count)
{
    ask(arena, &JOBS_ENQUEUE, calls, count);
    for (size_t i = 0; i < count; i++)
        if (calls[i].status != OK && owners[i]->status != REJECT) {
            owners[i]->status = calls[i].status;
            owners[i]->error = calls[i].error;
        }
}

static size_t jobs_count(const struct call *calls, size_t count)
{
    size_t jobs = 0;
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == OK)
            jobs += ((const Pb__InboundRecorded *)calls[i].reply)->n_jobs;
    return jobs;
}

void record_messages(struct batch *batch)
{
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, batch->count);
    struct item **items = ARENA_ARRAY(batch->arena, struct item *, batch->count);
    size_t count = 0, jobs = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (compose(batch->items[i], &calls[count]))
            items[count++] = batch->items[i];
    ask(batch->arena, &STORE_INBOUND_RECORD, calls, count);
    size_t expected = jobs_count(calls, count);
    struct call *follows = ARENA_ARRAY(batch->arena, struct call, expected);
    struct item **owners = ARENA_ARRAY(batch->arena, struct item *, expected);
    for (size_t i = 0; i < count; i++) {
        items[i]->status = calls[i].status;
        items[i]->error = calls[i].error;
        if (calls[i].status == OK)
            jobs += follow(items[i], calls[i].reply, follows + jobs, owners + jobs, items[i]);
    }
    enqueue(batch->arena, follows, owners, jobs);
}
