/*
 * envelope - the outer shape of every webhook body: object, entry, changes, metadata.
 */
#ifndef SIMULATOR_ENVELOPE_H
#define SIMULATOR_ENVELOPE_H

#include "buffer.h"

#include <stdbool.h>

/* The business's own number, as customers see it. */
#define ENVELOPE_DISPLAY_PHONE "15005550100"

void envelope_open(struct buffer *body);

/* Opens a change of one phone number up to the members of its value; each but the first needs `further`. */
void envelope_open_change(struct buffer *body, const char *field, const char *phone_id, bool further);
void envelope_close_change(struct buffer *body);

/* Also writes everything non-ASCII as \uXXXX. */
void envelope_close(struct buffer *body);

#endif
