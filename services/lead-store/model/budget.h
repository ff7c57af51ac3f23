/*
 * budget - what a company lets its models cost, and what happens when that is used up: the model isn't asked any more,
 * a person answers (people/escalation), and `budget.reached` is told once per period.
 *
 * A budget is looked at before a call: calls that are under way already may pass it.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"

/* NULL: within their limits; else what is wrong, in a sentence. */
const char *budgets_wrong(const Pb__AiBudgets *budgets);
/* Of a company's row; NULL: it has none. */
Pb__AiBudgets *budgets_read(struct arena *arena, const char *json);

/* Whether a reason of ours is a budget's. */
bool budget_is(const char *reason);
/* Of a conversation whose budget is used up: the event, if it is the first of its period. */
enum status budget_note(struct event_list *events, const struct held_conversation *conversation, const char *reason,
                        struct error *error);
