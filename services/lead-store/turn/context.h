/*
 * context - what a turn is told: what is owed, what was said before, who the person is, how the company wants to be
 * answered, what it knows.
 *
 * Read under the conversation's lock, for many turns at once. Everything is bounded, so that a reply always fits.
 */
#pragma once
#include "core/hold.h"

struct context_task {
    const struct held_conversation *conversation;
    Pb__TurnContext *context; /* set by context_read */
    bool unfinished;          /* the company has documents or further models: to be added below */
};

/* What a conversation's turn is decided by, beside the conversation itself. */
struct context_terms {
    const char *conversation_id;
    int64_t buffer_ms, buffer_max_ms; /* the company's, or the installation's */
    moment opted_out_at;              /* of the lead; 0: never */
    bool documents, ai_notes;
    int64_t model_count;
    const char *hand_over; /* JSON of the company's rules; NULL: none */
    bool silent;           /* the AI doesn't answer in this stage */
    const char *budget;    /* the first that is used up (model/budget.h); NULL: none */
};

/* Queued behind the locks, so that all of a turn is one round trip. */
struct context_reading {
    struct rows base, owed, history;
    struct map *rows; /* terms by conversation */
    const struct context_terms *terms;
};
void context_queue(struct batch *batch, const struct ids *conversations, struct context_reading *reading);
/* The queue has been flushed. RETRY: the stage or the company of a lead is being changed. */
enum status context_take(struct batch *batch, const struct ids *conversations, struct context_reading *reading,
                         struct error *error);
const struct context_terms *context_terms_of(const struct context_reading *reading, const char *conversation_id);
/* All but what is added below. */
void context_read(struct arena *arena, const struct context_reading *reading, struct context_task *tasks, size_t count);
/* A message's text as a model reads it: media by a short note. */
char *context_text(struct arena *arena, const char *kind, const char *filename, const char *text, size_t bytes_max);
/* The further models. Each context of another conversation, as below. */
enum status context_add_models(struct batch *batch, Pb__TurnContext *const *contexts, size_t count,
                               struct error *error);
/*
 * What the company knows about what is owed: after the transaction, for it takes its time and needs no lock. Each
 * context of another conversation; its request may bring the vector of what is owed.
 */
enum status context_add_passages(struct batch *batch, Pb__TurnContext *const *contexts,
                                 const Pb__TurnOpenRequest *const *requests, size_t count, struct error *error);
