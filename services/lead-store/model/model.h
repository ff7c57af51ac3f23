/*
 * model - a company's models, and every prompt that they were ever given.
 *
 * A changed prompt is a new version; versions are numbered by company under its row's lock, so that what is stored with
 * a reply names one text for ever.
 */
#pragma once
#include "service/service.h"

enum { AI_MODELS_MAX = 200 }; /* of a company: their list is one page */

void ai_model_create(struct batch *batch);
void ai_model_patch(struct batch *batch);
void ai_model_delete(struct batch *batch);
void ai_model_list(struct batch *batch);
void ai_model_get(struct batch *batch);
void ai_prompt_list(struct batch *batch);
void ai_prompt_get(struct batch *batch);
