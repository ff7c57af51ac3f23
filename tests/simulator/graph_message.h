/*
 * graph_message - a send body, checked against the contract and taken apart.
 *
 * Its texts point into the JSON it was read from (`text` of a template is its own): clear it before that goes.
 */
#ifndef SIMULATOR_GRAPH_MESSAGE_H
#define SIMULATOR_GRAPH_MESSAGE_H

#include "buffer.h"
#include "check.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct graph_message {
    const char *input;   /* the recipient as it was written */
    char to[64];         /* phone digits or group id; empty when only the user id is known */
    const char *user_id; /* NULL: none */
    const char *type;
    const char *text;      /* what the customer reads; NULL: nothing to read */
    const char *callback;  /* NULL: none */
    const char *quoted;    /* id of the message it replies to; NULL: none */
    const cJSON *template; /* NULL: free-form */
    struct buffer filled;  /* holds `text` of a template */
};

/* True when the body marks an inbound as read instead of sending something. */
bool graph_message_is_read_mark(const cJSON *body);

void graph_message_check_read_mark(struct check *check, const cJSON *body);

/* `message` is whole only if nothing failed; clear it in any case. */
void graph_message_read(struct check *check, const cJSON *body, struct graph_message *message);

void graph_message_clear(struct graph_message *message);

/* Who it goes to, for buckets and windows: the phone first. */
const char *graph_message_recipient(const struct graph_message *message);

#endif
