/*
 * tidy - what is of no use any more: files that were begun and never finished, because their process died, after an
 * hour; contents that no file names, once the store says so.
 */
#pragma once
#include "service/service.h"

void tidy_open(void);
void tidy_close(void);
int64_t tidy_run(struct batch *batch);
