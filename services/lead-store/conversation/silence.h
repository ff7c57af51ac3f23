/*
 * silence - somebody looks, later, whether a conversation has been silent since the AI or a person answered in it.
 *
 * Only the first answer of a silence sets the time; what is written afterwards leaves it alone, and the sweep moves it
 * on when it finds something newer. So a message costs nothing.
 */
#pragma once
#include "core/hold.h"

/* A conversation that was just answered in, with its reach; hold_save writes it. One that has a time, or whose
 * company wants nothing to follow, stays as it is. */
void silence_arm(struct held_conversation *conversation, moment now);

/* The summary that a handback brings, NULL: the company wants none, or there is too little to tell. */
Pb__JobSpec *silence_handback_job(struct arena *arena, const struct held_conversation *conversation,
                                  const struct caller *caller);
/* The job that folds what a prompt will soon no longer hold into the session's summary; NULL: not yet. */
Pb__JobSpec *silence_memory_job(struct arena *arena, const struct held_conversation *conversation,
                                const struct caller *caller);

enum { SUMMARY_MESSAGES_MIN = 4 }; /* fewer need no summary by itself */
/* Of messages that no summary holds: so many make the job; so many newest ones are left to the prompt's history alone.
 * The history holds more, so that nothing is missing while the job runs. */
enum { MEMORY_DUE = 30, MEMORY_LEFT = 10, MEMORY_CHUNK = 40 };
