/*
 * find - POST /kb/search: what the AI would be given. Where a provider embeds the company's questions it is asked, and
 * waited for: these are people's questions, one at a time.
 */
#pragma once
#include "service/service.h"

void find_open(void);
void find_close(void);
void find(struct batch *batch);
