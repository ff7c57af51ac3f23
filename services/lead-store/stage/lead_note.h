/*
 * lead_note - what is known of a lead: budget, authority, need and timing with their score, and what its stage
 * collects. Pure.
 *
 * Each is kept with the message that supports it: attributes.bant = {"budget":{"value","message_id"},...,"score":75},
 * attributes.collected = {"<name>":{"value","message_id"}}.
 */
#pragma once
#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/arena.h"

enum { LEAD_NOTES_MAX = 64 };

struct lead_note {
    const char *name, *value, *message_id;
    bool bant;
};
struct lead_notes {
    const cJSON *policy; /* the stage's ai_config; NULL: none */
    struct lead_note list[LEAD_NOTES_MAX];
    size_t count;
    bool changed;
};
/* Of the stage's ai_config and two members of the lead's attributes; what is no object is as if it were absent. */
void lead_notes_read(struct arena *arena, const char *policy, const char *bant, const char *collected,
                     struct lead_notes *out);
/* False: the name is neither one of BANT nor one that the stage collects, or there is no value. */
bool lead_note_take(struct lead_notes *notes, const char *name, const char *value, const char *message_id);
/* 0 to 100: a quarter for each of the four that is known. */
int lead_notes_score(const struct lead_notes *notes);
/* The stage that the policy's `moves` want at this score: the last whose score_min is reached. NULL: none. */
const char *lead_notes_move(const struct lead_notes *notes);
/* {"bant":{...},"collected":{...}} to be merged into the attributes. */
const char *lead_notes_json(struct arena *arena, const struct lead_notes *notes);
