/*
 * mark - the customer's message is read, or somebody is writing an answer: told to the provider by a job of its own, so
 * that neither a person nor a send ever waits for it.
 */
#pragma once
#include "service/service.h"

/* NULL: the channel has no such mark. typing: once in TYPING_MS for each message, and tried but once. */
Pb__JobSpec *mark_job(struct arena *arena, const struct caller *caller, const char *channel, const char *message_id,
                      bool typing, moment now);

/* A turn was opened of a company that shows it: those who listen are told, and the reply has the provider's job. */
void mark_turn(struct item *item, Pb__TurnOpened *opened, moment now);

void mark_describe(struct batch *batch); /* store.message.mark */
void mark_typing(struct batch *batch);   /* store.conversation.typing */
