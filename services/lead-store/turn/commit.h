/*
 * commit - the turns of one request on their way to being committed; shared by the files of turn_commit.
 */
#pragma once
#include "conversation/escalation.h"
#include "conversation/outbound.h"
#include "core/event.h"
#include "core/hold.h"

struct commit {
    struct item *item;
    const Pb__TurnCommitRequest *request;
    struct held_turn *turn;
    struct held_conversation *conversation;
    Pb__TurnCommitted *reply;
    bool named;                      /* held by what the request names, nothing was looked for */
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

/*
 * The rows of the commits, locked and read. What the request names is held at once, in one round trip; an item that
 * turns out to need more fails with COMMIT_NOT_PLAIN, and is done by itself after what it needs was looked for.
 */
typedef enum status commits_hold(struct commit_batch *work, struct error *error);
commits_hold commits_hold_named, commits_hold_found;
#define COMMIT_NOT_PLAIN "not_plain"
bool commit_names_all(const Pb__TurnCommitRequest *request);
bool commit_is_plain(const struct held *held, const struct commit *commit);
