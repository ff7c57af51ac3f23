/*
 * graph_templates - the approved templates of the simulated business, and the check of a message that uses one.
 */
#ifndef SIMULATOR_GRAPH_TEMPLATES_H
#define SIMULATOR_GRAPH_TEMPLATES_H

#include "buffer.h"
#include "check.h"

#include <stdbool.h>

/* Checks the `template` member of a send and writes the text the customer reads into `text`. */
void graph_template_check(struct check *check, const cJSON *template, struct buffer *text);

/* One page of GET /{version}/{business account}/message_templates. */
void graph_templates_list(const char *after, struct buffer *body);
/* APPROVED, PENDING, REJECTED, PAUSED, DISABLED, or GONE from the list; false: no such template or status. */
bool graph_templates_set(const char *name, const char *language, const char *status);
void graph_templates_reset(void);

#endif
