/*
 * lead - people as REST reads and changes them; always within the caller's company.
 */
#pragma once
#include "service/service.h"

void lead_list(struct batch *batch);
void lead_get(struct batch *batch);
void lead_patch(struct batch *batch);
void lead_messages(struct batch *batch);
void lead_events(struct batch *batch);
