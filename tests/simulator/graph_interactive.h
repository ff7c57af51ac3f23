/*
 * graph_interactive - the check of `interactive` messages: buttons, lists, links, flows, location requests.
 */
#ifndef SIMULATOR_GRAPH_INTERACTIVE_H
#define SIMULATOR_GRAPH_INTERACTIVE_H

#include "check.h"

/* Answers the text the customer reads; NULL after a fault. */
const char *graph_interactive_check(struct check *check, const cJSON *interactive);

#endif
