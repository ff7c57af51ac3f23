/*
 * knowledge - a company's material: documents as they were given, chunks as they are found, and how they are to be
 * used.
 *
 * A document is saved first and indexed by a kb.index job, which follows from its row: while its state is `indexing`
 * such a job lives, or the sweep makes one. What was indexed before is found until then.
 */
#pragma once
#include "service/service.h"

void knowledge_put(struct batch *batch);
void knowledge_list(struct batch *batch);
void knowledge_get(struct batch *batch);
void knowledge_delete(struct batch *batch);
void knowledge_settings_get(struct batch *batch);
void knowledge_settings_patch(struct batch *batch);
void knowledge_read(struct batch *batch);
void knowledge_index(struct batch *batch);
void knowledge_search(struct batch *batch);

/* Once at start: looks for pgvector, and has it index the vectors if it can be had. */
enum status knowledge_open(struct batch *batch, struct error *error);
/* A pass of the sweep: documents that wait to be indexed longer than they should. */
enum status knowledge_sweep(struct batch *batch, struct error *error);
