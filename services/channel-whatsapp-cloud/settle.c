#include "settle.h"

#include "base/json.h"
#include "base/text.h"

enum { TRIES_MAX = 3 };

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

static const Pb__SendSettleRequest *compose(struct arena *arena, const struct settling *settling, moment now)
{
    Pb__SendSettleRequest *request = PB_NEW(arena, send_settle_request);
    const struct plan *plan = &settling->plan;
    request->message_id = (char *)settling->message_id;
    request->claim = (char *)settling->claim;
    PB_SET(request, outcome, plan->outcome);
    PB_SET(request, at, now);
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
    if (call->status == OK)
        finish(settling->item, &settling->plan, now);
    else
        item_fail(settling->item, call->status, call->error.code, "%s", call->error.text);
}

/* Asks for those that are still without an answer; returns how many remain. */
static size_t ask_open(struct arena *arena, struct call *calls, size_t *open, size_t count)
{
    struct call *some = ARENA_ARRAY(arena, struct call, count);
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
        some[i] = calls[open[i]];
    ask(arena, &STORE_SEND_SETTLE, some, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = open[i];
        calls[at] = some[i];
        if (some[i].status == RETRY)
            open[left++] = at;
    }
    return left;
}

void settle_all(struct batch *batch, struct settling *list, size_t count)
{
    if (count == 0)
        return;
    struct call *calls = ARENA_ARRAY(batch->arena, struct call, count);
    size_t *open = ARENA_ARRAY(batch->arena, size_t, count);
    size_t left = count;
    moment now = moment_now();
    for (size_t i = 0; i < count; i++) {
        calls[i] = (struct call){ .caller = list[i].item->caller, .request = compose(batch->arena, &list[i], now) };
        open[i] = i;
    }
    for (int tries = 0; tries < TRIES_MAX && left > 0; tries++)
        left = ask_open(batch->arena, calls, open, left);
    for (size_t i = 0; i < count; i++)
        end_item(&list[i], &calls[i], now);
}
