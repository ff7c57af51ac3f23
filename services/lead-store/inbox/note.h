/*
 * note - what the team tells itself about a conversation: never sent to the customer, never in the AI's prompt unless
 * it says so.
 */
#pragma once
#include "service/service.h"

void note_add(struct batch *batch);
void note_list(struct batch *batch);

/* Those for the AI, into the contexts of turns; each context of another conversation. */
enum status note_tell_ai(struct batch *batch, Pb__TurnContext *const *contexts, size_t count, struct error *error);
