/*
 * outbound - new messages to customers: their rows, their events, their send jobs.
 *
 * Writing one never sends it: the row says `queued`, its job wakes the channel, and the gate decides. Position and
 * epoch are taken from the held conversation.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"
#include "net/db_record.h"

struct outbound {
    const char *id;
    struct held_conversation *conversation; /* held, with its reach */
    const struct caller *caller;
    const char *sender_type, *sender_id, *cause;
    const char *text, *media_info, *media_type; /* NULL: none */
    const char *reply_to, *turn_id;
    int32_t priority;
    int64_t position; /* set by outbound_write */
    Pb__JobSpec *job; /* likewise */
};

/* Queues the insert of rows of crm.message_row: one that came into being since we looked fails the transaction (23505).
 */
void messages_queue(struct batch *batch, const struct records *rows);

/* Inserts them in order and marks their conversations as changed; hold_save comes later. */
void outbound_write(struct held *held, struct outbound *list, size_t count, struct event_list *events);

/* The send job of one that exists already: the same job again. */
Pb__JobSpec *outbound_job(struct arena *arena, const struct outbound *outbound);
