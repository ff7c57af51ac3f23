#include "receipts.h"

#include "buffer.h"
#include "envelope.h"
#include "graph_errors.h"
#include "memory.h"
#include "moment.h"

#include <stdlib.h>
#include <string.h>

enum { POSTS_MAX = 16, GRID_US = 10000, STEPS = 3 };

/* One status, written as JSON when it is scheduled; then due, then part of a post. */
struct status {
    struct timer timer;
    struct receipts *receipts;
    struct status *next;
    char *phone_id;
    struct buffer json;
};

struct post {
    struct receipts *receipts;
    size_t statuses;
};

static void status_free(struct status *status)
{
    if (status == NULL)
        return;
    free(status->phone_id);
    buffer_clear(&status->json);
    free(status);
}

static void post_done(void *owner, struct webhook_outcome outcome)
{
    struct post *post = owner;
    struct receipts *receipts = post->receipts;
    receipts->posts--;
    receipts->posted -= post->statuses;
    if (outcome.status == 200)
        receipts->records->receipts_delivered += post->statuses;
    timer_start(receipts->loop, &receipts->flush, 0);
    free(post);
}

static struct status *take_due(struct receipts *receipts)
{
    struct status *status = receipts->oldest;
    receipts->oldest = status->next;
    receipts->newest = receipts->oldest == NULL ? NULL : receipts->newest;
    receipts->due--;
    return status;
}

/* Neighbours of one phone number share a change. */
static void add_status(struct buffer *body, const struct status *previous, const struct status *status)
{
    bool same_change = previous != NULL && strcmp(previous->phone_id, status->phone_id) == 0;
    if (previous != NULL && !same_change) {
        buffer_add_text(body, "]");
        envelope_close_change(body);
    }
    if (!same_change)
        envelope_open_change(body, "messages", status->phone_id, previous != NULL);
    buffer_add_text(body, same_change ? "," : ",\"statuses\":[");
    buffer_add(body, status->json.bytes, status->json.used);
}

static size_t write_statuses(struct receipts *receipts, struct buffer *body)
{
    size_t count = 0;
    struct status *previous = NULL;
    for (; receipts->oldest != NULL && count < (size_t)receipts->faults->webhook.batch; count++) {
        struct status *status = take_due(receipts);
        add_status(body, previous, status);
        status_free(previous);
        previous = status;
    }
    status_free(previous);
    return count;
}

static void post_statuses(struct receipts *receipts)
{
    struct buffer body = { 0 };
    struct post *post = memory_zeroed(sizeof *post);
    envelope_open(&body);
    *post = (struct post){ .receipts = receipts, .statuses = write_statuses(receipts, &body) };
    buffer_add_text(&body, "]");
    envelope_close_change(&body);
    envelope_close(&body);
    receipts->posts++;
    receipts->posted += post->statuses;
    webhook_deliver(receipts->webhook, &body, true, post_done, post);
}

static void flush(struct timer *timer)
{
    struct receipts *receipts = container_of(timer, struct receipts, flush);
    while (receipts->oldest != NULL && receipts->posts < POSTS_MAX)
        post_statuses(receipts);
}

static void status_due(struct timer *timer)
{
    struct status *status = container_of(timer, struct status, timer);
    struct receipts *receipts = status->receipts;
    receipts->scheduled--;
    if (receipts->due == RECEIPTS_WAITING_MAX) {
        receipts->records->receipts_dropped++;
        status_free(status);
        return;
    }
    *(receipts->newest == NULL ? &receipts->oldest : &receipts->newest->next) = status;
    receipts->newest = status;
    receipts->due++;
    timer_start(receipts->loop, &receipts->flush, 0);
}

static void add_member(struct buffer *json, const char *name, const char *text)
{
    if (text == NULL)
        return;
    buffer_format(json, ",\"%s\":", name);
    buffer_add_json(json, text);
}

