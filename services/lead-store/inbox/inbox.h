/*
 * inbox - conversations as a team works through them: found, read, assigned, closed. Always within the caller's
 * company.
 */
#pragma once
#include "service/service.h"

void inbox_list(struct batch *batch);
void inbox_get(struct batch *batch);
void inbox_messages(struct batch *batch);
void inbox_patch(struct batch *batch); /* one at a time */
void inbox_read(struct batch *batch);
