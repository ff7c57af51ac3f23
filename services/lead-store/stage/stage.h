/*
 * stage - a company's pipelines and stages over REST: listed, made, changed under their version, removed while nobody
 * is in them, or with another stage for those who are.
 */
#pragma once
#include "service/service.h"

void pipeline_list(struct batch *batch);
void pipeline_get(struct batch *batch);
void pipeline_create(struct batch *batch);
void pipeline_patch(struct batch *batch);
void pipeline_delete(struct batch *batch);
void stage_get(struct batch *batch);
void stage_create(struct batch *batch);
void stage_patch(struct batch *batch);
void stage_delete(struct batch *batch);