static void add_pricing(struct buffer *json, bool is_template)
{
    buffer_format(json, ",\"pricing\":{\"billable\":%s,\"pricing_model\":\"PMP\",\"type\":\"%s\",\"category\":\"%s\"}",
                  is_template ? "true" : "false", is_template ? "regular" : "free_customer_service",
                  is_template ? "utility" : "service");
}

static void write_status(struct buffer *json, const struct receipt_message *message, const char *name, int64_t at_ms)
{
    buffer_add_text(json, "{\"id\":");
    buffer_add_json(json, message->id);
    buffer_format(json, ",\"status\":\"%s\",\"timestamp\":\"%lld\"", name, (long long)(at_ms / 1000));
    add_member(json, "recipient_id", message->to);
    add_member(json, "recipient_user_id", message->user_id);
    add_member(json, "biz_opaque_callback_data", message->callback);
    if (strcmp(name, "failed") == 0) {
        buffer_add_text(json, ",\"errors\":[");
        graph_error_write_status(json, (int)message->fail_code);
        buffer_add_text(json, "]");
    } else if (strcmp(name, "read") != 0) {
        add_pricing(json, message->is_template);
    }
    buffer_add_text(json, "}");
}

/* `happens_ms` is what the status says, `arrives_ms` when it leaves here; both count from now. */
static void schedule(struct receipts *receipts, const struct receipt_message *message, const char *name,
                     int64_t happens_ms, int64_t arrives_ms)
{
    struct status *status = memory_zeroed(sizeof *status);
    status->receipts = receipts;
    status->timer.expired = status_due;
    status->phone_id = memory_text(message->phone_id);
    write_status(&status->json, message, name, moment_wall_ms() + happens_ms);
    receipts->scheduled++;
    int64_t due_us = moment_steady_us() + arrives_ms * 1000;
    timer_start_at(receipts->loop, &status->timer, (due_us + GRID_US - 1) / GRID_US * GRID_US);
}

/* The order of arrival when the plan says that none is promised. */
static void shuffle(struct faults *faults, int64_t arrivals_ms[], uint64_t count)
{
    for (uint64_t i = count; i > 1; i--) {
        uint64_t other = faults_dice(faults, i);
        int64_t kept = arrivals_ms[i - 1];
        arrivals_ms[i - 1] = arrivals_ms[other];
        arrivals_ms[other] = kept;
    }
}

void receipts_schedule(struct receipts *receipts, const struct receipt_message *message, int64_t after_ms)
{
    static const char *const names[STEPS] = { "sent", "delivered", "read" };
    const struct receipt_plan *plan = &receipts->faults->receipts;
    if (!plan->enabled || receipts->faults->webhook.drop_receipts || *receipts->webhook->urls == '\0')
        return;
    const int64_t happens_ms[STEPS] = { plan->sent_ms, plan->delivered_ms, plan->read_ms };
    if (message->fail_code != FIELD_NONE) {
        int64_t delay_ms = after_ms + (plan->sent_ms == FIELD_NONE ? 0 : plan->sent_ms);
        schedule(receipts, message, "failed", delay_ms, delay_ms);
        return;
    }
    int64_t arrives_ms[STEPS];
    memcpy(arrives_ms, happens_ms, sizeof arrives_ms);
    if (receipts->faults->webhook.reorder)
        shuffle(receipts->faults, arrives_ms, STEPS);
    for (size_t i = 0; i < STEPS; i++)
        if (happens_ms[i] != FIELD_NONE)
            schedule(receipts, message, names[i], after_ms + happens_ms[i],
                     after_ms + (arrives_ms[i] == FIELD_NONE ? happens_ms[i] : arrives_ms[i]));
}

size_t receipts_waiting(const struct receipts *receipts)
{
    return receipts->scheduled + receipts->due + receipts->posted;
}

void receipts_open(struct receipts *receipts)
{
    receipts->flush.expired = flush;
}
