#include "service/event.h"

#include "base/limits.h"
#include "base/moment.h"
#include "base/text.h"
#include "net/bus.h"
#include "service/client.h"
#include "service/topology.h"

/* The room that states the fact: job.* is the scheduler's, everything else lead-store's. */
static const char *event_source(const Pb__Event *event)
{
    return text_starts(event->type, "job.") ? "/parley/scheduler" : "/parley/lead-store";
}

static const char *event_time(struct arena *arena, const Pb__Event *event)
{
    char *text = arena_alloc(arena, MOMENT_BYTES);
    return moment_text(event->has_occurred_at ? event->occurred_at : event->admitted_at, text);
}

static const char *event_about(struct arena *arena, const Pb__Event *event)
{
    return text_format(arena, "%s/%s", text_or(event->entity_type, "entity"), event->entity_id);
}

size_t event_headers(struct arena *arena, const Pb__Event *event, struct bus_header *out)
{
    const struct bus_header all[] = {
        { "ce-specversion", "1.0" },
        { "ce-id", event->id },
        { "ce-type", event->type },
        { "ce-source", event_source(event) },
        { "ce-time", event_time(arena, event) },
        { "ce-subject", event_about(arena, event) },
        { "content-type", "application/protobuf" },
        { "Parley-Company", event->company_id },
        { "Parley-Correlation", event->correlation_id },
        { "Parley-Lead", event->lead_id },
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!text_empty(all[i].value))
            out[count++] = all[i];
    return count;
}

static bool event_complete(const Pb__Event *event)
{
    return !text_empty(event->id) && !text_empty(event->type) && !text_empty(event->company_id) &&
           !text_empty(event->entity_id);
}

static void event_compose(struct arena *arena, const Pb__Event *event, struct bus_publish *out)
{
    ProtobufCBinaryData data;
    pb_pack(arena, event, &data);
    struct bus_header *headers = ARENA_ARRAY(arena, struct bus_header, EVENT_HEADERS_MAX);
    *out = (struct bus_publish){
        .subject = topology_event_subject(arena, event->company_id, event->type),
        .data = data.data,
        .bytes = data.len,
        .id = event->id,
        .headers = headers,
        .header_count = event_headers(arena, event, headers),
    };
}

void event_publish_all(struct arena *arena, const Pb__Event *const *events, size_t count, enum status *statuses)
{
    struct bus_publish *messages = ARENA_ARRAY(arena, struct bus_publish, count);
    size_t *places = ARENA_ARRAY(arena, size_t, count);
    size_t composed = 0;
    for (size_t i = 0; i < count; i++) {
        statuses[i] = REJECT;
        if (!event_complete(events[i]))
            continue;
        places[composed] = i;
        event_compose(arena, events[i], &messages[composed++]);
    }
    bus_publish_chain(service_bus(), messages, composed, BLOCK_WAIT_MS_MAX);
    for (size_t i = 0; i < composed; i++)
        statuses[places[i]] = messages[i].status;
}
