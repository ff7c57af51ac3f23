/*
 * moderate - asking a provider's moderation about a text before it may leave, in a slow route.
 *
 * Nothing leaves unseen: without a verdict the job is tried again, and one that can't be asked at all fails.
 */
#pragma once
#include "safety/safety.h"
#include "service/service.h"
#include "service/spent.h"

/* Parks the item; false: there is no such moderation here, and the item has failed. Label as in item_call. */
bool moderate_call(struct batch *batch, struct item *item, const char *provider, const char *text, const char *label);

enum moderate_told {
    MODERATE_JUDGED,  /* the verdict says more now */
    MODERATE_IN_VAIN, /* the call was ended by us */
    MODERATE_FAILED,  /* the item has its answer */
};
/* In resume: the call was answered, and counts. It costs no tokens. */
void moderate_spend(struct batch *batch, const struct item *item, const struct safety_policy *policy,
                    const char *conversation_id, const char *lead_id, struct spent *spent);
/* In resume, onto the verdict of a text that is safe so far. */
enum moderate_told moderate_told(struct batch *batch, struct item *item, const struct safety_policy *policy,
                                 struct safety_verdict *verdict);
