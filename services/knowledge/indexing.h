/*
 * indexing - the way of a kb.index job: read the document, cut it, embed the chunks that are new, store them, publish.
 *
 * What was stored stays stored: a job that runs again goes on where it ended.
 */
#pragma once
#include "service/service.h"

void indexing_start(struct batch *batch);
void indexing_told(struct batch *batch);
