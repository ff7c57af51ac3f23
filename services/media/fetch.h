/*
 * fetch - the way of one file: ask what it is, look up its URL, load it, keep it, tell the store.
 *
 * Everything up to the telling may be done again: a file's name is its content. What no retry heals is an outcome, told
 * like a file that is kept; what may heal is the ladder's, and told as such when the ladder ends.
 */
#pragma once
#include "media/media_place.h"
#include "service/service.h"

extern const struct setting fetch_settings[];
extern struct media_place fetch_place;

enum status fetch_open(struct batch *batch, struct error *error);
void fetch_close(void);
void fetch_start(struct batch *batch);
void fetch_told(struct batch *batch);
void fetch_let_go(struct item *item);
