/*
 * uncover - takes back what a turn covered, when its reply will not leave: its inbound messages are owed again.
 *
 * Only the newest turn of a conversation can be taken back, for coverage is one position: all up to it is answered.
 */
#pragma once
#include "core/event.h"
#include "core/hold.h"

/* The turn is the last word in its conversation, which is open and held. */
bool turn_is_newest(const struct held *held, const struct held_turn *turn);
/* Marks it in what is held; uncover_write writes it. Newest first, where several of one conversation go. */
void turn_uncover(struct held *held, struct held_turn *turn, struct ids *uncovered);
void uncover_write(struct held *held, const struct ids *uncovered);

/* by_message_id: the inbound that took it back; NULL: a person did. */
void turn_note_superseded(struct event_list *events, const struct held_turn *turn, const char *by_message_id,
                          const struct caller *caller);
void turns_supersede(struct batch *batch, const struct ids *turn_ids);
