/*
 * log - the event log as it is read from outside, by number and never beyond what is settled: whoever goes on after the
 * last event that he saw misses none and sees none twice.
 */
#pragma once
#include "service/service.h"

void log_find(struct batch *batch);
void log_page(struct batch *batch);
