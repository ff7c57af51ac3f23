/*
 * document_view - what the statements of documents share.
 */
#pragma once
#include "core/event.h"
#include "service/service.h"

#define DOCUMENT_VIEW                                                                                                                                 \
    "d.id, d.company_id, d.title, d.format, d.locale as language, d.source, d.state, d.error, d.chunk_count, d.version, d.indexed_at, d.created_at, " \
    "d.updated_at"

/* The job that indexes this revision of a document. */
Pb__JobSpec *document_job(struct arena *arena, const char *company_id, const char *document_id, int64_t revision,
                          const struct caller *caller);

/* The company's row, made if need be and locked: whoever changes its chunks, terms or counts holds it. */
enum status document_hold_company(struct batch *batch, const char *company_id, struct error *error);

void document_note(struct event_list *events, const char *type, const char *company_id, const char *document_id,
                   const char *title, int64_t chunks, const char *correlation_id);

/* Chunks of a document that are found no longer; all of it but those that are kept. *count: how many. */
enum status document_retire(struct batch *batch, const char *company_id, const char *document_id,
                            const char *const *kept, size_t kept_count, int64_t *count, struct error *error);
