/*
 * bumpup_facts - may this person be nudged now, and by which words? Read under the locks of lead and conversation, the
 * same way for the opening and for the commit.
 */
#pragma once
#include "core/hold.h"

enum { BUMPUPS_REMEMBERED = 5 };

struct bumpup_facts {
    bool open, human, same_epoch;
    bool silent; /* nothing was written since the job was asked for, here or elsewhere, and nothing is owed */
    bool bumped; /* one came since the customer's last message */
    bool opted_out, consent;
    bool account, reachable;
    bool in_window, template_approved;
};
/* NULL: it may; else why not, as a stable word. Pure. */
const char *bumpup_refusal(const struct bumpup_facts *facts);

/* What one job is about; the request's part is the caller's. */
struct bumpup {
    struct item *item;
    const char *job_id, *lead_id, *conversation_id; /* as asked */
    int64_t position, epoch;                        /* epoch -1: any */
    int64_t n;                                      /* of the item, from 1 */

    const char *message_id; /* of what this job has committed; NULL: nothing */
    const char *contact_name, *company_name;
    const char *template_id, *template_text;
    const char *const *placeholders;
    size_t placeholder_count;
    const char *const *earlier; /* its words, newest first */
    size_t earlier_count, earlier_all;
    struct held_conversation *conversation; /* NULL: unknown */
    struct held_lead *lead;
    struct bumpup_facts facts;
};

struct bumpup_batch {
    struct batch *batch;
    struct held held;
    struct bumpup *list;
    size_t count;
    struct ids conversations;
};

/* What is needed before the locks; after it hold_read, and what else is queued with it; then the facts. */
enum status bumpups_hold(struct bumpup_batch *work, struct error *error);
enum status bumpups_read(struct bumpup_batch *work, struct error *error);
/* "following_up", "checking_in", "circling_back": another one each time, not everybody's first the same. */
const char *bumpup_opening(const struct bumpup *bumpup);
/* The send of one that was committed before. */
Pb__JobSpec *bumpup_job(struct arena *arena, const struct bumpup *bumpup);

enum { PRIORITY_BUMPUP = 95 };
