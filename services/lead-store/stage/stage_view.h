/*
 * stage_view - a stage and a pipeline as REST shows them: the columns of their types, shared by reading and writing.
 */
#pragma once
#include "service/service.h"

#define STAGE_COLUMNS                                                                                                  \
    "s.id, s.pipeline_id, s.name, s.position, s.ai_config, to_jsonb(s.allowed_transitions) as allowed_transitions, "   \
    "s.version, s.created_at, s.updated_at "
#define PIPELINE_COLUMNS                                                                                               \
    "p.id as of_pipeline, p.name as pipeline, p.is_default, p.archived, p.version as pipeline_version "

/* Rows of both, a pipeline's together: pipelines with their stages. */
Pb__PipelineList *pipelines_told(struct arena *arena, const struct rows *rows);
/* Whether what is in a stage or pipeline lets it go; leads are counted to a thousand. */
enum status stage_used_check(int64_t leads, int64_t models, const char *noun, struct error *refused);
