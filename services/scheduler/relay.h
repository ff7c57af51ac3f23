/*
 * relay - the scheduler's own events: written with what they tell, published by a duty, deleted once the stream has
 * them.
 *
 * Two schedulers may publish the same one; the stream keeps it once, by its id.
 */
#pragma once
#include "service/service.h"

/* Inserts an event for each row of b (id, company_id, task, ...) and its job j; the FROM clause follows. at: the time's
 * parameter. more: further payload. */
#define EVENT_INSERT(type, at, more)                                                                                          \
    "INSERT INTO jobs.events (id, type, company_id, entity_id, lead_id, correlation_id, payload, occurred_at)"                \
    "  SELECT gen_random_uuid(), '" type "', b.company_id, b.id,"                                                             \
    "   CASE WHEN j.task_params ->> 'lead_id' ~ '^[0-9a-fA-F-]{36}$' THEN j.task_params ->> 'lead_id' END, j.correlation_id," \
    "   json_strip_nulls(json_build_object('job_id', b.id, 'task', b.task" more ")), " at

int64_t relay_run(struct batch *batch);
void relay_wake(void); /* any thread */
