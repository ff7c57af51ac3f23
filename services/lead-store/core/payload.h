/*
 * payload - the JSON object of an event or a verdict, member by member.
 *
 *   struct payload payload = payload_start(arena);
 *   payload_text(&payload, "message_id", id);
 *   note.payload = payload_end(&payload);
 *
 * Empty texts and zero moments are left out.
 */
#pragma once
#include "base/moment.h"
#include "base/text.h"

struct payload {
    struct buffer json;
    bool any;
};

struct payload payload_start(struct arena *arena);
void payload_text(struct payload *payload, const char *name, const char *text);
void payload_int(struct payload *payload, const char *name, int64_t number);
void payload_bool(struct payload *payload, const char *name, bool flag);
void payload_moment(struct payload *payload, const char *name, moment at);
void payload_json(struct payload *payload, const char *name, const char *json);
void payload_texts(struct payload *payload, const char *name, const char *const *texts, size_t count);
const char *payload_end(struct payload *payload);
