#include "settle.h"

#include "base/json.h"
#include "base/text.h"

void settling_ends(struct settling *settling, struct plan plan, int64_t keep_ms)
{
    settling->plan = plan;
    settling->at = moment_now();
    settling->keep_until = settling->at + keep_ms;
}

static void add_member(struct buffer *result, const char *name, const char *value)
{
    if (text_empty(value))
        return;
    buffer_format(result, ",\"%s\":", name);
    json_add_string(result, value);
}

static void finish_with(struct item *item, const char *outcome, const struct plan *plan)
{
    struct buffer result = { .arena = item->arena };
    buffer_add(&result, "{\"outcome\":");
    json_add_string(&result, outcome);
    add_member(&result, "external_id", plan->external_id);
    add_member(&result, "code", plan->code);
    if (plan->end == PLAN_UNKNOWN)
        add_member(&result, "reason", plan->word);
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

static const char *sentence_of(const struct plan *plan)
{
    return text_or(plan->error, "Meta gave no reason");
}

static void finish(struct item *item, const struct plan *plan, moment now)
{
    switch (plan->end) {
    case PLAN_SENT:
        finish_with(item, "sent", plan);
        break;
    case PLAN_UNKNOWN:
        finish_with(item, "unknown", plan);
        break;
    case PLAN_OUTCOME:
        finish_with(item, plan->word, plan);
        break;
    case PLAN_DEFER:
        item_defer(item, now);
        break;
    case PLAN_RETRY:
        item_fail(item, RETRY, plan->word, "%s%s%s", plan->code, *plan->code ? ": " : "", sentence_of(plan));
        if (plan->retry_after_ms > 0)
            item_retry_after(item, plan->retry_after_ms);
        break;
    case PLAN_DEAD:
        item_fail(item, REJECT, plan->word, "%s%s%s", plan->code, *plan->code ? ": " : "", sentence_of(plan));
        break;
    }
}

static const Pb__SendSettleRequest *compose(struct arena *arena, const struct settling *settling)
{
    Pb__SendSettleRequest *request = PB_NEW(arena, send_settle_request);
    const struct plan *plan = &settling->plan;
    request->message_id = (char *)settling->message_id;
    request->claim = (char *)settling->claim;
    PB_SET(request, outcome, plan->outcome);
    PB_SET(request, at, settling->at);
    request->external_id = (char *)text_or(plan->external_id, NULL);
    if (plan->error_class)
        PB_SET(request, error_class, plan->error_class);
    request->error_code = (char *)text_or(plan->code, NULL);
    request->error = (char *)text_or(plan->error, NULL);
    return request;
}

/* A stale claim is no mistake: somebody settled the message already, and the job's result says what this call came to.
 */
static void end_item(struct settling *settling, const struct call *call, moment now)
{
    struct item *item = settling->item;
    if (call->status == OK)
        finish(item, &settling->plan, now);
    else if (call->status == RETRY && now < settling->keep_until)
        item_resume_later(item);
    else if (call->status == RETRY && settling->plan.end == PLAN_DEFER)
        item_defer(item, now + AWAY_WAIT_MS);
    else
        item_fail(item, call->status, call->error.code, "%s", call->error.text);
}

static void log_kept(struct arena *arena, const struct call *calls, size_t count)
{
    const struct error *error = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (calls[i].status == RETRY) {
            error = &calls[i].error;
            kept++;
        }
    if (error)
        log_line(LOG_WARN, "the store can't be told yet what became of messages", "messages",
                 text_format(arena, "%zu", kept), "code", error->code, "error", error->text, NULL);
}

void settle_all(struct batch *batch, struct settling *const *list, size_t count)
{
    if (count == 0)
        return;
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, count);
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct call){ .caller = list[i]->item->caller, .request = compose(batch->arena, list[i]) };
    ask(batch->arena, &STORE_SEND_SETTLE, calls, count);
    log_kept(batch->arena, calls, count);
    moment now = moment_now();
    for (size_t i = 0; i < count; i++)
        end_item(list[i], &calls[i], now);
}
