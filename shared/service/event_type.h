/*
 * event_type - every event that integrators can subscribe to, with the members of its payload.
 *
 * One table: lead-store and scheduler write no other type, asyncapi.json is generated from it, and docs/events.md must
 * name each (a test looks).
 */
#pragma once

struct event_member {
    const char *name; /* of the payload; NULL ends the list */
    const char *type; /* JSON schema's: string, integer, boolean, array, object */
    const char *help;
};

enum { EVENT_MEMBERS_MAX = 10 };

struct event_type {
    const char *name;  /* "<entity>.<verb>"; the subject is events.<company_id>.<entity>.<verb>. NULL ends the table */
    const char *older; /* names that other systems use for the same fact; NULL: none */
    const char *help;  /* one sentence */
    struct event_member members[EVENT_MEMBERS_MAX];
};

extern const struct event_type EVENT_TYPES[];
const struct event_type *event_type_find(const char *name); /* NULL: no such event */
