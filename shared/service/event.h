/*
 * event - how a fact leaves for EVENTS: subject, id and headers, the same whoever publishes it.
 *
 * The data is the binary parley.v1.Event; the headers are CloudEvents attributes (binary mode) with the ids that make
 * an event findable. At least once, under the event's own id: publishing again within the stream's window is harmless,
 * and the id never changes.
 */
#pragma once
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "wire/pb.h"

enum { EVENT_HEADERS_MAX = 12 };

/* One status per event, in order: OK only after the stream has it. Events need id, type, company_id and entity_id;
 * REJECT otherwise. */
void event_publish_all(struct arena *arena, const Pb__Event *const *events, size_t count, enum status *statuses);

/* The headers of one event into out[EVENT_HEADERS_MAX]; returns how many. */
struct bus_header;
size_t event_headers(struct arena *arena, const Pb__Event *event, struct bus_header *out);
