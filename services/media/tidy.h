/*
 * tidy - files that were begun and never finished, because their process died, are removed after an hour.
 */
#pragma once
#include "service/service.h"

int64_t tidy_run(struct batch *batch);
