/*
 * graph_templates - the approved templates of the simulated business, and the check of a message that uses one.
 */
#ifndef SIMULATOR_GRAPH_TEMPLATES_H
#define SIMULATOR_GRAPH_TEMPLATES_H

#include "buffer.h"
#include "check.h"

/* Checks the `template` member of a send and writes the text the customer reads into `text`. */
void graph_template_check(struct check *check, const cJSON *template, struct buffer *text);

#endif
