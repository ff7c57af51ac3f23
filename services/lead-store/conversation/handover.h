/*
 * handover - who owns a conversation: what takeover, handback and an operator's message have in common.
 *
 * The conversations that a request means are found and held with all that the AI has under way in them, so that one
 * transaction moves the epoch and ends what waits.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"

/* Whom a request means: exactly one of phone, lead, conversation. */
struct target {
    struct item *item;
    const char *phone, *lead_id, *conversation_id; /* as asked; NULL or "": not that */
    const char *phone_number;                      /* E.164, or an address as it is */
    struct ids leads;                              /* found: none means unknown */
    struct ids conversations;                      /* their open ones, in no order */
};

struct handover {
    struct batch *batch;
    struct held held;
    struct event_list events;
    struct target *targets; /* in step with the items */
    size_t count;
    struct ids cancelled, uncovered, nudged;
};

/* Checks without SQL: REJECT with the code for REST. Sets phone_number. */
enum status target_check(struct arena *arena, struct target *target, struct error *error);
/* The code and sentence for a target that is nobody's. */
enum status target_unknown(const struct target *target, struct error *error);

/* Finds the targets and holds leads, conversations, the AI's messages that wait or leave, and their turns. */
enum status handover_hold(struct handover *handover, struct error *error);
/* This person owns it from now on, unless another one does; what the AI has waiting in it is cancelled, and what that
 * was to answer is open again. */
void handover_take(struct handover *handover, struct held_conversation *conversation, const char *operator,
                   const struct caller * caller);
/* The AI goes on. What the customer wrote last and nobody answered is its own from now on: its maximum wait begins
 * here. One that is the AI's already stays as it is. */
void handover_give_back(struct handover *handover, struct held_conversation *conversation, const char *actor,
                        const char *correlation_id);
/* "operator:<name>". */
const char *handover_actor(struct arena *arena, const char *operator);
/* The AI's message was asked for in, or goes out by, this conversation. */
bool handover_concerns(const struct handover *handover, const struct held_message *message,
                       const struct held_conversation *conversation);
void handover_write(struct handover *handover);
/* After the commit: model calls for what was taken over are in vain. */
void handover_nudge(const struct handover *handover);
