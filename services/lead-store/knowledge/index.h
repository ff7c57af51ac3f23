/*
 * index - chunks are stored under names that follow from what they say, and become what is found in one transaction.
 */
#pragma once
#include "service/service.h"

/* Stores what isn't there yet; nothing of it is found before index_publish. Chunks have title, heading, text,
 * embedding, vector. */
enum status index_store(struct batch *batch, const char *company_id, const char *document_id,
                        Pb__KnowledgeChunk *const *chunks, size_t count, struct error *error);
/* From here on exactly these are the document's, in this order. RETRY: one of them is not stored. */
enum status index_publish(struct batch *batch, const char *company_id, const char *document_id,
                          const char *const *chunk_ids, size_t count, Pb__KnowledgeIndexed *out, struct error *error);
