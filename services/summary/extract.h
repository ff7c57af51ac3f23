/*
 * extract - a summary without a model: the customer's own sentences that say most, word by word. Pure.
 *
 * Deterministic, and it never makes up a word that nobody has written.
 */
#pragma once
#include "digest.h"

/* What is remembered and what is new, cut to the sentences with facts in them: numbers, names, long words. */
const char *extract_memory(struct arena *arena, const Pb__TurnContext *context);
Pb__SummaryDigest *extract_digest(struct arena *arena, const Pb__TurnContext *context);
