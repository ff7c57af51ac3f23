/*
 * finish - jobs.finish: the result of a run, and what follows from it, in one transaction.
 *
 * The first result of the current dispatch wins; any other is answered as stale and changes nothing.
 */
#pragma once
#include "service/service.h"

void finish_handle(struct batch *batch);
