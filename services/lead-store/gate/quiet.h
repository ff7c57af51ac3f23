/*
 * quiet - when the quiet hours of a person end, by their own clock.
 *
 * The zone is the lead's, else the contact's, else the company's, else UTC; PostgreSQL knows the zones and their
 * changes of time.
 */
#pragma once
#include "core/hold.h"

struct quiet_task {
    const char *zone;      /* first of those that is set */
    const char *from, *to; /* proactive messages may leave from .. to; "22:00:00" */
    moment until;          /* set: when they may; 0: now */
    const char *zone_used; /* set: UTC when the zone is unknown to the database */
};

enum status quiet_read(struct batch *batch, struct quiet_task *tasks, size_t count, struct error *error);
