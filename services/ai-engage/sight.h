/*
 * sight - pictures and voices for the models that see and hear.
 *
 * A file is fetched beside its message; an answer waits for it a bounded moment, by its job's own delay and nothing in
 * memory, and goes by its note ("[image: caption]") alone when it is not there by then. From a bucket it is read here,
 * once in a handling, and the turn is opened again with it; what can't be read is not asked for twice.
 */
#pragma once
#include "llm/llm.h"
#include "service/service.h"

enum { SIGHT_FILES_MAX = 4 }; /* of one question, the newest first */

/* What one handling has read from a bucket; zeroed: nothing. Texts are the item's. */
struct sight {
    struct sight_file {
        const char *sha256, *base64; /* base64 NULL: it can't be had */
    } files[SIGHT_FILES_MAX];
    size_t count;
    bool under_way; /* the last of them */
};

/* A file that this model could take is on its way, and there is time. */
bool sight_waits(const Pb__TurnContext *context, const struct llm_provider *provider, const char *model, moment now);
/* What lies in a bucket, would be shown and was not read yet; NULL: nothing. */
const Pb__TurnMessage *sight_wants(struct arena *arena, const struct sight *sight, const Pb__TurnContext *context,
                                   const struct llm_provider *provider, const char *model);
/* Parks the item until that was read; from then on its arena is the call's. label as in item_call. */
void sight_call(struct batch *batch, struct item *item, struct sight *sight, const Pb__TurnContext *context,
                const Pb__TurnMessage *wanted, const char *label);
/* In resume: whether it was this call that is over. */
bool sight_told(struct item *item, struct sight *sight);
/* What is kept and fits goes along with the words it came with. */
void sight_add(struct arena *arena, const struct sight *sight, const Pb__TurnContext *context,
               const struct llm_provider *provider, struct llm_prompt *prompt);
