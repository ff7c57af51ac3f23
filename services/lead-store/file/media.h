/*
 * media - files: what is to be fetched, what came of it, who may have it.
 *
 * A file is its company's: every question is answered within the caller's company only. What became of an inbound file
 * is written into its message (media_info.file) and is an event. Who deletes one takes it from everybody at once; its
 * content goes a while later, if no other file is the same.
 */
#pragma once
#include "service/service.h"

void media_find(struct batch *batch);
void media_settle(struct batch *batch);
void media_get(struct batch *batch);
void media_create(struct batch *batch);
void media_delete(struct batch *batch);
void media_remove(struct batch *batch);

/* Inside a transaction: this content goes, unless somebody else names it. */
void media_forget(struct batch *batch, const char *company_id, const char *sha256);
