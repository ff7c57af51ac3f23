/*
 * model_view - a model as REST shows it: the columns of the one type, shared by reading and writing.
 */
#pragma once

#define AI_MODEL_COLUMNS                                                                                               \
    "m.id, m.stage_id, m.position, m.provider, m.model, m.temperature, m.max_tokens, m.system_prompt, "                \
    "m.prompt_version, m.version, m.created_at, m.updated_at "
