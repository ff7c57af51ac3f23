/*
 * stage_view - a stage as REST shows it: the columns of the one type, shared by reading and writing.
 */
#pragma once

#define STAGE_COLUMNS                                                                                                  \
    "s.id, s.pipeline_id, s.name, s.position, s.ai_config, to_jsonb(s.allowed_transitions) as allowed_transitions, "   \
    "s.version, s.created_at, s.updated_at "
