/*
 * query - reading jobs: one by id, a page of them, how many there are. A company sees its own.
 */
#pragma once
#include "service/service.h"

void query_get(struct batch *batch);   /* jobs.get */
void query_list(struct batch *batch);  /* jobs.list */
void query_stats(struct batch *batch); /* jobs.stats */
