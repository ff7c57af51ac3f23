/*
 * commit - the turns of one request on their way to being committed; shared by the two files of turn_commit.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"
#include "gate/outbound.h"
#include "people/escalation.h"

struct commit {
    struct item *item;
    const Pb__TurnCommitRequest *request;
    struct held_turn *turn;
    struct held_conversation *conversation;
    Pb__TurnCommitted *reply;
    bool paid;                       /* a model was asked for it, and it is the first to tell */
    struct outbound *outbound;       /* NULL: it does not commit, or hands over without a word */
    const Pb__TurnAction *hand_over; /* NULL: the AI goes on */
    struct escalation *escalation;   /* of one that hands over */
    const char *const *covered_ids;  /* as found in the conversation, after the position; NULL: none */
    size_t covered_count;
    const char *covered_in;
    int64_t covered_after;
};

struct commit_batch {
    struct batch *batch;
    struct held held;
    struct commit *list;
    size_t count;
    struct commit **committing;
    size_t committing_count;
    struct outbound *outbounds; /* replies */
    size_t outbound_count;
    struct escalation *escalations;
    size_t escalation_count;
    struct commit **superseded;
    size_t superseded_count;
    struct event_list events;
};

/* Replies, coverage, turns and events of what was decided. */
enum status commits_write(struct commit_batch *work, struct error *error);
