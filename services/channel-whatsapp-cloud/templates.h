/*
 * templates - the list of a company's templates, fetched from Meta page by page and told page by page.
 */
#pragma once
#include "service/service.h"

void templates_start(struct batch *batch);
void templates_told(struct batch *batch);
