/*
 * hand_over_rules - when a company wants a conversation to go to a person, and what the customer is told then.
 *
 * The company's `hand_over` setting (proto/parley/v1/people.proto), read from its row; absent members have the defaults
 * given here. Pure.
 */
#pragma once
#include "core/hold.h"

/* NULL or "{}": all defaults. What was checked when it was written is not checked again: unreadable is empty. */
const Pb__HandOverRules *hand_over_rules(struct arena *arena, const char *json);
/* NULL: well-formed and within its limits; else what is wrong, in a sentence. */
const char *hand_over_rules_wrong(const Pb__HandOverRules *rules);

/* What the customer is told, in the company's words or ours in its language; "": nothing. */
const char *hand_over_notice(struct arena *arena, const struct reach_sender *company);

/* The first rule that what the customer wrote meets: "keyword", "sentiment"; NULL: none. */
const char *hand_over_said(struct arena *arena, const Pb__HandOverRules *rules, const char *text);
