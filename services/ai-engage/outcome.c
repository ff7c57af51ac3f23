#include "outcome.h"

#include "base/json.h"
#include "base/text.h"

enum { AWAY_WAIT_MS = 2000 };

void outcome_end(struct item *item, const char *outcome, const char *reason)
{
    struct buffer result = { .arena = item->arena };
    buffer_format(&result, "{\"outcome\":\"%s\"", outcome);
    if (!text_empty(reason)) {
        buffer_add(&result, ",\"reason\":");
        json_add_string(&result, reason);
    }
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

static void add_member(struct buffer *result, const char *name, const char *value)
{
    buffer_format(result, ",\"%s\":", name);
    json_add_string(result, value);
}

static void add_actions(struct buffer *result, const Pb__TurnCommitRequest *commit)
{
    for (size_t i = 0; i < commit->n_actions; i++) {
        buffer_add(result, i ? "," : ",\"actions\":[");
        json_add_string(result, commit->actions[i]->type);
    }
    buffer_add(result, commit->n_actions ? "]" : "");
}

void outcome_committed(struct item *item, const char *turn_id, const char *message_id,
                       const Pb__TurnCommitRequest *commit)
{
    struct buffer result = { .arena = item->arena };
    buffer_add(&result, "{\"outcome\":\"committed\"");
    add_member(&result, "turn_id", turn_id);
    if (!text_empty(message_id)) {
        add_member(&result, "message_id", message_id);
        buffer_add(&result, ",\"message_ids\":["); /* a turn has one reply; readers of the list need no second case */
        json_add_string(&result, message_id);
        buffer_add_char(&result, ']');
    }
    if (commit && !text_empty(commit->model))
        add_member(&result, "model", commit->model);
    if (commit)
        add_actions(&result, commit);
    buffer_add_char(&result, '}');
    item_complete(item, buffer_text(&result));
}

void outcome_superseded(struct item *item, const char *by, int64_t delay_ms)
{
    if (text_empty(by))
        item_fail(item, RETRY, "superseded", "a newer message is owed and its job is not known");
    else
        item_coalesce(item, by, delay_ms);
}

void outcome_store_failed(struct item *item, const struct call *call)
{
    if (call_away(call))
        item_defer(item, moment_now() + AWAY_WAIT_MS);
    else
        item_fail(item, call->status, call->error.code, "%s", call->error.text);
}
