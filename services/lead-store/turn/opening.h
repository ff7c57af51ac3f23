/*
 * opening - the turns of one request on their way to being opened; shared by the files of turn_open.
 */
#pragma once
#include "context.h"
#include "conversation/escalation.h"
#include "core/hold.h"

/* The inbound of a job, as found; of this only a merge of two people changes the conversation and the position. */
struct asked {
    const char *id, *conversation_id, *reply_conversation_id;
    int64_t position;
    bool wants_answer;
    moment created_at;
    int64_t n; /* of the item, from 1: one message may have several jobs */
};

/* One item on its way. */
struct opening {
    struct item *item;
    const Pb__TurnOpenRequest *request;
    const struct asked *asked;
    struct held_conversation *conversation;
    Pb__TurnOpened *reply;
    const char *turn_id; /* of an opening turn */
};

struct opening_batch {
    struct batch *batch;
    struct held held;
    struct opening *list;
    size_t count;
    struct context_reading contexts; /* of every conversation */
    struct rows under_way;           /* other jobs' open turns, where the maximum wait is over */
    struct escalation *escalations;  /* of conversations that a rule of their company has just given to a person */
    size_t escalation_count;
};

/* What was asked, and all that is decided by, under their locks. RETRY "again": the message has just moved. */
enum status openings_hold(struct opening_batch *work, struct error *error);
/* Whether, by the company's rules, a person answers and the model is not asked: their conversations are a person's from
 * here on. */
enum status openings_hand_over(struct opening_batch *work, struct error *error);
/* NULL: no rule has given it away just now. */
const struct escalation *opening_handed_over(const struct opening_batch *work, const struct opening *opening);
/* The turns that are opened beside them need not wait for the disk; these must. Last before the commit. */
void openings_wait_for_disk(const struct opening_batch *work);
