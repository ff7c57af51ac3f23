/*
 * stats - store.stats: numbers for people, cheap to read.
 */
#pragma once
#include "service/service.h"

void stats_read(struct batch *batch);
