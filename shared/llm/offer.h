/*
 * offer - what a model may do beside its text: the actions of a turn, how they are asked for, and how what it says to
 * that is read. Pure.
 *
 * A model that is offered actions answers with {"reply":...,"actions":[...]}: by structured output where the provider
 * has it, by instruction everywhere. A plain text stays a valid reply without actions; JSON that is broken never gets
 * to a customer.
 */
#pragma once
#include "base/text.h"
#include "llm/llm.h"

enum { LLM_ACTIONS_MAX = 16, LLM_ACTION_CHARACTERS_MAX = 500 };

/* What a customer wrote, that an action may rest on. */
struct llm_evidence {
    const char *message_id, *words; /* in lower case, one space between words */
};

struct llm_offer {
    const char *const *types;            /* of actions, NULL-terminated; NULL: none, a plain text is wanted */
    const struct llm_evidence *evidence; /* newest first; only where an action needs some */
    size_t evidence_count;
};

bool llm_offers(const char *type); /* whether there is such an action */
/* What the company lets its model do; copies what it keeps. */
void llm_offer_of(struct arena *arena, const Pb__TurnContext *context, struct llm_offer *out);

/* Appends how to answer, for the system text; nothing without an offer. */
void llm_offer_tell(struct buffer *text, const char *const *types);
/* JSON Schema of the answer. Every member is required and no text may be null: what every vendor's strict mode takes.
 */
const char *llm_offer_schema(struct arena *arena, const char *const *types);

/* Of an answer: its text becomes the reply in it, with the actions beside it. JSON that can't be read makes it
 * LLM_RETRY, "malformed". Of a hand-over the text may be "". */
void llm_offer_read(struct arena *arena, const struct llm_offer *offer, struct llm_reply *reply);

/* Whether it is a hand-over to a person; and making it one. */
bool llm_hands_over(const struct llm_reply *reply);
void llm_hand_over(struct arena *arena, const char *reason, const char *urgency, struct llm_reply *reply);
